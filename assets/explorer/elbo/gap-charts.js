// The two charts of the gaps of all held-out images: a histogram, and a scatter plot against class, rate or distortion.

import { short, whole } from "../core/format.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { disc, Plot } from "../plot/chart.js";
import { classColour, faded } from "../plot/palette.js";

/** @import { Frame } from "../data/frame.js" */
/** @import { Pixel } from "../map/view.js" */
/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { ElboColours } from "./colours.js" */
/** @import { Against } from "./state.js" */
/** @import { Columns } from "./table-columns.js" */

/**
 * A table and what is computed from it.
 * @typedef {object} Loaded
 * @property {Columns} columns
 * @property {boolean} exact the gaps are by quadrature, not sampled
 * @property {Frame} frame the explorer's
 * @property {number[]} labels class of each image
 * @property {Float64Array} logGap log₁₀ of each gap
 * @property {[number, number]} span the range of logGap that is shown
 */

/**
 * What both charts show; `image` is the row of the chosen image.
 * @typedef {{ loaded: Loaded, against: Against, image: number }} GapData
 */

const MARGIN = { left: 46, right: 10, top: 18, bottom: 22 };
const NEAR = 14; // px within which the pointer finds an image
const BINS = 36;
const QUARTILES = [0.25, 0.5, 0.75];

/** @extends {CanvasChart<GapData, ElboColours>} */
export class GapHistogram extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {GapData} data
   * @param {ChartFrame<ElboColours>} frame
   */
  paint(context, { loaded: { columns, labels, logGap, span, frame }, image }, { box, colours }) {
    const { classes } = frame.meta;
    /** @type {number[][]} */
    const counts = Array.from({ length: BINS }, () => new Array(classes.length).fill(0));
    for (let i = 0; i < logGap.length; i++) {
      const bin = Math.floor(((logGap[i] - span[0]) / (span[1] - span[0])) * BINS);
      counts[Math.max(0, Math.min(BINS - 1, bin))][labels[i]]++;
    }
    const most = Math.max(...counts.map((bin) => bin.reduce((a, b) => a + b, 0)));
    const plot = new Plot(context, box, { x: span, y: [0, most * 1.05] }, colours);
    plot.axes({ xCount: 0, yCount: 3, yFormat: whole });
    drawDecades(plot, span, "gap, nats");
    plot.title("images", { y: 8 });
    counts.forEach((bin, b) => {
      let below = 0;
      bin.forEach((count, c) => {
        if (!count) return;
        context.fillStyle = classColour(c, classes.length);
        const [x0, x1] = [b, b + 1].map((edge) => box.left + (edge * box.width) / BINS);
        context.fillRect(x0, plot.y(below + count), x1 - x0 - 0.8, plot.y(below) - plot.y(below + count));
        below += count;
      });
    });
    markImage(plot, columns.index.indexOf(image), (i) => [plot.x(logGap[i]), box.top]);
  }
}

/** @extends {CanvasChart<GapData, ElboColours>} */
export class GapScatter extends CanvasChart {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(near: number) => void} found called when another image is under the pointer, or none (−1)
   */
  constructor(canvas, found) {
    super(canvas, { margin: MARGIN, hovers: true });
    this.found = found;
    /** Place in the table of the image under the pointer, or −1. */
    this.near = -1;
    /** @type {Plot | null} */ this.plot = null;
  }

  /** @param {Pixel | null} pixel */
  point(pixel) {
    const { data, plot } = this;
    if (!data || !plot) return;
    const near = pixel ? nearest(data, plot, pixel) : -1;
    if (near === this.near) return;
    this.near = near;
    this.canvas.style.cursor = near >= 0 ? "pointer" : "";
    this.found(near);
    super.point(pixel);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {GapData} data
   * @param {ChartFrame<ElboColours>} frame
   */
  paint(context, data, { box, colours }) {
    const { near } = this;
    const { loaded, against, image } = data;
    const { columns, labels, logGap, span, frame } = loaded;
    const { classes } = frame.meta;
    /** @type {[number, number]} */
    const values = against === "class" ? [-0.5, classes.length - 0.5] : spanOf(columns[against]);
    const plot = new Plot(context, box, { x: values, y: span }, colours);
    this.plot = plot;
    plot.axes({
      xName: against === "class" ? undefined : `${against}, nats`,
      xCount: against === "class" ? 0 : 5,
      yCount: 0,
    });
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = faded(colours.text, 0.72);
    for (let power = Math.ceil(span[0]); power <= span[1]; power++)
      context.fillText(short(10 ** power), box.left - 5, plot.y(power));
    plot.title("gap, nats", { y: 8 });
    const fills = Array.from(classes, (_, c) => faded(classColour(c, classes.length), 0.55));
    for (let i = 0; i < labels.length; i++) {
      context.fillStyle = fills[labels[i]];
      context.fillRect(plot.x(across(data, i)) - 1.5, plot.y(logGap[i]) - 1.5, 3, 3);
    }
    if (against === "class") drawClasses(plot, loaded);
    markImage(plot, columns.index.indexOf(image), (i) => [plot.x(across(data, i)), plot.y(logGap[i])]);
    if (near >= 0) plot.dot(across(data, near), logGap[near], colours.text, 4);
  }
}

