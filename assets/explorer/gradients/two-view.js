// Fits by reverse and by forward KL side by side on one target: mode seeking and mass covering; and a chart of how narrow a
// diagonal q (mean field) becomes.

/** @import { Fact } from "./controls.js" */
/** @import { Gradients } from "./gradients.js" */
/** @import { Changed } from "./state.js" */
/** @import { Target, TargetSpec } from "./targets.js" */

import { findAll, finderIn } from "../core/dom.js";
import { formula } from "../plot/formula.js";
import { Choice, icon, inUnits, showPlaying, writeFacts } from "./controls.js";
import { Cells, forward, forwardKl, meanField, reverse } from "./divergence.js";
import { Adam } from "./fit.js";
import { Gaussian } from "./gaussian.js";
import { Line } from "./line.js";
import { MeanFieldChart } from "./mean-field.js";
import { Picker } from "./picker.js";
import { Plane } from "./plane.js";

const LR = 0.05;
const PACE = 25; // ms per step
const STEPS = 700; // per fit

/** @typedef {"reverse" | "forward"} Direction */

/**
 * The fit by one of the two divergences.
 * @typedef {object} Way
 * @property {Record<number, Plane>} panes pictures, by the number of dimensions
 * @property {Gaussian} q
 * @property {Adam} adam
 */

/**
 * @param {Direction} name
 * @param {string} title
 * @param {string} tex
 */
const column = (name, title, tex) => `
  <section class="gr-column" data-way="${name}"><h3>${title}</h3><div class="gr-formula" data-tex="${tex}"></div>
  <div class="gr-stage" data-control="divergences-plane"><div class="gr-hero"></div></div><dl class="gr-facts"></dl></section>`;

