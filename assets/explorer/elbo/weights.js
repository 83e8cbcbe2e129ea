// Importance weighting (Burda et al. 2016): L_k rises from the ELBO to ln p(x) with the number of draws k; and the effective
// sample size of the weights.

import { find } from "../core/dom.js";
import { signed, whole } from "../core/format.js";
import { sentence } from "../data/evidence.js";
import { formula } from "../plot/formula.js";
import { averages } from "./parts.js";
import { WeightsChart } from "./weights-chart.js";

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
    this.chart = new WeightsChart(find(root, "canvas", HTMLCanvasElement));
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
    const { colours, posterior } = this;
    const { canvas } = this.chart;
    canvas.hidden = !this.found;
    if (!this.found || !posterior || !colours || !canvas.clientWidth) return;
    this.chart.colours = colours;
    this.chart.show({ ...this.found, logEvidence: posterior.logEvidence });
  }
}

/** @param {number} share */
const percent = (share) => (100 * share).toPrecision(share < 0.1 ? 2 : 3);

/** @param {number} n */
const subscripted = (n) => String(n).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[Number(d)]);
