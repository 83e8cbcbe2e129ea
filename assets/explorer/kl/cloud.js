// Many points and buffer zones, drawn anew in every animation frame, at a cost that does not grow with the area of the zones.
//
// A zone is filled row by row: +1 is added where a row of it begins and −1 where it ends, and one cumulative sum along each
// row of the picture gives the number of zones over every pixel. Points are written straight into the pixels. The cost of
// both is the same however much they overlap.

/** @import { View } from "../map/view.js" */
/** @import { Model } from "./model.js" */

import { contextOf } from "../core/dom.js";
import { classColour, rgb } from "../plot/palette.js";

const ROWS = 100_000; // rows of all zones together in one frame; where they would be more, the picture is coarser …
const ROWS_AT_REST = 700_000; // … until nothing moves any more
const LENGTH = 60_000; // pixels of outline that may be drawn in every frame; more wait until nothing moves
const FINEST = 0.6; // pixels of the filling for one of the screen
const ONE = 0.1; // opacity of one zone …
const MOST = 0.55; // … and of very many
const LINE = 0.42; // opacity of an outline; it fades where many zones overlap
const LEAST = 0.5; // px: a zone that is smaller hides under its point
const PHASES = 4; // places within a pixel that a point is stamped at, in each direction
const DEPTHS = 4096; // steps of the table that turns a number of zones into an opacity
const DEEPEST = 64;

const OPACITY = Uint8Array.from(
  { length: DEPTHS },
  (_, i) => 255 * MOST * (1 - Math.exp((-ONE / MOST) * i * (DEEPEST / DEPTHS))),
);

/**
 * A disc as opacities (side, side), for every place within a pixel: masks[row][column].
 * @typedef {{ size: number, side: number, masks: Uint8Array[][] }} Stamps
 */

/**
 * @typedef {object} CloudOptions
 * @property {string} zones "all", or zones are not drawn here
 * @property {number[]} hidden classes that are not drawn
 * @property {number} size diameter of a point in px
 * @property {boolean} fine whether to draw in full detail, however long it takes
 */

export class PathCloud {
  /**
   * @param {HTMLCanvasElement} canvas for the fill of the zones
   * @param {Int32Array} labels
   * @param {number} classes
   * @param {boolean} ordered whether the classes have an order
   */
  constructor(canvas, labels, classes, ordered = false) {
    this.canvas = canvas;
    this.labels = labels;
    this.classes = classes;
    this.ordered = ordered;
    this.coarse = false; // whether the last drawing had to leave out detail
    this.ends = new Float32Array(0); // changes of the number of zones and of the sums of their colours, pixel by pixel
    /** @type {Stamps | null} */
    this.stamps = null;
    /** @type {ImageData | null} */
    this.picture = null;
    this.pixels = new Uint32Array(0); // those of `picture`
    /** @type {ImageData | null} */
    this.dots = null;
    this.dotPixels = new Uint32Array(0); // those of `dots`
    this.order = Int32Array.from(labels.keys()).sort((a, b) => labels[a] - labels[b] || a - b);
    this.colours = Array.from({ length: classes }, (_, c) => rgb(classColour(c, classes, ordered)));
  }

  /**
   * Draws the fill of the zones on its own canvas, points and outlines on that of `context`.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Model} model
   * @param {CloudOptions} options
   */
  draw(context, view, model, { zones, hidden, size, fine }) {
    this.coarse = false;
    const layers = zones === "all" ? this.layers(view, model) : 0;
    this.canvas.style.display = zones === "all" ? "" : "none";
    if (zones === "all") this.fill(view, model, hidden, fine);
    this.stamp(context, view, model, hidden, size);
    const opacity = LINE / (1 + layers / 5) - 0.06;
    if (zones !== "all" || opacity <= 0) return;
    if (fine || this.length(view, model) < LENGTH) this.outline(context, view, model, hidden, opacity);
    else this.coarse = true;
  }

  /**
   * How many zones would lie over a pixel of the view if they were spread evenly.
   * @param {View} view
   * @param {Model} model
   */
  layers(view, { shown: [, , uu, uv, vv], count }) {
    let area = 0;
    for (let i = 0; i < count; i++) area += Math.sqrt(Math.max(0, uu[i] * vv[i] - uv[i] * uv[i]));
    return (Math.PI * area * view.pixelsPerUnit ** 2) / (view.width * view.height);
  }