/**
 * The place in the table of the image nearest to a pixel, or −1.
 * @param {GapData} data
 * @param {Plot} plot
 * @param {Pixel} pixel
 */
function nearest(data, plot, [x, y]) {
  const { labels, logGap } = data.loaded;
  let [best, least] = [-1, NEAR * NEAR];
  for (let i = 0; i < labels.length; i++) {
    const away = (plot.x(across(data, i)) - x) ** 2 + (plot.y(logGap[i]) - y) ** 2;
    if (away < least) [best, least] = [i, away];
  }
  return best;
}

/**
 * The horizontal coordinate of image `i`: its class with a fixed scatter, or its rate or distortion.
 * @param {GapData} data
 * @param {number} i
 */
function across({ loaded: { columns, labels }, against }, i) {
  if (against !== "class") return columns[against][i];
  return labels[i] + 0.7 * (((i * 0.61803398875) % 1) - 0.5);
}

/**
 * Marks image `i` of the table; −1 is none.
 * @param {Plot} plot
 * @param {number} i
 * @param {(i: number) => Pixel} place of an image, in pixels
 */
function markImage(plot, i, place) {
  const { context, colours } = plot;
  if (i >= 0) disc(context, ...place(i), 6, faded(colours.background, 0.6), colours.text, 2.4);
}

/**
 * Writes powers of ten along the logarithmic axis of the gap.
 * @param {Plot} plot
 * @param {[number, number]} span
 * @param {string} name
 */
function drawDecades(plot, span, name) {
  const { context, colours } = plot;
  Object.assign(context, {
    font: `12px ${colours.font}`,
    fillStyle: faded(colours.text, 0.72),
    textAlign: "center",
    textBaseline: "top",
  });
  for (let power = Math.ceil(span[0]); power <= span[1]; power++) {
    const x = plot.x(power);
    if (x < plot.right - 74) context.fillText(short(10 ** power), x, plot.bottom + 5);
  }
  context.textAlign = "right";
  context.fillText(name, plot.right, plot.bottom + 5);
}

/**
 * Draws names and quartiles of every class.
 * @param {Plot} plot
 * @param {Loaded} loaded
 */
function drawClasses(plot, { logGap, labels, frame }) {
  const { context, colours } = plot;
  const { classes } = frame.meta;
  classes.forEach((name, c) => {
    const mine = Float64Array.from(logGap.filter((_, i) => labels[i] === c)).sort();
    Object.assign(context, {
      textAlign: "center",
      textBaseline: "top",
      font: `12px ${colours.font}`,
      fillStyle: faded(colours.text, 0.8),
    });
    context.fillText(name.length > 4 && classes.length > 6 ? name.slice(0, 4) : name, plot.x(c), plot.bottom + 5);
    if (mine.length < 4) return;
    const [low, middle, high] = QUARTILES.map((share) => plot.y(mine[Math.floor(share * mine.length)]));
    const half = (plot.x(1) - plot.x(0)) * 0.3;
    Object.assign(context, { strokeStyle: colours.text, lineWidth: 1.4 });
    context.strokeRect(plot.x(c) - half, high, 2 * half, low - high);
    context.lineWidth = 2.6;
    context.beginPath();
    context.moveTo(plot.x(c) - half, middle);
    context.lineTo(plot.x(c) + half, middle);
    context.stroke();
  });
}

/**
 * The range of values with a small margin.
 * @param {Float32Array} values
 * @returns {[number, number]}
 */
function spanOf(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low - 0.02 * (high - low), high + 0.02 * (high - low)];
}
