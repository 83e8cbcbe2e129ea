// A small chart on a canvas: a rectangle with two axes. It is cheap enough to be drawn again ten times a second.

import { contextOf } from "../core/dom.js";
import { short } from "../core/format.js";
import { faded } from "./palette.js";
import { ticks } from "./ticks.js";

/** @import { Colours } from "./palette.js" */

/** @typedef {[low: number, high: number]} Range an interval of an axis, in data units */

/** @typedef {{ x: Range, y: Range }} Ranges what the two axes of a chart or a map show */

/** @typedef {{ width: number, height: number }} Size in CSS pixels */

/** @typedef {{ left: number, top: number, width: number, height: number }} Box a rectangle on a canvas, in CSS pixels */

/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context2D */

/**
 * @typedef {object} AxesOptions
 * @property {string} [xName] stands at the end of the x axis; where it is undefined, that axis has no numbers
 * @property {(value: number) => string} [xFormat]
 * @property {(value: number) => string} [yFormat]
 * @property {number} [xCount] about how many numbers the x axis has
 * @property {number} [yCount]
 * @property {number[]} [yAt] the numbers of the y axis, where they are not evenly spaced
 */

/**
 * @typedef {object} LabelOptions
 * @property {string} [colour]
 * @property {CanvasTextAlign} [align]
 * @property {CanvasTextBaseline} [baseline]
 * @property {string} [font] weight and size, such as "600 12.5px"; the family is the theme's
 */

/** Weight and size of a chart's title, and of other words that stand out. */
export const TITLE = "600 12.5px";

/**
 * The canvas's context in CSS pixels, cleared. The canvas gets as many pixels as its element covers on the screen.
 * @param {HTMLCanvasElement} canvas
 */
