// Which part of the plane a map shows, and where on the screen: every conversion between (u, v) and pixels is done here.

/** @import { Point } from "../core/link-fields.js" */
/** @import { Box, Range, Ranges, Size } from "../plot/chart.js" */

/** @typedef {[x: number, y: number]} Pixel a position on a map, in CSS pixels; a `Point` is one in data units */

const ROUNDING = 1e-9; // relative error of a range that Plotly was given and gives back

export class View {
  /**
   * @param {Ranges} ranges what is shown
   * @param {Box} box the rectangle between the axes, in pixels of the map
   */
  constructor({ x, y }, { left, top, width, height }) {
    /** @type {Range} */
    this.x = [...x];
    /** @type {Range} */
    this.y = [...y];
    this.left = left;
    this.top = top;
    this.width = width;
    this.height = height;
  }

  /**
   * @param {number} u
   * @param {number} v
   * @returns {Pixel}
   */
  toPixel(u, v) {
    const { x, y, left, top, width, height } = this;
    return [left + ((u - x[0]) / (x[1] - x[0])) * width, top + ((y[1] - v) / (y[1] - y[0])) * height];
  }

  /**
   * @param {number} px
   * @param {number} py
   * @returns {Point}
   */
  toData(px, py) {
    const { x, y, left, top, width, height } = this;
    return [x[0] + ((px - left) / width) * (x[1] - x[0]), y[1] - ((py - top) / height) * (y[1] - y[0])];
  }

  get pixelsPerUnit() {
    return this.width / (this.x[1] - this.x[0]);
  }

  /**
   * @param {number} px
   * @param {number} py
   */
  contains(px, py) {
    const { left, top, width, height } = this;
    return px >= left && px <= left + width && py >= top && py <= top + height;
  }
}

/**
 * What a view shows: [u, v] of its centre and its height in data units; null where it shows the `home` range.
 * @param {Ranges} ranges
 * @param {Ranges} home
 * @returns {[u: number, v: number, height: number] | null}
 */
export function shownBy({ x, y }, home) {
  const height = y[1] - y[0];
  const same = (/** @type {number} */ a, /** @type {number} */ b) => Math.abs(a - b) < height * ROUNDING;
  if ([0, 1].every((end) => same(y[end], home.y[end]) && same(x[end], home.x[end]))) return null;
  return [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, height];
}

/**
 * The inverse of `shownBy`: the ranges of a view with the aspect ratio of `rectangle`.
 * @param {[u: number, v: number, height: number]} shown
 * @param {Size} rectangle
 * @returns {Ranges}
 */
export function rangeOf([u, v, height], rectangle) {
  const [across, up] = [(height * rectangle.width) / rectangle.height / 2, height / 2];
  return { x: [u - across, u + across], y: [v - up, v + up] };
}

/**
 * The ranges that contain every point and the 3-σ ring, with the aspect ratio of the rectangle.
 * @param {{ us: ArrayLike<number>, vs: ArrayLike<number> }} points
 * @param {Size} rectangle
 * @returns {Ranges}
 */
export function homeRange({ us, vs }, { width, height }) {
  const [u0, u1] = extent(us, 3.2);
  const [v0, v1] = extent(vs, 3.2);
  const unit = Math.max((u1 - u0) / width, (v1 - v0) / height);
  /** @type {(a: number, b: number, pixels: number) => Range} */
  const around = (a, b, pixels) => [(a + b - unit * pixels) / 2, (a + b + unit * pixels) / 2];
  return { x: around(u0, u1, width), y: around(v0, v1, height) };
}

/**
 * The smallest interval that contains all values and ±least, enlarged by 2 % at each end.
 * @param {ArrayLike<number>} values
 * @param {number} least
 * @returns {Range}
 */
export function extent(values, least) {
  let [low, high] = [-least, least];
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  const air = (high - low) * 0.02;
  return [low - air, high + air];
}
