// Fits q to the target step by step, with the chosen estimator of the gradient.

/** @import { Run } from "./curve.js" */
/** @import { EstimatorName } from "./estimators.js" */
/** @import { Estimate } from "./fit.js" */
/** @import { Gradients } from "./gradients.js" */
/** @import { DragQ } from "./plane.js" */
/** @import { Changed } from "./state.js" */
/** @import { Target } from "./targets.js" */

import { finderIn } from "../core/dom.js";
import { short } from "../core/format.js";
import { Random } from "../core/random.js";
import { formula } from "../plot/formula.js";
import { GradientCloud } from "./cloud.js";
import { icon, showPlaying, writeFacts } from "./controls.js";
import { DivergenceCurve } from "./curve.js";
import { Cells, meanField, reverse } from "./divergence.js";
import { ESTIMATORS, typicalSlope } from "./estimators.js";
import { Adam, drawnBaseline, estimate } from "./fit.js";
import { FitControls } from "./fit-controls.js";
import { fitFacts } from "./fit-facts.js";
import { Gaussian } from "./gaussian.js";
import { Line } from "./line.js";
import { Plane } from "./plane.js";

const SHOWN = 200; // arrows
const PACE = 33; // ms per step
const LONGEST = 2000; // steps per fit
const KEPT = 4; // fits that stay in the picture
const ARROW = 0.24; // length of a typical pathwise gradient, as a share of the picture
const SEED = 1;

const HTML = `
<div class="lv-main">
  <div class="gr-bar gr-what">
    <div class="gr-which"></div>
    <div class="gr-family"></div>
  </div>
  <div class="gr-stage"><div class="gr-hero"></div><p class="gr-key"></p><p class="gr-scale"></p><p class="gr-message" role="status" hidden></p></div>
  <div class="gr-bar"><div class="gr-estimator"></div><button class="gr-again" title="other noise ζ at the same q">draw again</button></div>
  <div class="gr-turn">
    <button class="gr-play"></button>
    <button class="gr-step">${icon("step")}<span>step</span></button>
    <button class="gr-reset" title="q back to where it began; the curve stays for comparison">${icon("reset")}<span>reset</span></button>
    <div class="lv-dials"><div class="lv-dial gr-n"></div><div class="lv-dial gr-rate"></div></div>
  </div>
</div>
<aside class="gr-side">
  <div class="gr-formula"></div>
  <dl class="gr-facts"></dl>
  <canvas class="gr-cloud" role="img" aria-label="single gradients of σ, their mean, the exact one"></canvas>
  <canvas class="gr-curve" role="img" aria-label="divergence over the steps"></canvas>
</aside>`;

