// The gaps of all held-out images: a histogram, and the gap against class, rate or distortion. A click chooses the image.

import { find, findAll } from "../core/dom.js";
import { short, signed, whole } from "../core/format.js";
import { disc, Plot, prepareCanvas } from "../plot/chart.js";
import { classColour, faded } from "../plot/palette.js";
import { errorsText, gapsApart } from "./table-columns.js";

/** @import { Frame } from "../data/frame.js" */
/** @import { ElboColours } from "./colours.js" */
/** @import { Pixel } from "../map/view.js" */
/** @import { Against } from "./state.js" */
/** @import { Columns, Table } from "./table-columns.js" */

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

const NEAR = 14; // px within which the pointer finds an image
const FLOOR = 1e-3; // nats: smaller gaps are shown as this on the logarithmic axis
const BINS = 36;
const QUARTILES = [0.25, 0.5, 0.75];

const HTML = `
  <p class="eb-note eb-how">–</p>
  <canvas class="eb-histogram" data-control="histogram" role="img" aria-label="histogram of the gaps"></canvas>
  <div class="lv-choice eb-against" data-control="against" role="radiogroup" aria-label="gap against"><span>gap against</span><button role="radio" data-against="class">class</button><button role="radio" data-against="rate">rate</button><button role="radio" data-against="distortion">distortion</button></div>
  <canvas class="eb-scatter" data-control="scatter" role="img" aria-label="the gap of every image: a click chooses it"></canvas>
  <p class="eb-note eb-named">click a point to choose its image</p>`;

export class GapTable {
  /**
   * @param {HTMLElement} root
   * @param {(row: number, at: number) => void} choose called when an image is clicked
   */
  constructor(root, choose) {
    root.innerHTML = HTML;
    this.root = root;
    this.$ = (/** @type {string} */ selector) => find(root, selector);
    this.histogram = find(root, ".eb-histogram", HTMLCanvasElement);
    this.scatter = find(root, ".eb-scatter", HTMLCanvasElement);
    /** @type {Loaded | null} */ this.loaded = null;
    /** @type {ElboColours | null} */ this.colours = null;
    /** @type {Plot | null} the scatter plot */ this.plot = null;
    /** @type {Against} */ this.against = "class";
    /** Row of the chosen image. */
    this.image = -1;
    /** Place in the table of the image under the pointer, or −1. */
    this.near = -1;
    this.scatter.addEventListener("pointermove", (event) => this.point([event.offsetX, event.offsetY]));
    this.scatter.addEventListener("pointerleave", () => this.point(null));
    this.scatter.addEventListener("click", (event) => {
      this.point([event.offsetX, event.offsetY]);
      if (this.near >= 0 && this.loaded) choose(this.loaded.columns.index[this.near], event.timeStamp);
    });
  }

  /**
   * @param {Table | null} table
   * @param {Frame} frame the explorer's, for labels and images
   */
  load(table, frame) {
    for (const element of [this.histogram, this.scatter, this.$(".eb-against"), this.$(".eb-named")])
      element.hidden = !table;
    if (!table) {
      this.loaded = null;
      this.$(".eb-how").textContent =
        "The gaps of this model’s test images have not been computed. Do so with: python -m vae evidence, and the model’s folder.";
      return;
    }
    const { index, gap } = table.arrays;
    const { exact, how } = table.meta;
    const sorted = Float64Array.from(gap).sort();
    const largest = sorted[sorted.length - 1];
    this.loaded = {
      columns: table.arrays,
      exact,
      frame,
      labels: Array.from(index, (row) => frame.arrays.labels[row]),
      logGap: Float64Array.from(gap, (value) => Math.log10(Math.max(FLOOR, value))),
      span: [Math.log10(Math.max(FLOOR, sorted[Math.floor(0.001 * sorted.length)])) - 0.1, Math.log10(largest) + 0.1],
    };
    const mean = gap.reduce((a, b) => a + b, 0) / gap.length;
    this.$(".eb-how").innerHTML =
      `gap of <b>${whole(gap.length)}</b> test images under the encoder’s q: median <b>${sorted[sorted.length >> 1].toFixed(2)}</b>, mean <b>${mean.toFixed(2)}</b>, largest <b>${largest.toFixed(1)}</b> nats${gapsApart(table.arrays)}<br>${how}${exact ? "" : errorsText(table.arrays)}`;
    this.root.dataset.rows = String(gap.length);
  }

  /**
   * @param {Against} against
   * @param {number} image row of the chosen image
   * @param {ElboColours} colours
   */
  show(against, image, colours) {
    this.against = against;
    this.image = image;
    this.colours = colours;
    for (const button of findAll(this.root, "[data-against]"))
      button.setAttribute("aria-checked", String(button.dataset.against === against));
    this.draw();
  }

  draw() {
    const { loaded, colours } = this;
    if (!loaded || !colours || !this.scatter.clientWidth) return;
    this.drawHistogram(loaded, colours);
    this.drawScatter(loaded, colours);
  }

  /**
   * @param {Loaded} loaded
   * @param {ElboColours} colours
   */
  drawHistogram({ columns, labels, logGap, span, frame }, colours) {
    const { context, width, height } = prepareCanvas(this.histogram);
    const { classes } = frame.meta;
    /** @type {number[][]} */
    const counts = Array.from({ length: BINS }, () => new Array(classes.length).fill(0));
    for (let i = 0; i < logGap.length; i++) {
      const bin = Math.floor(((logGap[i] - span[0]) / (span[1] - span[0])) * BINS);
      counts[Math.max(0, Math.min(BINS - 1, bin))][labels[i]]++;
    }
    const most = Math.max(...counts.map((bin) => bin.reduce((a, b) => a + b, 0)));
    const box = { left: 46, top: 18, width: width - 56, height: height - 40 };
    const plot = new Plot(context, box, { x: span, y: [0, most * 1.05] }, colours);
    plot.axes({ xCount: 0, yCount: 3, yFormat: whole });
    drawDecades(plot, span, "gap, nats");
    plot.label("images", 4, 8, { font: "600 12.5px" });
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
    this.markNow(plot, columns, (i) => [plot.x(logGap[i]), box.top]);
  }

