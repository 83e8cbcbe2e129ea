// Reverse and forward KL on one target, side by side: mode seeking and mass covering; and how narrow mean field is.

import { formula } from "../plot/formula.js";
import { Choice, icon, inUnits, showPlaying, writeFacts } from "./controls.js";
import { Cells, forward, forwardKl, meanField, reverse } from "./divergence.js";
import { Adam } from "./fit.js";
import { Gaussian } from "./gaussian.js";
import { Line } from "./line.js";
import { drawMeanField } from "./mean-field.js";
import { Picker } from "./picker.js";
import { Plane } from "./plane.js";

const RATE = 0.05;
const PACE = 25; // ms a step
const STEPS = 700; // of one play

const column = (name, title, tex) => `
  <section class="gr-column" data-way="${name}"><h3>${title}</h3><div class="gr-formula" data-tex="${tex}"></div>
  <div class="gr-stage"><div class="gr-hero"></div></div><dl class="gr-facts"></dl></section>`;

const HTML = `<div class="gr-whole">
  <div class="gr-bar gr-what">
    <div class="gr-which"></div><div class="gr-family"></div>
    <button class="gr-play"></button>
    <button class="gr-optimum" title="the end of both fits at once">to the optimum</button>
    <button class="gr-reset" title="both q back to where they began">${icon("reset")}<span>reset</span></button>
    <p class="gr-note gr-stage-of-both"></p>
  </div>
  <div class="gr-columns gr-two">
    ${column("reverse", "reverse: mode seeking", "\\mathrm{KL}(q\\,\\|\\,p)=\\mathbb E_q\\!\\left[\\ln\\tfrac{q(z)}{p(z)}\\right]")}
    ${column("forward", "forward: mass covering", "\\mathrm{KL}(p\\,\\|\\,q)=\\mathbb E_p\\!\\left[\\ln\\tfrac{p(z)}{q(z)}\\right]")}
    <section class="gr-column gr-narrow"><h3>Mean field is too narrow</h3><div class="gr-formula" data-tex="\\sigma_i^2=\\frac{1}{(\\Sigma^{-1})_{ii}}=1-\\rho^2\\;\\le\\;\\Sigma_{ii}=1"></div>
      <canvas class="gr-field-chart" role="img" aria-label="variance of q over ρ"></canvas><dl class="gr-facts"></dl></section>
  </div>
</div>`;