const HTML = `<div class="gr-whole">
  <div class="gr-bar gr-what">
    <div class="gr-which"></div><div class="gr-family" data-control="family"></div>
    <button class="gr-play" data-control="divergences-play"></button>
    <button class="gr-optimum" data-control="divergences-optimum" title="the end of both fits at once">to the optimum</button>
    <button class="gr-reset" data-control="divergences-reset" title="both q back to where they began">${icon("reset")}<span>reset</span></button>
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
  /**
   * @param {HTMLElement} root
   * @param {Gradients} page
   */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.state = page.state;
    /** @type {Target | null} */
    this.target = null;
    /** @type {Cells | null} */
    this.cells = null;
    /** @type {TargetSpec | null} */
    this.spec = null;
    this.lr = LR;
    this.playing = false;
    this.steppedAt = -Infinity;
    this.dirty = false;
    root.innerHTML = HTML;
    this.$ = finderIn(root);
    this.picker = new Picker(this.$(".gr-which"), page);
    this.family = new Choice(
      this.$(".gr-family"),
      "q",
      /** @type {[full: boolean, text: string][]} */ ([
        [false, "diagonal"],
        [true, "full"],
      ]),
      (full) => this.state.set({ full }),
    );
    this.$(".gr-play").addEventListener("click", () => this.play(!this.playing));
    this.$(".gr-optimum").addEventListener("click", () => this.finish());
    this.$(".gr-reset").addEventListener("click", () => this.begin(this.state.values["divergences.start"]));
    this.chart = new MeanFieldChart(this.$(".gr-field-chart", HTMLCanvasElement));
    this.ways = { reverse: this.makeWay("reverse"), forward: this.makeWay("forward") };
  }

  /**
   * @param {Direction} name
   * @returns {Way}
   */
  makeWay(name) {
    const q = Gaussian.diagonal([], []); // without dimensions until a target is loaded
    return { panes: this.makePanes(name), q, adam: new Adam(q.size) };
  }

  /**
   * @param {Direction} name
   * @returns {Record<number, Plane>}
   */
  makePanes(name) {
    const hero = this.$(`[data-way="${name}"] .gr-hero`);
    /** @param {typeof Plane} Kind */
    const make = (Kind) => {
      const element = document.createElement("div");
      hero.append(element);
      const pane = new Kind(element, (q) => this.begin(q), `${name} divergence`);
      pane.onRenew = () => this.wake();
      pane.hearsKeys = () => this.page.hearsKeys;
      return pane;
    };
    return { 1: make(Line), 2: make(Plane) };
  }

  wake() {
    this.dirty = true;
    this.page.wake();
  }

  /** @param {Changed} changed */
  changed(changed) {
    if (!this.target) return; // not shown yet: it is loaded when it is
    if (changed.has("target") || changed.has("image") || changed.has("rho")) this.load();
    else this.update();
  }

  /** Whether nothing that is going to be painted is awaited. */
  get isBusy() {
    return false;
  }

  /** Loads the chosen target. */
  load() {
    const { make, half, middle, lr } = this.page.spec;
    if (this.page.spec !== this.spec) this.play(false);
    this.spec = this.page.spec;
    this.lr = lr ?? LR;
    const target = make(this.state.values);
    const cells = new Cells(target);
    this.target = target;
    this.cells = cells;
    const { k } = target;
    for (const { panes } of Object.values(this.ways)) {
      panes[k].logTotal = cells.logTotal;
      panes[k].load(target, cells.peak, half, middle);
      for (const [dims, { root }] of Object.entries(panes)) root.hidden = Number(dims) !== k;
    }
    this.update();
  }

  /** Where both fits begin. */
  get start() {
    return this.state.values["divergences.start"] ?? this.page.startOf(this.state.values);
  }

  get steps() {
    return this.state.values["divergences.steps"];
  }

  /** Brings both q up to date with the state. */
  update() {
    const { start } = this;
    const { "divergences.reverse": seeks, "divergences.forward": covers } = this.state.values;
    const { reverse, forward } = this.ways;
    const places = /** @type {[Way, Gaussian][]} */ ([
      [reverse, seeks ?? start],
      [forward, covers ?? start],
    ]);
    for (const [way, q] of places) if (way.q !== q) Object.assign(way, { q, adam: new Adam(q.size) });
    this.wake();
  }

  /**
   * Begins both fits at `q`; null: where fits of the target begin.
   * @param {Gaussian | null} q
   */
  begin(q) {
    this.state.set({
      "divergences.start": q,
      "divergences.steps": 0,
      "divergences.reverse": null,
      "divergences.forward": null,
    });
  }

  /** Takes a step of both fits. */
  climb() {
    const { target, cells } = this;
    if (!target || !cells) return;
    const { reverse: seeks, forward: covers } = this.ways;
    seeks.q = seeks.adam.climb(seeks.q, reverse(target, cells, seeks.q).gradient, this.lr);
    covers.q = covers.adam.climb(covers.q, forward(cells, covers.q).gradient, this.lr);
  }

  /** @param {number} steps taken so far */
  moved(steps) {
    const { reverse: seeks, forward: covers } = this.ways;
    this.state.set({
      "divergences.steps": steps,
      "divergences.reverse": seeks.q,
      "divergences.forward": covers.q,
    });
  }

  finish() {
    this.play(false);
    if (!this.target) this.load();
    for (const way of Object.values(this.ways)) way.adam = new Adam(way.q.size);
    for (let s = 0; s < STEPS; s++) this.climb();
    this.moved(STEPS);
  }

  /** @param {boolean} playing */
  play(playing) {
    if (playing && this.steps >= STEPS) this.begin(this.state.values["divergences.start"]);
    this.playing = playing;
    this.steppedAt = -Infinity;
    this.wake();
  }

  shown() {
    if (!this.target) this.load();
    for (const element of findAll(this.root, "[data-tex]")) formula(element, element.dataset.tex ?? "", true);
    this.dirty = true;
  }

  retheme() {
    this.chart.retheme();
    for (const { panes } of Object.values(this.ways)) for (const pane of Object.values(panes)) pane.renew();
  }

  /** @param {number} now */
  tick(now) {
    if (this.playing && now - this.steppedAt >= PACE) {
      this.steppedAt = now;
      this.climb();
      this.moved(this.steps + 1);
      if (this.steps >= STEPS) this.play(false);
    }
    if (this.dirty && this.target && this.cells) this.paint(this.target, this.cells);
    return this.playing;
  }

  /**
   * @param {Target} target
   * @param {Cells} cells
   */
  paint(target, cells) {
    this.dirty = false;
    this.picker.show();
    this.family.show(this.start.full);
    this.family.allow(true, target.k > 1);
    showPlaying(this.$(".gr-play"), this.playing);
    this.$(".gr-stage-of-both").textContent = this.steps ? this.stage : "not fitted yet: drag q, both begin there";
    for (const name of /** @type {Direction[]} */ (["reverse", "forward"])) {
      const { q, panes } = this.ways[name];
      panes[target.k].paint({ q });
      writeFacts(this.$(`[data-way="${name}"] .gr-facts`), this.facts(target, cells, q, name));
    }
    this.paintMeanField(target);
    this.root.dataset.steps = String(this.steps);
  }

  /** How far both fits have come, as text. */
  get stage() {
    if (this.steps === 0) return "start";
    return this.steps < STEPS ? `step ${this.steps}` : "fitted";
  }

  /**
   * @param {Target} target
   * @param {Cells} cells
   * @param {Gaussian} q
   * @param {Direction} name
   * @returns {Fact[]}
   */
  facts(target, cells, q, name) {
    const { divergence } = reverse(target, cells, q);
    const { half } = this.page.spec;
    /**
     * @param {Direction} way
     * @param {number} value
     */
    const strong = (way, value) => (name === way ? `<b>${value.toFixed(3)}</b> nats` : `${value.toFixed(3)} nats`);
    return [
      ["KL(q ‖ p)", strong("reverse", divergence)],
      ["KL(p ‖ q)", strong("forward", forwardKl(cells, q))],
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

  /** @param {Target} target */
  paintMeanField(target) {
    const { ways } = this;
    const { values } = this.state;
    const applies = values.target === "correlated";
    this.$(".gr-narrow").hidden = !applies;
    this.$(".gr-columns").classList.toggle("gr-three", applies);
    if (!applies || !target.covariance) return;
    const variance = { reverse: ways.reverse.q.covariance(0, 0), forward: ways.forward.q.covariance(0, 0) };
    const { variances, divergence } = meanField(target.covariance);
    this.chart.show({ rho: values.rho, variance });
    writeFacts(this.$(".gr-narrow .gr-facts"), [
      [`${this.stage}, reverse`, `<b>${variance.reverse.toFixed(3)}</b>`],
      ["1/(Σ⁻¹)₁₁", variances[0].toFixed(3)],
      [`${this.stage}, forward`, `<b>${variance.forward.toFixed(3)}</b>`],
      ["Σ₁₁", "1.000"],
      ["least KL(q ‖ p) of a diagonal q", `${divergence.toFixed(3)} nats`],
    ]);
  }
}
