// Importance weighting (Burda et al. 2016): L_k rises from the ELBO to ln p(x) with the number of draws k; and the effective
// sample size of the weights.

import { find } from "../core/dom.js";
import { signed, whole } from "../core/format.js";
import { sentence } from "../data/evidence.js";
import { line, Plot, prepareCanvas } from "../plot/chart.js";
import { formula } from "../plot/formula.js";
import { faded } from "../plot/palette.js";
import { averages } from "./parts.js";

/** @import { Answers, WeightsMeta } from "../data/evidence.js" */
/** @import { ElboColours } from "./colours.js" */
/** @import { Gaussian } from "./gaussian.js" */
/** @import { Weighted } from "./parts.js" */
/** @import { Posterior } from "./posterior.js" */

/**
 * The q that is drawn from, and the seed of the draws. `moved`: it is not the encoder's. `whose`: which q it is, in words.
 * @typedef {{ q: Gaussian | null, moved: boolean, whose: string, seed: number }} DrawnFrom
 */

const TEX =
  "\\mathcal{L}_k = \\mathbb{E}\\Big[\\ln \\frac1k \\sum_{i=1}^{k} w_i\\Big],\\qquad w_i = \\frac{p(x, z_i)}{\\htmlClass{eb-of-q}{q(z_i\\mid x)}},\\quad z_i \\sim q";
const DECADES = [1, 10, 100, 1000];
const DRAWS = 20000;

const HTML = `
  <div class="eb-formula"></div>
  <canvas role="img" aria-label="importance-weighted bound over the number of draws"></canvas>
  <p class="eb-ess">–</p>
  <p class="eb-note eb-poor"></p>
  <p class="eb-note">On the plane: 1,000 draws of <span class="eb-whose">the encoder’s q</span>, the area of each disc its weight. <button class="eb-again" data-control="again">draw again</button></p>`;

export class Weights {
  /**
   * `ask` sends a request about the chosen image to the server; `drawn` is called when there are new draws, `again` when
   * others are to be made.
   * @param {HTMLElement} root
   * @param {{ ask: (fields: object) => Promise<Answers["weights"] | null>, drawn: () => void,
   *   again: () => void }} on
   */
  constructor(root, { ask, drawn, again }) {
    root.innerHTML = HTML;
    this.root = root;
    this.ask = ask;
    this.drawn = drawn;
    this.canvas = find(root, "canvas", HTMLCanvasElement);
    /** @type {Posterior | null} */ this.posterior = null;
    /** @type {DrawnFrom | null} */ this.of = null;
    /** @type {{ z: Float32Array, logW: Float32Array } | null} a part of the draws */ this.draws = null;
    /** @type {WeightsMeta | null} */ this.found = null;
    /** @type {ElboColours | null} */ this.colours = null;
    find(root, ".eb-again").addEventListener("click", () => {
      if (this.posterior && this.of) again();
    });
  }

  set() {
    return formula(find(this.root, ".eb-formula"), `\\displaystyle ${TEX}`);
  }

  /** Forgets the draws, because another image is chosen. */
  clear() {
    this.posterior = null;
    this.of = null;
    this.draws = null;
    this.found = null;
    this.setText("drawing …");
    delete this.root.dataset.seed;
    this.paint();
  }

  /** @param {string} text */
  setText(text) {
    find(this.root, ".eb-ess").textContent = text;
    find(this.root, ".eb-poor").textContent = "";
  }

  /**
   * Requests draws of q with their weights, once for each image, q and seed.
   * @param {Posterior} posterior
   * @param {DrawnFrom} of
   */
  need(posterior, of) {
    const known = this.posterior === posterior && this.of?.q === of.q && this.of?.seed === of.seed;
    if (!known) this.draw(posterior, of);
  }

  /**
   * Says which q the draws are of, where they are of this one.
   * @param {Gaussian | null} q
   * @param {string} whose
   */
  name(q, whose) {
    if (!this.of || this.of.q !== q) return;
    this.of.whose = whose;
    if (this.found) find(this.root, ".eb-whose").textContent = whose;
  }

  /**
   * @param {Posterior} posterior
   * @param {DrawnFrom} of
   */
  async draw(posterior, of) {
    this.posterior = posterior;
    this.of = of;
    const { seed } = of;
    try {
      const answer = await this.ask({ seed, draws: DRAWS, ...(of.moved ? of.q?.toJSON() : {}) });
      if (!answer || this.posterior !== posterior || this.of !== of) return;
      find(this.root, ".eb-whose").textContent = of.whose;
      const { z, log_w: logW } = answer.arrays;
      this.draws = { z, logW };
      this.show(answer.meta, seed);
      this.drawn();
    } catch (error) {
      if (this.posterior === posterior) this.setText(sentence(error));
    }
  }

