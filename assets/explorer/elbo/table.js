// The gaps of all held-out images: a histogram, and the gap against class, rate or distortion. A click chooses the image.

import { find, findAll } from "../core/dom.js";
import { signed, whole } from "../core/format.js";
import { GapHistogram, GapScatter } from "./gap-charts.js";
import { errorsText, gapsApart } from "./table-columns.js";

/** @import { Frame } from "../data/frame.js" */
/** @import { ElboColours } from "./colours.js" */
/** @import { Against } from "./state.js" */
/** @import { Loaded } from "./gap-charts.js" */
/** @import { Table } from "./table-columns.js" */

const FLOOR = 1e-3; // nats: smaller gaps are shown as this on the logarithmic axis

const HTML = `
  <p class="eb-note eb-how">–</p>
  <canvas class="eb-histogram" data-control="histogram" role="img" aria-label="histogram of the gaps"></canvas>
  <div class="page-choice eb-against" data-control="against" role="radiogroup" aria-label="gap against"><span>gap against</span><button role="radio" data-against="class">class</button><button role="radio" data-against="rate">rate</button><button role="radio" data-against="distortion">distortion</button></div>
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
    this.histogram = new GapHistogram(find(root, ".eb-histogram", HTMLCanvasElement));
    this.scatter = new GapScatter(find(root, ".eb-scatter", HTMLCanvasElement), (near) => this.name(near));
    /** @type {Loaded | null} */ this.loaded = null;
    this.scatter.canvas.addEventListener("click", (event) => {
      const { scatter, loaded } = this;
      scatter.point([event.offsetX, event.offsetY]);
      if (scatter.near >= 0 && loaded) choose(loaded.columns.index[scatter.near], event.timeStamp);
    });
  }

  /**
   * @param {Table | null} table
   * @param {Frame} frame the explorer's, for labels and images
   */
  load(table, frame) {
    for (const element of [this.histogram.canvas, this.scatter.canvas, this.$(".eb-against"), this.$(".eb-named")])
      element.hidden = !table;
    if (!table) {
      this.loaded = this.histogram.data = this.scatter.data = null;
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
    for (const button of findAll(this.root, "[data-against]"))
      button.setAttribute("aria-checked", String(button.dataset.against === against));
    const { loaded, histogram, scatter } = this;
    if (!loaded || !scatter.canvas.clientWidth) return;
    for (const chart of [histogram, scatter]) {
      chart.colours = colours;
      chart.show({ loaded, against, image });
    }
  }

  /**
   * Says which image is under the pointer.
   * @param {number} near its place in the table, or −1
   */
  name(near) {
    this.$(".eb-named").textContent =
      this.loaded && near >= 0 ? describe(this.loaded, near) : "click a point to choose its image";
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
