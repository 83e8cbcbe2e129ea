// The loss at this beta, written out, and which model is shown: a trained one, or one between two of them.

import { short, signed } from "./format.js";

const HTML = `
  <p class="kl-loss"><i>L</i> = distortion + β · rate = <span class="kl-distortion"></span> + <b class="kl-beta"></b> · <span class="kl-rate"></span> = <b class="kl-total"></b> <small>nats per test image</small></p>
  <p class="kl-which" role="status"></p>`;

const FACTS = [["elbo", "elbo", "−(distortion + rate), in nats per image"], ["active", "active units", "dimensions whose mean varies by more than 0.01"], ["sigma", "mean σ", "over the map’s images and all dimensions"]];

export class PathNumbers {
  constructor(head, facts) {
    head.innerHTML = HTML;
    facts.innerHTML = FACTS.map(([key, name, title]) => `<dt title="${title}">${name}</dt><dd class="kl-${key}">–</dd>`).join("");
    this.$ = (name) => head.querySelector(`.kl-${name}`) ?? facts.querySelector(`.kl-${name}`);
  }

  show(model, sigma) {
    const { path, position } = model;
    const { beta, exact, distortion, rate, elbo } = path.numbers(position);
    const about = exact ? "" : "≈ ";
    const put = (name, text) => (this.$(name).textContent = text);
    put("beta", betaText(beta));
    put("distortion", about + distortion.toFixed(2));
    put("rate", about + rate.toFixed(2));
    put("total", about + (distortion + beta * rate).toFixed(2));
    put("elbo", `${about}${signed(elbo, 2)} nats`);
    put("active", `${about}${model.activeUnits()} of ${path.k}`);
    put("sigma", about + sigma.toFixed(3));
    const { stop } = path.place(position);
    put("which", exact ? `trained at β = ${short(path.betas[stop])}` : `interpolated between the models at β ${short(path.betas[stop])} and ${short(path.betas[stop + 1])}`);
    this.$("which").classList.toggle("kl-between", !exact);
  }
}

export const betaText = (beta) => (beta === 0 ? "0" : short(Number(beta.toPrecision(beta < 10 ? 3 : 4))));
