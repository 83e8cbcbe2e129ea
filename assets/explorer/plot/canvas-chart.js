// The base class of the small charts: each has a canvas of its own, data that are shown until others replace them, and the
// colours of the page's theme.

import { prepareCanvas } from "./chart.js";
import { theme } from "./palette.js";

/** @import { Pixel } from "../map/view.js" */
/** @import { Box, Size } from "./chart.js" */
/** @import { Colours } from "./palette.js" */

/** @typedef {{ left: number, right: number, top: number, bottom: number }} Margin around the box of a chart, in CSS pixels */

/**
 * Where a chart is painted: the size of its canvas, and the box that the margin leaves.
 * @template {Colours} [C=Colours]
 * @typedef {Size & { box: Box, colours: C }} ChartFrame
 */

/**
 * @typedef {object} ChartOptions
 * @property {Margin} [margin]
 * @property {Size} [least] on a smaller canvas nothing is painted
 * @property {boolean} [hovers] the chart is painted again whenever the pointer moves over it
 */

const NO_MARGIN = { left: 0, right: 0, top: 0, bottom: 0 };

/**
 * What a margin leaves of a canvas.
 * @param {Size} size
 * @param {Margin} margin
 * @returns {Box}
 */
export const boxWithin = ({ width, height }, { left, right, top, bottom }) => ({
  left,
  top,
  width: width - left - right,
  height: height - top - bottom,
});

/**
 * Subclasses override `paint`. Where a page has colours beside those of the theme (`C`), it sets `colours` before it shows any
 * data and whenever the theme has changed.
 * @template Data
 * @template {Colours} [C=Colours]
 */
export class CanvasChart {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {ChartOptions} [options]
   */
  constructor(canvas, options = {}) {
    this.canvas = canvas;
    this.margin = options.margin ?? NO_MARGIN;
    this.least = options.least ?? { width: 1, height: 1 };
    /** @type {Data | null} */
    this.data = null;
    /** @type {Pixel | null} of the pointer; null while it is elsewhere */
    this.hover = null;
    /** @type {C | null} null before the first drawing and after a change of the theme */
    this.colours = null;
    if (!options.hovers) return;
    canvas.addEventListener("pointermove", (event) => this.point([event.offsetX, event.offsetY]));
    canvas.addEventListener("pointerleave", () => this.point(null));
  }

  /** @param {Data} data */
  show(data) {
    this.data = data;
    this.draw();
  }

  clear() {
    this.data = null;
    prepareCanvas(this.canvas);
  }

  /** Draws the chart again in the colours of the theme as it is now. */
  retheme() {
    this.colours = null;
    this.draw();
  }

  /** @param {Pixel | null} pixel of the pointer */
  point(pixel) {
    this.hover = pixel;
    this.draw();
  }

  /** Draws the chart again, at the present size of its canvas. */
  draw() {
    if (this.data === null) return;
    const { context, width, height } = prepareCanvas(this.canvas);
    if (width < this.least.width || height < this.least.height) return;
    this.colours ??= this.readColours();
    const box = boxWithin({ width, height }, this.margin);
    this.paint(context, this.data, { width, height, box, colours: this.colours });
  }

  /** The colours of the theme as it is now. */
  readColours() {
    return /** @type {C} */ (theme(this.canvas)); // with other colours than these, `colours` is never null
  }

  /**
   * Paints the data on the cleared canvas.
   * @param {CanvasRenderingContext2D} _context
   * @param {Data} _data
   * @param {ChartFrame<C>} _frame
   */
  paint(_context, _data, _frame) {
    throw new Error("A chart has to define `paint`.");
  }
}
