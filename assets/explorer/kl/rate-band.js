// A chart of the parts of the rate at every beta, stacked, on the axis of the slider; and their names above it.

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { Colours } from "../plot/palette.js" */
/** @import { Path, Surgery } from "./path.js" */
/** @import { Across } from "./scores.js" */

import { subscript } from "../math/projection.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { line } from "../plot/chart.js";
import { faded } from "../plot/palette.js";

/**
 * The parts of the rate in the order in which they are stacked; `alpha` is the opacity of the accent colour.
 * @type {{ key: keyof Surgery, name: string, alpha: number }[]}
 */
const SURGERY = [
  { key: "index_code_mi", name: "index–code mutual information", alpha: 0.85 },
  { key: "total_correlation", name: "total correlation", alpha: 0.5 },
  { key: "dimension_wise_kl", name: "dimension-wise KL", alpha: 0.22 },
];

/**
 * A layer of the chart: `values` in nats at every stop, `limit` is written after the name.
 * @typedef {{ name: string, limit: string, values: number[], colour: (theme: Colours) => string }} Part
 */

/** @extends {CanvasChart<Path>} */
export class RateBand extends CanvasChart {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} key where the parts are listed
   * @param {Across} across
   */
  constructor(canvas, key, across) {
    super(canvas, { least: { width: 100, height: 0 } });
    this.key = key;
    this.across = across;
    this.keyShown = ""; // what the key was made from
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Path} path
   * @param {ChartFrame} frame
   */
  paint(context, path, { width, height, colours }) {
    const parts = partsOf(path);
    const most = Math.max(
      ...path.up.map((_, s) => parts.reduce((sum, { values }) => sum + Math.max(0, values[s]), 0)),
      0.1,
    );
    const x = (/** @type {number} */ at) => this.across(at, width);
    const y = (/** @type {number} */ value) => height - 1 - (value / most) * (height - 4);
    const floor = new Float64Array(path.stops);
    for (const { values, colour } of parts) {
      context.beginPath();
      path.positions.forEach((at, s) => {
        context.lineTo(x(at), y(floor[s] + Math.max(0, values[s])));
      });
      for (const s of [...path.positions.keys()].reverse()) context.lineTo(x(path.positions[s]), y(floor[s]));
      context.fillStyle = colour(colours);
      context.fill();
      values.forEach((value, s) => {
        floor[s] += Math.max(0, value);
      });
    }
    context.strokeStyle = faded(colours.text, 0.25);
    context.lineWidth = 1;
    line(context, x(0), height - 0.5, x(1), height - 0.5);
    context.setLineDash([3, 3]);
    context.strokeStyle = faded(colours.text, 0.6);
    for (const at of path.deaths) if (at !== null) line(context, x(at), 0, x(at), height);
    context.setLineDash([]);
    this.showKey(colours, parts, most);
  }

  /**
   * Lists the parts by name.
   * @param {Colours} colours
   * @param {Part[]} parts
   * @param {number} most the highest rate of all stops
   */
  showKey(colours, parts, most) {
    const shown = JSON.stringify([most, parts.map(({ name, limit, colour }) => [name, limit, colour(colours)])]);
    if (shown === this.keyShown) return; // the band is drawn anew whenever its size changes
    this.keyShown = shown;
    const named = parts.map(({ name, limit, colour }) => {
      const part = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.style.background = colour(colours);
      part.append(swatch, name, Object.assign(document.createElement("small"), { textContent: limit }));
      return part;
    });
    const title = Object.assign(document.createElement("b"), {
      textContent: `rate up to ${most.toFixed(1)} nats per image =`,
    });
    this.key.replaceChildren(title, ...named);
    this.key.title = parts.map(({ name, limit }) => name + limit).join(", ");
  }
}

/**
 * The parts of the rate: the three of the surgery where the file has them, else the latent dimensions.
 * @param {Path} path
 * @returns {Part[]}
 */
function partsOf(path) {
  const surgeries = path.up.map(({ surgery }) => surgery).filter((surgery) => surgery !== undefined);
  if (surgeries.length === path.stops && surgeries.every((surgery) => SURGERY.every(({ key }) => key in surgery)))
    return SURGERY.map(({ key, name, alpha }) => ({
      name,
      // a code that tells N images apart holds ln N nats, and no estimate from N images can be higher
      limit:
        key === "index_code_mi"
          ? ` (≤ ln ${path.count.toLocaleString("en")} = ${Math.log(path.count).toFixed(1)})`
          : "",
      values: surgeries.map((surgery) => surgery[key]),
      colour: ({ accent }) => faded(accent, alpha),
    }));
  const rates = path.up.map(({ rate_per_dim }) => rate_per_dim);
  const total = rates[0].map((_, d) => rates.reduce((sum, stop) => sum + stop[d], 0));
  return path.byRate(total).map((d, n) => ({
    name: subscript("z", d + 1),
    limit: "",
    values: rates.map((stop) => stop[d]),
    colour: ({ accent }) => faded(accent, 0.8 * (1 - n / path.k) + 0.12),
  }));
}