  /**
   * Marks the chosen image, where the table has it.
   * @param {Plot} plot
   * @param {Columns} columns
   * @param {(i: number) => Pixel} place of image `i` of the table, in pixels
   */
  markNow(plot, columns, place) {
    const i = columns.index.indexOf(this.image);
    if (i < 0) return;
    const { context, colours } = plot;
    disc(context, ...place(i), 6, faded(colours.background, 0.6), colours.text, 2.4);
  }

  /**
   * The horizontal coordinate of image `i`: its class with a fixed scatter, or its rate or distortion.
   * @param {Loaded} loaded
   * @param {number} i
   */
  across({ columns, labels }, i) {
    if (this.against !== "class") return columns[this.against][i];
    return labels[i] + 0.7 * (((i * 0.61803398875) % 1) - 0.5);
  }

  /**
   * @param {Loaded} loaded
   * @param {ElboColours} colours
   */
  drawScatter(loaded, colours) {
    const { context, width, height } = prepareCanvas(this.scatter);
    const { against, near } = this;
    const { columns, labels, logGap, span, frame } = loaded;
    const { classes } = frame.meta;
    const box = { left: 46, top: 18, width: width - 56, height: height - 40 };
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
    plot.label("gap, nats", 4, 8, { font: "600 12.5px" });
    const fills = Array.from(classes, (_, c) => faded(classColour(c, classes.length), 0.55));
    for (let i = 0; i < labels.length; i++) {
      context.fillStyle = fills[labels[i]];
      context.fillRect(plot.x(this.across(loaded, i)) - 1.5, plot.y(logGap[i]) - 1.5, 3, 3);
    }
    if (against === "class") drawClasses(plot, loaded);
    this.markNow(plot, columns, (i) => [plot.x(this.across(loaded, i)), plot.y(logGap[i])]);
    if (near >= 0)
      plot.dots(
        1,
        () => this.across(loaded, near),
        () => logGap[near],
        colours.text,
        4,
      );
  }

  /**
   * The pointer is at a pixel of the scatter plot, or has left it (null).
   * @param {Pixel | null} at
   */
  point(at) {
    const { loaded, plot, colours } = this;
    if (!loaded || !plot || !colours) return;
    const before = this.near;
    this.near = at ? this.nearest(loaded, plot, at) : -1;
    if (this.near === before) return;
    this.scatter.style.cursor = this.near >= 0 ? "pointer" : "";
    this.$(".eb-named").textContent =
      this.near >= 0 ? describe(loaded, this.near) : "click a point to choose its image";
    this.drawScatter(loaded, colours);
  }

  /**
   * The place in the table of the image nearest to a pixel, or −1.
   * @param {Loaded} loaded
   * @param {Plot} plot
   * @param {Pixel} pixel
   */
  nearest(loaded, plot, [x, y]) {
    const { labels, logGap } = loaded;
    let [best, least] = [-1, NEAR * NEAR];
    for (let i = 0; i < labels.length; i++) {
      const away = (plot.x(this.across(loaded, i)) - x) ** 2 + (plot.y(logGap[i]) - y) ** 2;
      if (away < least) [best, least] = [i, away];
    }
    return best;
  }
}

/**
 * What the table says of image `i`, in words.
 * @param {Loaded} loaded
 * @param {number} i
 */
function describe({ columns, exact, labels, frame }, i) {
  const { gap, gap_error: errors, rate, distortion, index } = columns;
  const { classes } = frame.meta;
  const error = exact || !Number.isFinite(errors[i]) ? "" : ` ± ${errors[i].toFixed(2)}`;
  return `test image ${frame.arrays.index[index[i]]}, class ${classes[labels[i]]}: gap ${signed(gap[i])}${error}, rate ${signed(rate[i])}, distortion ${signed(distortion[i])} nats`;
}

/**
 * Writes powers of ten along the logarithmic axis of the gap.
 * @param {Plot} plot
 * @param {[number, number]} span
 * @param {string} name
 */
function drawDecades(plot, span, name) {
  const { context, box, colours } = plot;
  Object.assign(context, {
    font: `12px ${colours.font}`,
    fillStyle: faded(colours.text, 0.72),
    textAlign: "center",
    textBaseline: "top",
  });
  for (let power = Math.ceil(span[0]); power <= span[1]; power++) {
    const x = plot.x(power);
    if (x < box.left + box.width - 74) context.fillText(short(10 ** power), x, box.top + box.height + 5);
  }
  context.textAlign = "right";
  context.fillText(name, box.left + box.width, box.top + box.height + 5);
}

/**
 * Draws names and quartiles of every class.
 * @param {Plot} plot
 * @param {Loaded} loaded
 */
function drawClasses(plot, { logGap, labels, frame }) {
  const { context, box, colours } = plot;
  const { classes } = frame.meta;
  classes.forEach((name, c) => {
    const mine = Float64Array.from(logGap.filter((_, i) => labels[i] === c)).sort();
    Object.assign(context, {
      textAlign: "center",
      textBaseline: "top",
      font: `12px ${colours.font}`,
      fillStyle: faded(colours.text, 0.8),
    });
    context.fillText(
      name.length > 4 && classes.length > 6 ? name.slice(0, 4) : name,
      plot.x(c),
      box.top + box.height + 5,
    );
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
