// Scores of disentanglement along beta, on the axis of the slider: the mutual information gap (MIG) and the FactorVAE score,
// where the file has them. They measure how far a single dimension of z stands for a single factor of the images.

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { Disentanglement, Path } from "./path.js" */

import { find } from "../core/dom.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { line } from "../plot/chart.js";
import { faded } from "../plot/palette.js";

const TOP = 20; // px for the text above
const AIR = 1.12;

/** @typedef {(at: number, width: number) => number} Across pixel of a position of the slider on a canvas of this width */

export class Scores {
  /**
   * @param {HTMLElement} root
   * @param {Across} x
   */
  constructor(root, x) {
    this.root = root;
    root.innerHTML = `<canvas role="img" aria-label="scores of disentanglement, along beta"></canvas><i class="kl-now"></i><p></p>`;
    this.chart = new ScoresChart(find(root, "canvas", HTMLCanvasElement), x);
    this.text = find(root, "p");
    /** @type {Path | null} */
    this.path = null;
    /**
     * The scores at every stop; empty where the file lacks any.
     * @type {Disentanglement[]}
     */
    this.scores = [];
  }

  /** @param {Path} path */
  load(path) {
    const known = path.up.map(({ disentanglement }) => disentanglement).filter((scores) => scores !== undefined);
    this.path = path;
    this.scores = known.length === path.stops ? known : [];
    this.root.hidden = !this.scores.length;
    if (!this.scores.length) return this.chart.clear();
    this.chart.show({ path, scores: this.scores });
    const { images, draws, votes, votes_of: of } = this.scores[0];
    this.root.title = `on ${images} test images: the mutual information gap by ${draws} draws of z, the FactorVAE score by ${votes} votes of ${of} images, half of them to learn from, ± its standard error`;
  }

  /**
   * Writes the scores at a position, interpolated between two stops.
   * @param {number} position
   */
  show(position) {
    const { path, scores } = this;
    if (!path || !scores.length) return;
    const { stop, t } = path.place(position);
    const [a, b] = [scores[stop], scores[Math.min(stop + 1, path.stops - 1)]];
    const at = (/** @type {"mig" | "factor_vae"} */ key) => a[key] + t * (b[key] - a[key]);
    const about = t === 0 ? "" : "≈ ";
    const error = t === 0 ? ` ± ${a.factor_vae_se.toFixed(2)}` : "";
    this.text.innerHTML = `<b>disentanglement</b> <i class="kl-mig"></i>MIG ${about}${at("mig").toFixed(3)} <i class="kl-factor-vae"></i>FactorVAE score ${about}${at("factor_vae").toFixed(2)}${error}`;
  }
}

/**
 * What the chart shows: the scores at every stop of the path.
 * @typedef {{ path: Path, scores: Disentanglement[] }} ScoresData
 */

/** @extends {CanvasChart<ScoresData>} */
class ScoresChart extends CanvasChart {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Across} x
   */
  constructor(canvas, x) {
    super(canvas, { least: { width: 100, height: 0 } });
    this.x = x;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ScoresData} data
   * @param {ChartFrame} frame
   */
  paint(context, { path, scores }, { width, height, colours }) {
    const most = AIR * Math.max(...scores.map(({ mig, factor_vae: score }) => Math.max(mig, score)), 0.05);
    const y = (/** @type {number} */ value) => height - 1 - (value / most) * (height - TOP - 1);
    const trace = (/** @type {(one: Disentanglement) => number} */ value, order = [...scores.keys()]) => {
      for (const s of order) context.lineTo(this.x(path.positions[s], width), y(value(scores[s])));
    };
    context.fillStyle = faded(colours.text, 0.14);
    context.beginPath();
    trace((one) => one.factor_vae + one.factor_vae_se);
    trace((one) => one.factor_vae - one.factor_vae_se, [...scores.keys()].reverse());
    context.fill();
    const stroke = (/** @type {(one: Disentanglement) => number} */ value, /** @type {string} */ colour) => {
      Object.assign(context, { strokeStyle: colour, lineWidth: 2, lineJoin: "round" });
      context.beginPath();
      trace(value);
      context.stroke();
    };
    stroke((one) => one.factor_vae, faded(colours.text, 0.7));
    stroke((one) => one.mig, colours.accent);
    Object.assign(context, { strokeStyle: faded(colours.text, 0.25), lineWidth: 1 });
    line(context, this.x(0, width), height - 0.5, this.x(1, width), height - 0.5);
  }
}