  /**
   * E[ln w] and ln E[w] from the draws; null without draws. The server sends a part of the draws only: E[ln w] is of that
   * part, ln E[w] of all.
   * @returns {Weighted | null}
   */
  averages() {
    if (!this.draws || !this.found) return null;
    const { estimate, withheld, effective_sample_size: effective, draws } = this.found;
    const { mean } = averages(this.draws.logW);
    return {
      logW: this.draws.logW,
      mean,
      logMean: estimate.mean,
      logMeanError: estimate.standard_error,
      withheld,
      effective,
      draws,
    };
  }

  /**
   * @param {WeightsMeta} meta
   * @param {number} seed
   */
  show(meta, seed) {
    this.found = meta;
    const { effective_sample_size: effective, draws, k, mean, standard_error: errors } = meta;
    const last = k.length - 1;
    const { estimate, withheld } = meta;
    this.setText(
      `effective sample size ${whole(effective)} of ${whole(draws)} draws (${percent(effective / draws)} %); ` +
        `L₁ = ${signed(mean[0])}, L${subscripted(k[last])} = ${signed(mean[last])} ± ${errors[last].toFixed(2)} nats`,
    );
    const all = `ln of the mean of all ${whole(draws)} weights: ${signed(estimate.mean)}`;
    const error = estimate.standard_error;
    find(this.root, ".eb-poor").textContent =
      withheld || error === null ? `${all}. ${withheld}` : `${all} ± ${error.toFixed(2)} nats.`;
    this.root.dataset.seed = String(seed);
    this.paint();
  }

  paint() {
    this.canvas.hidden = !this.found;
    const { colours, posterior } = this;
    if (!this.found || !posterior || !colours || !this.canvas.clientWidth) return;
    const { k, mean, standard_error: errors, elbo } = this.found;
    const most = k[k.length - 1];
    const { logEvidence } = posterior;
    const { context, width, height } = prepareCanvas(this.canvas);
    const box = { left: 62, top: 22, width: width - 76, height: height - 48 };
    const ends = [...mean.map((m, i) => m - errors[i]), ...mean.map((m, i) => m + errors[i]), logEvidence];
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const air = 0.12 * (high - low) + 1e-3;
    const at = Math.log10;
    const plot = new Plot(context, box, { x: [-0.06, at(most) + 0.06], y: [low - air, high + air] }, colours);
    plot.axes({ xCount: 0, yCount: 5, yFormat: (v) => signed(v, v * 10 === Math.round(v * 10) ? 1 : 2) });
    Object.assign(context, { textAlign: "center", textBaseline: "top" });
    for (const value of DECADES)
      if (value <= most) context.fillText(whole(value), plot.x(at(value)), box.top + box.height + 6);
    context.textAlign = "right";
    context.fillText("k", box.left + box.width * 0.93, box.top + box.height + 6);
    plot.label("L_k, nats; bars: ± 1 standard error", 4, 10, { font: "600 12.5px" });
    Object.assign(context, { strokeStyle: colours.text, lineWidth: 2 });
    line(context, box.left, plot.y(logEvidence), box.left + box.width, plot.y(logEvidence));
    plot.label("ln p(x)", box.left + 6, plot.y(logEvidence) + 11, { font: "600 12.5px" });
    Object.assign(context, { strokeStyle: colours.text, lineWidth: 1.6 });
    context.setLineDash([5, 4]);
    line(context, box.left, plot.y(elbo), box.left + box.width, plot.y(elbo));
    context.setLineDash([]);
    plot.label("ELBO", box.left + box.width - 6, plot.y(elbo) - 10, { align: "right", font: "600 12.5px" });
    plot.path(
      k.length,
      (i) => at(k[i]),
      (i) => mean[i],
      faded(colours.posterior, 0.8),
      2,
    );
    Object.assign(context, { strokeStyle: colours.posterior, lineWidth: 1.6 });
    k.forEach((value, i) => {
      const x = plot.x(at(value));
      for (const end of [-1, 1])
        line(context, x - 3.5, plot.y(mean[i] + end * errors[i]), x + 3.5, plot.y(mean[i] + end * errors[i]));
      line(context, x, plot.y(mean[i] - errors[i]), x, plot.y(mean[i] + errors[i]));
    });
    plot.dots(
      k.length,
      (i) => at(k[i]),
      (i) => mean[i],
      colours.posterior,
      3,
    );
  }
}

/** @param {number} share */
const percent = (share) => (100 * share).toPrecision(share < 0.1 ? 2 : 3);

/** @param {number} n */
const subscripted = (n) => String(n).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[Number(d)]);
