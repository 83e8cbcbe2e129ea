// One row for every latent dimension: its rate, as a bar, and the sigma of its posteriors, as a histogram.

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { Colours } from "../plot/palette.js" */
/** @import { Path } from "./path.js" */

import { subscript } from "../math/projection.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { line, TITLE } from "../plot/chart.js";
import { faded, THEORY } from "../plot/palette.js";
import { ticks } from "../plot/ticks.js";

const TOP = 24;
const BOTTOM = 20;
const NAME = 30; // px for the name of a dimension
const GAP = 22;
const LIMIT = 56; // px for the beta at which a dimension collapses
const [LEAST, MOST] = [0.0005, 3]; // the histogram's range of sigma, on a logarithmic scale
const BINS = 72;

/**
 * Pixels of a rate and of a sigma; the highest rate shown, and the height of the canvas.
 * @typedef {object} Axes
 * @property {(rate: number) => number} x
 * @property {(sigma: number) => number} across
 * @property {number} most
 * @property {number} height
 */

/**
 * Where the histogram of a dimension is drawn: pixels of a sigma, and top and height of the row.
 * @typedef {{ across: (sigma: number) => number, top: number, high: number, alive: boolean }} Row
 */

/**
 * What the chart shows.
 * @typedef {object} DimensionsData
 * @property {Path} path
 * @property {number[]} rates of every dimension, in nats
 * @property {Float32Array[]} sigmas for each dimension, the sigma of every point
 * @property {boolean[]} alive whether each dimension is active
 */

/** @extends {CanvasChart<DimensionsData>} */
export class Dimensions extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { least: { width: 160, height: 70 } });
    this.bins = new Float32Array(BINS);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {DimensionsData} data
   * @param {ChartFrame} frame
   */
  paint(context, { path, rates, sigmas, alive }, { width, height, colours }) {
    const rows = path.k > 2 ? path.byRate(path.numbers(path.positionOf(1)).rates) : [...rates.keys()];
    const high = (height - TOP - BOTTOM) / rows.length;
    const half = (width - NAME - GAP) * 0.45;
    const bars = { left: NAME, width: path.linear ? half - LIMIT : half };
    const spread = { left: NAME + half + GAP, width: width - NAME - half - GAP - 4 };
    const most = Math.max(...path.up.flatMap(({ rate_per_dim }) => rate_per_dim), 0.1) * 1.02;
    context.font = `${TITLE} ${colours.font}`;
    Object.assign(context, { textBaseline: "middle", textAlign: "left", fillStyle: colours.text });
    context.fillText("rate, nats", bars.left, 10);
    context.fillText("σ of the images’ posteriors", spread.left, 10);
    const x = (/** @type {number} */ rate) => bars.left + (Math.max(0, rate) / most) * bars.width;
    const across = (/** @type {number} */ sigma) =>
      spread.left + (Math.log(sigma / LEAST) / Math.log(MOST / LEAST)) * spread.width;
    if (path.linear) {
      context.textAlign = "right";
      context.fillText("dies at β = λ/σₚ²", bars.left + half, 10);
    }
    this.drawAxes(context, colours, { x, across, most, height });
    rows.forEach((d, row) => {
      const top = TOP + row * high;
      const bar = Math.min(26, high * 0.62);
      context.font = `13px ${colours.font}`;
      Object.assign(context, { textAlign: "left", fillStyle: faded(colours.text, alive[d] ? 0.95 : 0.7) });
      if (high >= 9) context.fillText(subscript("z", d + 1), 4, top + high / 2);
      context.fillStyle = faded(colours.accent, alive[d] ? 0.75 : 0.15);
      context.fillRect(bars.left, top + (high - bar) / 2, x(rates[d]) - bars.left, bar);
      if (high >= 15) {
        const text = alive[d] ? rates[d].toFixed(2) : `${rates[d].toFixed(2)} inactive`;
        const inside = x(rates[d]) > bars.left + bars.width - 44;
        Object.assign(context, {
          textAlign: inside ? "right" : "left",
          fillStyle: inside ? colours.background : faded(colours.text, 0.8),
        });
        context.fillText(text, x(rates[d]) + (inside ? -5 : 5), top + high / 2);
      }
      if (path.linear && high >= 9) {
        Object.assign(context, { textAlign: "right", fillStyle: THEORY });
        context.fillText(path.linear.thresholds[d].toPrecision(3), bars.left + half, top + high / 2);
      }
      this.drawHistogram(context, colours, sigmas[d], { across, top, high: high * 0.92, alive: alive[d] });
    });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Colours} colours
   * @param {Axes} axes
   */
  drawAxes(context, colours, { x, across, most, height }) {
    const floor = height - BOTTOM;
    context.font = `12px ${colours.font}`;
    context.lineWidth = 1;
    context.textAlign = "center";
    const draw = (/** @type {number} */ at, /** @type {string} */ text) => {
      context.strokeStyle = faded(colours.text, 0.1);
      line(context, at, TOP, at, floor);
      context.fillStyle = faded(colours.text, 0.72);
      context.fillText(text, at, floor + 11);
    };
    for (const rate of ticks(0, most, 4)) draw(Math.round(x(rate)) + 0.5, String(rate));
    for (const sigma of [0.001, 0.01, 0.1, 1]) draw(Math.round(across(sigma)) + 0.5, String(sigma));
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Colours} colours
   * @param {Float32Array} sigmas
   * @param {Row} row
   */
  drawHistogram(context, colours, sigmas, { across, top, high, alive }) {
    const { bins } = this;
    bins.fill(0);
    const unit = BINS / Math.log(MOST / LEAST);
    for (const sigma of sigmas) bins[Math.max(0, Math.min(BINS - 1, (Math.log(sigma / LEAST) * unit) | 0))]++;
    const most = bins.reduce((a, b) => Math.max(a, b));
    const [left, right] = [across(LEAST), across(MOST)];
    const step = (right - left) / BINS;
    context.fillStyle = faded(colours.accent, alive ? 0.6 : 0.25);
    context.beginPath();
    context.moveTo(left, top + high);
    bins.forEach((n, i) => {
      context.lineTo(left + i * step, top + high * (1 - n / most));
      context.lineTo(left + (i + 1) * step, top + high * (1 - n / most));
    });
    context.lineTo(right, top + high);
    context.fill();
  }
}