export class FitView {
  /**
   * @param {HTMLElement} root
   * @param {Gradients} page
   */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.state = page.state;
    this.noise = 0; // how often the noise has been drawn again
    /** @type {Run[]} */
    this.runs = [];
    /** @type {Target | null} */
    this.target = null;
    /** @type {Cells | null} */
    this.cells = null;
    /** @type {Estimate | null} */
    this.found = null;
    // without dimensions until a target is loaded
    this.start = Gaussian.diagonal([], []);
    this.q = this.start;
    this.adam = new Adam(this.q.size);
    this.zeta = new Float64Array(0);
    /** @type {number | undefined} */
    this.baseline = undefined;
    this.playing = false;
    this.steppedAt = -Infinity;
    this.dirty = false;
    /** @type {EstimatorName | null} */
    this.written = null;
    root.innerHTML = HTML;
    this.$ = finderIn(root);
    this.cloud = new GradientCloud(this.$(".gr-cloud", HTMLCanvasElement));
    this.curve = new DivergenceCurve(this.$(".gr-curve", HTMLCanvasElement));
    this.controls = new FitControls(root, page);
    this.listen();
    /** @type {DragQ} */
    const drag = (q, done) => this.take(q, done);
    /**
     * @param {typeof Plane} Kind
     * @param {string} name
     */
    const hero = (Kind, name) => {
      const element = document.createElement("div");
      this.$(".gr-hero").append(element);
      const pane = new Kind(element, drag, name);
      pane.onRenew = () => page.wake();
      return pane;
    };
    /** @type {Record<number, Plane>} by the number of dimensions */
    this.panes = { 1: hero(Line, "target and q on the line"), 2: hero(Plane, "target and q on the plane") };
  }

  listen() {
    const { $ } = this;
    $(".gr-play").addEventListener("click", () => this.play(!this.playing));
    $(".gr-step").addEventListener("click", () => {
      this.advance();
      this.page.touched();
    });
    $(".gr-reset").addEventListener("click", () => this.reset());
    $(".gr-again").addEventListener("click", () => this.redraw());
  }

  // --- what is fitted --------------------------------------------------------------------------------------------------------

  /** @param {Changed} changed */
  changed(changed) {
    const { state } = this;
    const afresh = changed.has("target") || changed.has("image");
    if (afresh || changed.has("rho")) this.load(afresh);
    if (changed.has("full")) this.begin(this.q.as(state.full && this.isPlane));
    if (changed.has("estimator")) this.begin(this.q);
    if (changed.has("estimator") || changed.has("n") || afresh) this.resample();
    this.refresh();
  }

  /**
   * Loads the chosen target.
   * @param {boolean} afresh whether q returns to where a fit of the target begins
   */
  load(afresh) {
    const { make, half, middle, start } = this.page.spec;
    const target = make(this.state);
    const cells = new Cells(target);
    this.target = target;
    this.cells = cells;
    const pane = this.panes[target.k];
    pane.logTotal = cells.logTotal;
    pane.load(target, cells.peak, half, middle);
    for (const [k, { root }] of Object.entries(this.panes)) root.hidden = Number(k) !== target.k;
    this.start = Gaussian.diagonal(...start).as(this.state.full && target.k > 1);
    this.runs = [];
    if (afresh) this.play(false);
    this.begin(afresh ? this.start : this.q);
  }

  /** Whether the target has more than one dimension. */
  get isPlane() {
    return this.target !== null && this.target.k > 1;
  }

  /**
   * Begins a fit at `q`; the fits before it stay in the chart.
   * @param {Gaussian} q
   */
  begin(q) {
    this.q = q;
    this.adam = new Adam(q.size);
    this.runs = this.runs.filter(({ values }) => values.length > 1).slice(1 - KEPT);
    this.runs.push({ estimator: this.state.estimator, values: [] });
    this.say("");
  }

  resample() {
    this.zeta = new Random(SEED + this.noise).normals(this.draws * (this.target?.k ?? 0));
  }

  get draws() {
    return Math.max(this.state.n, ESTIMATORS[this.state.estimator].least);
  }

  /** Estimates the gradient at q with the current noise. */
  refresh() {
    const { target, cells, q, state } = this;
    if (!target || !cells) return;
    if (state.estimator === "baseline") this.baseline = drawnBaseline(target.f, q, new Random(SEED));
    this.found = estimate(target, cells, q, state.estimator, this.zeta, this.baseline);
    const { values } = this.run;
    if (!values.length) values.push(this.found.divergence);
    this.dirty = true;
    this.page.wake();
  }

  /** The current fit. */
  get run() {
    return this.runs[this.runs.length - 1];
  }

  advance() {
    const { target, cells, found } = this;
    if (!target || !cells || !found) return;
    const next = this.adam.climb(this.q, found.gradient, this.state.rate);
    const { divergence } = reverse(target, cells, next);
    if (!Number.isFinite(divergence)) {
      this.play(false);
      return this.say(
        "q has left every place where the target can be computed: reset it, and take more draws or a smaller learning rate.",
      );
    }
    this.q = next;
    this.noise++;
    this.resample();
    const { values } = this.run;
    values.push(divergence);
    this.refresh();
    if (values.length > LONGEST) this.play(false);
  }

  reset() {
    this.play(false);
    this.page.touched();
    this.noise = 0;
    this.begin(this.start);
    this.resample();
    this.refresh();
  }

  redraw() {
    this.noise++;
    this.resample();
    this.refresh();
    this.page.touched();
  }

  /** q is null while it is where every fit of the target begins. */
  get kept() {
    const { q, start, noise } = this;
    const moved = !(String(q.mu) === String(start.mu) && String(q.tril) === String(start.tril));
    return { q: moved ? q : null, noise };
  }

  /** @param {{ q: Gaussian | null, noise: number }} values */
  keep({ q, noise }) {
    this.noise = noise;
    this.play(false);
    if (!this.target && !q) return; // not shown yet: the target is loaded when it is
    this.load(true);
    if (q && q.k === this.target?.k) this.begin(q);
    this.resample();
    this.refresh();
  }

  /**
   * Takes over a q that the user has moved.
   * @param {Gaussian} q
   * @param {boolean} done whether the drag has ended
   */
  take(q, done) {
    this.page.touched();
    if (done) this.begin(q);
    this.q = q;
    this.refresh();
  }

  /** @param {boolean} playing */
  play(playing) {
    if (playing && this.run.values.length > LONGEST) this.begin(this.q);
    this.playing = playing;
    this.steppedAt = -Infinity;
    showPlaying(this.$(".gr-play"), playing);
    if (playing) this.page.wake();
    else this.page.touched(); // the link is updated when playing ends
  }

  // --- painting ----------------------------------------------------------------------------------------------------------------

  /**
   * Paints a frame; true while further frames follow.
   * @param {number} now
   */
  tick(now) {
    if (this.playing && now - this.steppedAt >= PACE) {
      this.steppedAt = now;
      this.advance();
    }
    const { target, found } = this;
    if (target && found && (this.dirty || this.panes[target.k].dirty)) this.paint(target, found);
    return this.playing;
  }

  /**
   * @param {Target} target
   * @param {Estimate} found
   */
  paint(target, found) {
    this.dirty = false;
    const { q, state } = this;
    const pane = this.panes[target.k];
    const shown = found.singles ? Math.min(SHOWN, this.draws) : 0;
    const slope = typicalSlope(target.f, q);
    const room = Math.min(pane.root.clientWidth, pane.root.clientHeight);
    const unit = (ARROW * room) / Math.max(1e-9, slope);
    const { colour } = ESTIMATORS[state.estimator];
    const gradients = { rows: found.singles, mean: found.gradient, exact: found.exact, shown, unit };
    pane.paint({ q, colour, draws: found.singles && this.places(shown), gradients });
    this.showKey(shown, unit, room);
    this.cloud.show({ q, estimate: found, shown, estimator: state.estimator, scale: slope });
    const floor = target.covariance && !q.full ? meanField(target.covariance).divergence : null;
    this.curve.show({ runs: this.runs, floor });
    this.controls.show(q.full, target.k > 1);
    this.writeFormula(state.estimator);
    const steps = this.run.values.length - 1;
    writeFacts(this.$(".gr-facts"), fitFacts(q, found, steps, this.draws, this.page.spec.half));
    this.root.dataset.steps = String(steps);
  }

  /**
   * The points z of the draws whose gradients are shown.
   * @param {number} shown how many
   */
  places(shown) {
    const { k } = this.q;
    const all = new Float64Array(shown * k);
    for (let s = 0; s < shown; s++) this.q.at(this.zeta, all.subarray(s * k, (s + 1) * k), s * k);
    return all;
  }

  /**
   * Writes the key of the arrows and their scale.
   * @param {number} shown single gradients in the picture
   * @param {number} unit pixels per nat per unit of z
   * @param {number} room the smaller side of the picture, in pixels
   */
  showKey(shown, unit, room) {
    const { colour, short: name } = ESTIMATORS[this.state.estimator];
    const how = shown < this.draws ? `${shown} of ${this.draws}` : `${shown}`;
    /**
     * @param {number} width
     * @param {string} style
     */
    const line = (width, style) => `<i style="border-top:${width}px solid ${style}"></i>`;
    const single = shown ? `${line(1, colour)}single gradients (${how})${line(3, colour)}their mean, ${name}` : "";
    this.$(".gr-key").innerHTML = `${single}${line(5, ESTIMATORS.exact.colour)}exact`;
    const length = Number((0.2 * (room / unit)).toPrecision(1));
    this.$(".gr-scale").innerHTML = `<i style="width:${unit * length}px"></i>${short(length)} nats per unit of z`;
  }

  /** @param {EstimatorName} estimator */
  writeFormula(estimator) {
    if (this.written === estimator) return;
    this.written = estimator;
    const { tex } = ESTIMATORS[estimator];
    const what =
      estimator === "exact" ? "\\;\\text{in closed form, or by quadrature}" : `\\approx \\frac1n\\sum_{s=1}^{n}${tex}`;
    const lines = [
      "-\\nabla\\,\\mathrm{KL}(q\\,\\|\\,p)&=\\nabla\\,\\mathbb E_q[f(z)]+\\nabla\\,\\mathrm H(q),\\quad f=\\ln p",
      `\\nabla\\,\\mathbb E_q[f(z)]&${what}`,
    ];
    formula(this.$(".gr-formula"), `\\begin{aligned}${lines.join("\\\\[4pt]")}\\end{aligned}`, true);
  }

  /** @param {string} message */
  say(message) {
    this.$(".gr-message").textContent = message;
    this.$(".gr-message").hidden = !message;
  }

  shown() {
    if (!this.target) this.changed(new Set(["target"]));
    this.dirty = true;
  }

  retheme() {
    for (const pane of Object.values(this.panes)) pane.renew();
    for (const chart of [this.cloud, this.curve]) chart.retheme();
    this.dirty = true;
  }
}
