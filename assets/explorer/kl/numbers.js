// The loss at this beta, written out, and which model is shown: a trained one, or one between two of them.

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
  // `loss` is a line of text, `facts` a list, `which` says whose numbers these are.
  constructor(loss, facts, which) {
    this.which = which;
    loss.innerHTML = HTML;
    facts.innerHTML = [...FACTS, SAME]
      .map(([key, name, title]) => `<dt title="${title}">${name}</dt><dd class="kl-${key}">–</dd>`)
      .join("");
    this.equals = loss.querySelectorAll(".kl-equals");
    this.$ = (name) => loss.querySelector(`.kl-${name}`) ?? facts.querySelector(`.kl-${name}`);
  }

  show(model, sigma) {
    const { path, position } = model;
    const { beta, exact, distortion, rate, elbo } = path.numbers(position);
    const about = exact ? "" : "≈ ";
    const put = (name, text) => (this.$(name).textContent = text);
    put("beta", betaText(beta));
    for (const sign of this.equals) sign.textContent = exact ? "=" : "≈";
    put("distortion", distortion.toFixed(2));
    put("rate", rate.toFixed(2));
    put("total", (distortion + beta * rate).toFixed(2));
    put("elbo", `${about}${signed(elbo, 2)} nats`);
    put("active", `${about}${model.activeUnits()} of ${path.k}`);
    put("sigma", about + sigma.toFixed(3));
    this.showSame(path, beta);
    const { stop } = path.place(position);
    const [before, after] = [stop, stop + 1].map((s) => short(path.betas[s] ?? 0));
    this.which.textContent = exact
      ? `trained at β ${before}`
      : `interpolated between the models at β ${before} and ${after}`;
    this.which.classList.toggle("kl-between", !exact);
  }

  // The ELBO whose optimum this is: the sigma that the likelihood would have at beta 1.
  showSame({ frame: { meta } }, beta) {
    const cell = this.$("same");
    cell.hidden = cell.previousElementSibling.hidden = meta.likelihood !== "gaussian";
    cell.textContent =
      beta === 0 ? "σₚ → 0 at β 1" : `σₚ = ${short(Number((meta.sigma * Math.sqrt(beta)).toPrecision(3)))} at β 1`;
  }
}

export const betaText = (beta) => (beta === 0 ? "0" : short(Number(beta.toPrecision(beta < 10 ? 3 : 4))));