  /**
   * Length of all outlines together, in pixels.
   * @param {View} view
   * @param {Model} model
   */
  length(view, { shown: [, , uu, , vv], count }) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += Math.sqrt(uu[i] + vv[i]);
    return 4.5 * sum * view.pixelsPerUnit;
  }

  /**
   * @param {View} view
   * @param {Model} model
   * @param {number[]} hidden
   * @param {boolean} fine
   */
  fill(view, { shown: [us, vs, uu, uv, vv], count }, hidden, fine) {
    let rows = 0;
    for (let i = 0; i < count; i++) rows += Math.sqrt(vv[i]);
    rows *= 2 * view.pixelsPerUnit;
    const scale = Math.min(FINEST, (fine ? ROWS_AT_REST : ROWS) / Math.max(1, rows));
    this.coarse = !fine && scale < FINEST;
    const [width, height] = [Math.ceil(view.width * scale), Math.ceil(view.height * scale)];
    const ends = this.reserve(width, height);
    const unit = view.pixelsPerUnit * scale;
    for (let i = 0; i < count; i++) {
      if (hidden.length && hidden.includes(this.labels[i])) continue;
      const [red, green, blue] = this.colours[this.labels[i]];
      const half = Math.sqrt(vv[i]) * unit;
      if (half < LEAST * scale && Math.sqrt(uu[i]) * unit < LEAST * scale) continue;
      const x = (us[i] - view.x[0]) * unit;
      const y = (view.y[1] - vs[i]) * unit;
      const slant = -uv[i] / vv[i];
      const wide = Math.sqrt(Math.max(0, uu[i] - (uv[i] * uv[i]) / vv[i])) * unit;
      const last = Math.min(height - 1, Math.floor(y + half - 0.5));
      for (let row = Math.max(0, Math.ceil(y - half - 0.5)); row <= last; row++) {
        const away = row + 0.5 - y;
        const reach = wide * Math.sqrt(Math.max(0, 1 - (away * away) / (half * half)));
        const middle = x + slant * away;
        const from = Math.max(0, middle - reach);
        const to = Math.min(width - 1, middle + reach);
        if (to <= from) continue;
        edge(ends, row * width, from, 1, red, green, blue);
        edge(ends, row * width, to, -1, red, green, blue);
      }
    }
    this.sum(width, height);
    const { style } = this.canvas;
    Object.assign(style, {
      left: `${view.left}px`,
      top: `${view.top}px`,
      width: `${width / scale}px`,
      height: `${height / scale}px`,
    });
    style.clipPath = `inset(0 ${width / scale - view.width}px ${height / scale - view.height}px 0)`;
  }

  /**
   * The array `ends`, set to 0, for a picture of this size; four numbers for every pixel.
   * @param {number} width
   * @param {number} height
   */
  reserve(width, height) {
    const size = 4 * (width * height + 2);
    if (this.ends.length < size) this.ends = new Float32Array(size);
    else this.ends.fill(0, 0, size);
    if (this.picture?.width !== width || this.picture?.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.picture = new ImageData(width, height);
      this.pixels = new Uint32Array(this.picture.data.buffer);
    }
    return this.ends;
  }

  /**
   * Sums along every row: the number of zones over each pixel, and their mean colour.
   * @param {number} width
   * @param {number} height
   */
  sum(width, height) {
    const { ends, pixels, picture } = this;
    if (!picture) return;
    for (let row = 0, p = 0, e = 0; row < height; row++) {
      let [zones, red, green, blue] = [0, 0, 0, 0];
      for (let x = 0; x < width; x++, p++, e += 4) {
        zones += ends[e];
        red += ends[e + 1];
        green += ends[e + 2];
        blue += ends[e + 3];
        if (zones < 0.02) pixels[p] = 0;
        else {
          const depth = (zones * (DEPTHS / DEEPEST)) | 0;
          const share = 1 / zones;
          pixels[p] =
            (OPACITY[depth < DEPTHS ? depth : DEPTHS - 1] << 24) |
            ((blue * share) << 16) |
            ((green * share) << 8) |
            (red * share);
        }
      }
    }
    contextOf(this.canvas).putImageData(picture, 0, 0);
  }

  /**
   * Draws the points into the pixels of the canvas, and replaces all that was drawn there before.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Model} model
   * @param {number[]} hidden
   * @param {number} size
   */
  stamp(context, view, { shown: [us, vs], count }, hidden, size) {
    const { canvas } = context;
    const ratio = context.getTransform().a;
    const { width, height } = canvas;
    let { dots } = this;
    if (dots?.width !== width || dots?.height !== height) {
      this.dots = dots = new ImageData(width, height);
      this.dotPixels = new Uint32Array(dots.data.buffer);
    } else this.dotPixels.fill(0);
    const stamps = this.stampsOf(size * ratio);
    const { side } = stamps;
    const pixels = this.dotPixels;
    const [left, top] = [Math.ceil(view.left * ratio), Math.ceil(view.top * ratio)];
    const [right, bottom] = [
      Math.floor((view.left + view.width) * ratio),
      Math.floor((view.top + view.height) * ratio),
    ];
    const unit = view.pixelsPerUnit * ratio;
    const half = side / 2;
    for (let n = 0; n < count; n++) {
      const i = this.order[n];
      const label = this.labels[i];
      if (hidden.length && hidden.includes(label)) continue;
      const x = view.left * ratio + (us[i] - view.x[0]) * unit - half;
      const y = view.top * ratio + (view.y[1] - vs[i]) * unit - half;
      const [px, py] = [Math.floor(x), Math.floor(y)];
      if (px < left || py < top || px + side > right || py + side > bottom) continue;
      const mask = stamps.masks[((y - py) * PHASES) | 0][((x - px) * PHASES) | 0];
      const [red, green, blue] = this.colours[label];
      const solid = (blue << 16) | (green << 8) | red;
      for (let row = 0, m = 0; row < side; row++) {
        let p = (py + row) * width + px;
        for (let column = 0; column < side; column++, m++, p++) {
          const alpha = mask[m];
          if (alpha === 0) continue;
          const under = pixels[p];
          const below = under >>> 24;
          pixels[p] = below === 0 ? (alpha << 24) | solid : over(red, green, blue, alpha, under, below);
        }
      }
    }
    context.putImageData(dots, 0, 0);
  }

  /** @param {number} size */
  stampsOf(size) {
    if (this.stamps?.size === size) return this.stamps;
    const side = Math.ceil(size) + 2;
    const masks = Array.from({ length: PHASES }, (_, j) =>
      Array.from({ length: PHASES }, (_, i) => disc(side, size / 2, (i + 0.5) / PHASES, (j + 0.5) / PHASES)),
    );
    this.stamps = { size, side, masks };
    return this.stamps;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Model} model
   * @param {number[]} hidden
   * @param {number} opacity
   */
  outline(context, view, { shown: [us, vs, uu, uv, vv] }, hidden, opacity) {
    const pixels = view.pixelsPerUnit;
    let label = -1;
    context.lineWidth = 1 / context.getTransform().a; // a hair line is drawn several times faster
    context.globalAlpha = opacity;
    for (const i of this.order) {
      if (hidden.length && hidden.includes(this.labels[i])) continue;
      if (this.labels[i] !== label) {
        label = this.labels[i];
        context.strokeStyle = classColour(label, this.classes, this.ordered);
      }
      const middle = (uu[i] + vv[i]) / 2;
      const half = Math.hypot((uu[i] - vv[i]) / 2, uv[i]);
      const major = Math.sqrt(middle + half) * pixels;
      if (major < 2) continue;
      const minor = Math.sqrt(Math.max(0, middle - half)) * pixels;
      const x = view.left + (us[i] - view.x[0]) * pixels;
      const y = view.top + (view.y[1] - vs[i]) * pixels;
      if (
        x + major < view.left ||
        x - major > view.left + view.width ||
        y + major < view.top ||
        y - major > view.top + view.height
      )
        continue;
      context.beginPath();
      context.ellipse(x, y, major, minor, -0.5 * Math.atan2(2 * uv[i], uu[i] - vv[i]), 0, 2 * Math.PI);
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}

/**
 * A row of a zone begins (sign 1) or ends (sign −1) at `x`, somewhere within a pixel: this pixel and the next share what is
 * added.
 * @param {Float32Array} ends
 * @param {number} start number of the first pixel of the row
 * @param {number} x
 * @param {1 | -1} sign
 * @param {number} red
 * @param {number} green
 * @param {number} blue
 */
function edge(ends, start, x, sign, red, green, blue) {
  const column = Math.floor(x);
  const e = 4 * (start + column);
  const late = sign * (x - column);
  const soon = sign - late;
  ends[e] += soon;
  ends[e + 1] += soon * red;
  ends[e + 2] += soon * green;
  ends[e + 3] += soon * blue;
  ends[e + 4] += late;
  ends[e + 5] += late * red;
  ends[e + 6] += late * green;
  ends[e + 7] += late * blue;
}

/**
 * A pixel (ABGR) with a colour of opacity `alpha` over `under`, whose opacity is `below`; opacities are 0 to 255.
 * @param {number} red
 * @param {number} green
 * @param {number} blue
 * @param {number} alpha
 * @param {number} under
 * @param {number} below
 */
function over(red, green, blue, alpha, under, below) {
  const share = alpha / 255;
  const rest = (below / 255) * (1 - share);
  const total = share + rest;
  const mixed = (/** @type {number} */ now, /** @type {number} */ shift) =>
    ((now * share + ((under >>> shift) & 255) * rest) / total) | 0;
  return ((255 * total) << 24) | (mixed(blue, 16) << 16) | (mixed(green, 8) << 8) | mixed(red, 0);
}

/**
 * @param {number} side
 * @param {number} radius
 * @param {number} dx
 * @param {number} dy
 */
function disc(side, radius, dx, dy) {
  const mask = new Uint8Array(side * side);
  const middle = side / 2;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const away = Math.hypot(x + 0.5 - middle - dx, y + 0.5 - middle - dy);
      mask[y * side + x] = 230 * Math.min(1, Math.max(0, radius + 0.5 - away));
    }
  return mask;
}
