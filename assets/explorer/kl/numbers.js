// The loss at this beta, written out as a sum, and which model is shown: a trained one, or one interpolated between two.

/** @import { Model } from "./model.js" */
/** @import { Path } from "./path.js" */

import { find } from "../core/dom.js";
import { short, signed } from "../core/format.js";

const HTML = `<i>L</i> = distortion + β · rate <span class="kl-equals"></span> <span class="kl-distortion"></span> + <b class="kl-beta"></b> · <span class="kl-rate"></span> <span class="kl-equals"></span> <b class="kl-total"></b> <small>nats per test image</small>`;

const FACTS = [
  ["elbo", "elbo", "−(distortion + rate), in nats per image"],
  ["active", "active units", "dimensions whose mean varies by more than 0.01"],
  ["sigma", "mean σ", "over the map’s images and all dimensions"],
];
const SAME = [
  "same",
  "same optimum",
  "with a gaussian likelihood, the optimum is the same wherever β·σₚ² is, with σₚ of the likelihood, though the elbo is not",
];

export class PathNumbers {
  /**
   * @param {HTMLElement} loss a line of text
   * @param {HTMLElement} facts a list
   * @param {HTMLElement} which text that says which model the numbers belong to
   */
  constructor(loss, facts, which) {
    this.which = which;
    loss.innerHTML = HTML;
    facts.innerHTML = [...FACTS, SAME]
      .map(([key, name, title]) => `<dt title="${title}">${name}</dt><dd class="kl-${key}">–</dd>`)
      .join("");
    this.equals = loss.querySelectorAll(".kl-equals");
    this.loss = loss;
    this.facts = facts;
  }

  /**
   * @param {Model} model
   * @param {number} sigma mean over the images on the map and all dimensions
   */
  show(model, sigma) {
    const { path, position } = model;
    const { beta, exact, distortion, rate, elbo } = path.numbers(position);
    const about = exact ? "" : "≈ ";
    const put = (/** @type {HTMLElement} */ within, /** @type {string} */ name, /** @type {string} */ text) => {
      find(within, `.kl-${name}`).textContent = text;
    };
    const { loss, facts } = this;
    put(loss, "beta", betaText(beta));
    for (const sign of this.equals) sign.textContent = exact ? "=" : "≈";
    put(loss, "distortion", distortion.toFixed(2));
    put(loss, "rate", rate.toFixed(2));
    put(loss, "total", (distortion + beta * rate).toFixed(2));
    put(facts, "elbo", `${about}${signed(elbo, 2)} nats`);
    put(facts, "active", `${about}${model.activeUnits()} of ${path.k}`);
    put(facts, "sigma", about + sigma.toFixed(3));
    this.showSame(path, beta);
    const { stop } = path.place(position);
    const [before, after] = [stop, stop + 1].map((s) => short(path.betas[s] ?? 0));
    this.which.textContent = exact
      ? `trained at β ${before}`
      : `interpolated between the models at β ${before} and ${after}`;
    this.which.classList.toggle("kl-between", !exact);
  }

  /**
   * With a gaussian likelihood, the model at this beta is also the optimum at beta 1 for another sigma: shows that sigma.
   * @param {Path} path
   * @param {number} beta
   */
  showSame({ frame: { meta } }, beta) {
    const cell = find(this.facts, ".kl-same");
    const isGaussian = meta.likelihood === "gaussian";
    cell.hidden = !isGaussian;
    if (cell.previousElementSibling instanceof HTMLElement) cell.previousElementSibling.hidden = !isGaussian;
    cell.textContent =
      beta === 0 ? "σₚ → 0 at β 1" : `σₚ = ${short(Number((meta.sigma * Math.sqrt(beta)).toPrecision(3)))} at β 1`;
  }
}

/** @param {number} beta */
export const betaText = (beta) => (beta === 0 ? "0" : short(Number(beta.toPrecision(beta < 10 ? 3 : 4))));