export class TwoView {
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.state = page.state;
    this.ways = {};
    root.innerHTML = HTML;
    this.$ = (selector) => root.querySelector(selector);
    this.picker = new Picker(this.$(".gr-which"), page);
    this.family = new Choice(
      this.$(".gr-family"),
      "q",
      [
        [false, "diagonal"],
        [true, "full"],
      ],
      (full) => this.state.set({ full }),
    );
    this.$(".gr-play").addEventListener("click", () => this.play(!this.playing));
    this.$(".gr-optimum").addEventListener("click", () => this.finish());
    this.$(".gr-reset").addEventListener("click", () => this.begin(this.start));
    for (const name of ["reverse", "forward"]) this.ways[name] = { panes: this.makePanes(name) };
  }

  makePanes(name) {
    const hero = this.$(`[data-way="${name}"] .gr-hero`);
    const make = (Kind) => {
      const element = document.createElement("div");
      hero.append(element);
      const pane = new Kind(element, (q) => this.begin(q), `${name} divergence`);
      pane.onRenew = () => this.wake();
      return pane;
    };
    return { 1: make(Line), 2: make(Plane) };
  }

  wake() {
    this.dirty = true;
    this.page.wake();
  }

  changed(changed) {
    const afresh = changed.has("target") || changed.has("image");
    if (afresh || changed.has("rho")) this.load(afresh);
    else if (changed.has("full")) this.begin(this.start.as(this.state.full && this.target.k > 1));
    this.wake();
  }

  // Of the q's nothing while they are where both fits of the target begin.
  get kept() {
    const { start, steps = 0, ways, first } = this;
    const fitted = steps > 0;
    return {
      start: start === first ? null : start,
      steps,
      reverse: fitted ? ways.reverse.q : null,
      forward: fitted ? ways.forward.q : null,
    };
  }

  keep({ start, steps, reverse: seeks, forward: covers }) {
    if (!this.target && !start && !steps) return; // as it is first shown
    this.playing = false;
    this.load(true);
    const fits = (q) => q?.k === this.target.k;
    if (fits(start)) this.begin(start);
    if (!steps || !fits(seeks) || !fits(covers)) return;
    this.steps = steps;
    Object.assign(this.ways.reverse, { q: seeks });
    Object.assign(this.ways.forward, { q: covers });
    this.wake();
  }

  load(afresh) {
    const { make, half, middle, start, rate } = this.page.spec;
    this.rate = rate ?? RATE;
    this.target = make(this.state);
    this.cells = new Cells(this.target);
    const { k } = this.target;
    for (const { panes } of Object.values(this.ways)) {
      panes[k].logTotal = this.cells.logTotal;
      panes[k].load(this.target, this.cells.peak, half, middle);
      for (const [dims, { root }] of Object.entries(panes)) root.hidden = Number(dims) !== k;
    }
    const found = this.ways.reverse.q;
    if (!afresh && found) return this.settle();
    this.first = Gaussian.diagonal(...start).as(this.state.full && k > 1);
    this.begin(this.first);
  }

  // Another rho of a target that is fitted: both go to their optimum at once.
  settle() {
    if (this.steps > 0) this.finish();
  }

  begin(q) {
    this.start = q;
    this.steps = 0;
    for (const way of Object.values(this.ways)) Object.assign(way, { q, adam: new Adam(q.size) });
    this.page.touched();
    this.wake();
  }

  step() {
    this.steps++;
    const { reverse: seeks, forward: covers } = this.ways;
    seeks.q = seeks.adam.climb(seeks.q, reverse(this.target, this.cells, seeks.q).gradient, this.rate);
    covers.q = covers.adam.climb(covers.q, forward(this.cells, covers.q).gradient, this.rate);
    this.dirty = true;
  }

  finish() {
    this.play(false);
    for (const way of Object.values(this.ways)) way.adam = new Adam(way.q.size);
    for (let s = 0; s < STEPS; s++) this.step();
    this.page.touched();
    this.wake();
  }

  play(playing) {
    if (playing && this.steps >= STEPS) this.begin(this.start);
    this.playing = playing;
    this.steppedAt = -Infinity;
    if (!playing) this.page.touched(); // the link follows once both rest
    this.wake();
  }

  shown() {
    if (!this.target) this.load(true);
    for (const element of this.root.querySelectorAll("[data-tex]")) formula(element, element.dataset.tex, true);
    this.dirty = true;
  }

  retheme() {
    for (const { panes } of Object.values(this.ways)) for (const pane of Object.values(panes)) pane.renew();
  }

  tick(now) {
    if (this.playing && now - this.steppedAt >= PACE) {
      this.steppedAt = now;
      this.step();
      if (this.steps >= STEPS) this.play(false);
    }
    if (this.dirty) this.paint();
    return this.playing;
  }

  paint() {
    this.dirty = false;
    const { target, ways } = this;
    this.picker.show();
    this.family.show(this.start.full);
    this.family.allow(true, target.k > 1);
    showPlaying(this.$(".gr-play"), Boolean(this.playing));
    this.$(".gr-stage-of-both").textContent = this.steps ? this.stage : "not fitted yet: drag q, both begin there";
    for (const [name, { q, panes }] of Object.entries(ways)) {
      panes[target.k].paint({ q });
      writeFacts(this.$(`[data-way="${name}"] .gr-facts`), this.facts(q, name));
    }
    this.paintMeanField();
    this.root.dataset.steps = this.steps;
  }

  // How far both q have come.
  get stage() {
    if (this.steps === 0) return "start";
    return this.steps < STEPS ? `step ${this.steps}` : "fitted";
  }

  facts(q, name) {
    const { divergence } = reverse(this.target, this.cells, q);
    const { half } = this.page.spec;
    const strong = (way, value) => (name === way ? `<b>${value.toFixed(3)}</b> nats` : `${value.toFixed(3)} nats`);
    return [
      ["KL(q ‖ p)", strong("reverse", divergence)],
      ["KL(p ‖ q)", strong("forward", forwardKl(this.cells, q))],
      ["μ", inUnits(q.mu, half)],
      [
        "variances",
        inUnits(
          Array.from(q.mu, (_, i) => q.covariance(i, i)),
          Math.min(1, half ** 2),
        ),
      ],
    ];
  }

  paintMeanField() {
    const { target, ways, state } = this;
    const applies = state.target === "correlated";
    this.$(".gr-narrow").hidden = !applies;
    this.$(".gr-columns").classList.toggle("gr-three", applies);
    if (!applies) return;
    const variance = Object.fromEntries(Object.entries(ways).map(([name, { q }]) => [name, q.covariance(0, 0)]));
    const { variances, divergence } = meanField(target.covariance);
    drawMeanField(this.$(".gr-field-chart"), state.rho, variance);
    writeFacts(this.$(".gr-narrow .gr-facts"), [
      [`${this.stage}, reverse`, `<b>${variance.reverse.toFixed(3)}</b>`],
      ["1/(Σ⁻¹)₁₁", variances[0].toFixed(3)],
      [`${this.stage}, forward`, `<b>${variance.forward.toFixed(3)}</b>`],
      ["Σ₁₁", "1.000"],
      ["least KL(q ‖ p) of a diagonal q", `${divergence.toFixed(3)} nats`],
    ]);
  }
}