export function prepareCanvas(canvas) {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = contextOf(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/**
 * A filled circle with an outline of colour `seam`.
 * @param {Context2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {string} fill
 * @param {string} seam
 */
export function disc(context, x, y, radius, fill, seam, width = 2) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(context, { fillStyle: fill, strokeStyle: seam, lineWidth: width });
  context.fill();
  context.stroke();
}

/**
 * Draws in data units within a box of a canvas.
 * @template {Context2D} [C=CanvasRenderingContext2D]
 */
export class Plot {
  /**
   * @param {C} context
   * @param {Box} box
   * @param {Ranges} ranges
   * @param {Colours} colours
   */
  constructor(context, box, { x, y }, colours) {
    this.context = context;
    this.box = box;
    this.xRange = x;
    this.yRange = y;
    this.colours = colours;
  }

  /**
   * The pixel column of a value.
   * @param {number} value
   */
  x(value) {
    return this.box.left + ((value - this.xRange[0]) / (this.xRange[1] - this.xRange[0])) * this.box.width;
  }

  /**
   * The pixel row of a value.
   * @param {number} value
   */
  y(value) {
    return this.box.top + ((this.yRange[1] - value) / (this.yRange[1] - this.yRange[0])) * this.box.height;
  }

  /**
   * The x value at a pixel column.
   * @param {number} px
   */
  at(px) {
    return this.xRange[0] + ((px - this.box.left) / this.box.width) * (this.xRange[1] - this.xRange[0]);
  }

  /** The pixel column of the box's right edge. */
  get right() {
    return this.box.left + this.box.width;
  }

  /** The pixel row of the box's lower edge. */
  get bottom() {
    return this.box.top + this.box.height;
  }

  /**
   * Draws the grid and its numbers.
   * @param {AxesOptions} options
   */
  axes({ xName, xFormat = short, yFormat = short, xCount = 5, yCount = 4, yAt = ticks(...this.yRange, yCount) }) {
    const { context, box, colours, right, bottom } = this;
    const { left, top } = box;
    context.font = `12px ${colours.font}`;
    context.lineWidth = 1;
    context.strokeStyle = faded(colours.text, 0.1);
    context.fillStyle = faded(colours.text, 0.72);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of yAt) {
      const y = Math.round(this.y(value)) + 0.5;
      line(context, left, y, right, y);
      context.fillText(yFormat(value), left - 5, y);
    }
    context.textBaseline = "top";
    context.textAlign = "center";
    const room = xName ? context.measureText(xName).width + 14 : 0;
    for (const value of ticks(...this.xRange, xCount)) {
      const x = Math.round(this.x(value)) + 0.5;
      line(context, x, top, x, bottom);
      if (xName !== undefined && x < right - room) context.fillText(xFormat(value), x, bottom + 5);
    }
    if (xName) {
      context.textAlign = "right";
      context.fillText(xName, right, bottom + 5);
    }
  }

  /**
   * Calls `draw`; nothing that it draws appears outside the box.
   * @param {(context: C) => void} draw
   */
  clipped(draw) {
    const { context, box } = this;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    draw(context);
    context.restore();
  }

  /**
   * A line through `count` points, whose data coordinates are given as functions of the index.
   * @param {number} count
   * @param {(i: number) => number} xAt
   * @param {(i: number) => number} yAt
   * @param {string} colour
   */
  path(count, xAt, yAt, colour, width = 1.6) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.lineJoin = "round";
    context.beginPath();
    for (let i = 0; i < count; i++) context.lineTo(this.x(xAt(i)), this.y(yAt(i)));
    context.stroke();
  }

  /**
   * A dot at each of `count` points, given as for `path`.
   * @param {number} count
   * @param {(i: number) => number} xAt
   * @param {(i: number) => number} yAt
   * @param {string} colour
   */
  dots(count, xAt, yAt, colour, radius = 2.2) {
    const { context } = this;
    context.fillStyle = colour;
    for (let i = 0; i < count; i++) {
      context.beginPath();
      context.arc(this.x(xAt(i)), this.y(yAt(i)), radius, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /**
   * A dot at one point.
   * @param {number} xValue
   * @param {number} yValue
   * @param {string} colour
   * @param {number} radius
   */
  dot(xValue, yValue, colour, radius) {
    this.dots(
      1,
      () => xValue,
      () => yValue,
      colour,
      radius,
    );
  }

  /**
   * A line across the box at a value of y, in the context's stroke style.
   * @param {number} value
   */
  horizontal(value) {
    const y = this.y(value);
    line(this.context, this.box.left, y, this.right, y);
  }

  /**
   * A line from the top to the bottom of the box at a value of x, in the context's stroke style.
   * @param {number} value
   */
  vertical(value) {
    const x = this.x(value);
    line(this.context, x, this.box.top, x, this.bottom);
  }

  /**
   * The chart's title, in the upper left corner of the canvas. Returns its width.
   * @param {string} text
   * @param {{ y?: number, font?: string }} [options] y: px from the top of the canvas to the middle of the line
   */
  title(text, { y = 9, font = TITLE } = {}) {
    return this.label(text, 4, y, { font });
  }

  /**
   * Text at a pixel, with an outline of the background's colour so that it can be read on top of lines. Returns its width.
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {LabelOptions} [options]
   */
  label(text, x, y, { colour = this.colours.text, align = "left", baseline = "middle", font = "12px" } = {}) {
    const { context, colours } = this;
    Object.assign(context, {
      font: `${font} ${colours.font}`,
      textAlign: align,
      textBaseline: baseline,
      lineJoin: "round",
    });
    context.strokeStyle = colours.background;
    context.lineWidth = 3.5;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
    return context.measureText(text).width;
  }
}

/**
 * The width of a label, in pixels.
 * @param {Context2D} context
 * @param {{ font: string }} colours
 * @param {string} text
 */
export function widthOf(context, { font: family }, text, font = "12px") {
  context.font = `${font} ${family}`;
  return context.measureText(text).width;
}

/**
 * @param {Context2D} context
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 */
export function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/**
 * The interval that holds all values, enlarged by the share `air` of its width at each end. It is never so narrow that
 * rounding errors of the values can be seen.
 * @param {Iterable<number>} values
 * @returns {Range}
 */
export function range(values, air = 0.08) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(high >= low)) return [0, 1];
  const least = Math.max(0.2, 0.01 * Math.abs(low + high));
  const half = Math.max((high - low) * (0.5 + air), least / 2);
  return [(low + high) / 2 - half, (low + high) / 2 + half];
}

const START = 0.04; // share of a run that the axes need not show: the loss falls far in the first steps

/**
 * The points of a training curve without those of its start, or all where there are few.
 * @template {{ images: number }} P
 * @param {P[]} points
 */
export function settled(points) {
  const from = START * (points.at(-1)?.images ?? 0);
  return points.length < 8 ? points : points.filter(({ images }) => images >= from);
}

/**
 * Leaves out every mark whose successor is at most `room` pixels away.
 * @template M
 * @param {M[]} marks
 * @param {(mark: M) => number} position in pixels
 * @param {number} room
 */
export function spaced(marks, position, room) {
  return marks.filter((mark, i) => i === marks.length - 1 || position(marks[i + 1]) - position(mark) > room);
}
