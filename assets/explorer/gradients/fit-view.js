// Fits q to the target step by step, with the chosen estimator of the gradient.

/** @import { Run } from "./curve.js" */
/** @import { EstimatorName } from "./estimators.js" */
/** @import { Choices, FitPart, FitRun } from "./fields.js" */
/** @import { Estimate } from "./fit.js" */
/** @import { Gaussian } from "./gaussian.js" */
/** @import { Gradients } from "./gradients.js" */
/** @import { Changed } from "./state.js" */
/** @import { Target, TargetSpec } from "./targets.js" */

import { finderIn } from "../core/dom.js";
import { short } from "../core/format.js";
import { formula } from "../plot/formula.js";
import { GradientCloud } from "./cloud.js";
import { icon, showPlaying, writeFacts } from "./controls.js";
import { DivergenceCurve } from "./curve.js";
import { Cells, meanField } from "./divergence.js";
import { ESTIMATORS, typicalSlope } from "./estimators.js";
import { MOST_PARTS, MOST_STEPS } from "./fields.js";
import { FitControls } from "./fit-controls.js";
import { fitFacts } from "./fit-facts.js";
import { extended, Fit } from "./fit-run.js";
import { Line } from "./line.js";
import { Plane } from "./plane.js";
import { beginning, isFull } from "./state.js";

const SHOWN = 200; // arrows
const PACE = 33; // ms per step
const REPLAY = 25; // ms of replaying steps per frame
const ARROW = 0.24; // length of a typical pathwise gradient, as a share of the picture

const HTML = `
<div class="page-main">
  <div class="gr-bar gr-what">
    <div class="gr-which"></div>
    <div class="gr-family" data-control="family"></div>
  </div>
  <div class="gr-stage" data-control="plane"><div class="gr-hero"></div><p class="gr-key"></p><p class="gr-scale"></p><p class="gr-message" role="status" hidden></p></div>
  <div class="gr-bar"><div class="gr-estimator" data-control="estimator"></div><button class="gr-again" data-control="noise" title="other noise ζ at the same q">draw again</button></div>
  <div class="gr-turn">
    <button class="gr-play" data-control="play"></button>
    <button class="gr-step" data-control="step">${icon("step")}<span>step</span></button>
    <button class="gr-reset" data-control="reset" title="q back to where it began; the curve stays for comparison">${icon("reset")}<span>reset</span></button>
    <div class="page-dials"><div class="page-dial gr-n" data-control="n"></div><div class="page-dial gr-lr" data-control="lr"></div></div>
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
    /** @type {Target | null} */
    this.target = null;
    /** @type {Cells | null} */
    this.cells = null;
    /** @type {TargetSpec | null} */
    this.spec = null;
    /** @type {Fit | null} the current fit */
    this.fit = null;
    /** @type {Run[]} fits before it */
    this.runs = [];
    /** @type {{ before: FitRun[], parts: FitPart[] }} the fits of the state that `runs` and `fit` are */
    this.made = { before: [], parts: [] };
    /** @type {Iterator<void> | null} takes the steps of fits that were described */
    this.replay = null;
    /** @type {Estimate | null} */
    this.found = null;
    this.zeta = new Float64Array(0);
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
    /**
     * @param {typeof Plane} Kind
     * @param {string} name
     */
    const hero = (Kind, name) => {
      const element = document.createElement("div");
      this.$(".gr-hero").append(element);
      const pane = new Kind(element, (q) => this.moveTo(q), name);
      pane.onRenew = () => page.wake();
      pane.hearsKeys = () => page.hearsKeys;
      return pane;
    };
    /** @type {Record<number, Plane>} by the number of dimensions */
    this.panes = { 1: hero(Line, "target and q on the line"), 2: hero(Plane, "target and q on the plane") };
  }

  listen() {
    const { $ } = this;
    $(".gr-play").addEventListener("click", () => this.play(!this.playing));
    $(".gr-step").addEventListener("click", () => this.advance());
    $(".gr-reset").addEventListener("click", () => this.reset());
    $(".gr-again").addEventListener("click", () => this.redraw());
  }

  // --- what is fitted --------------------------------------------------------------------------------------------------------

  /** @param {Changed} changed */
  changed(changed) {
    if (!this.target) return; // not shown yet: it is loaded when it is
    if (changed.has("target") || changed.has("image") || changed.has("rho")) this.load();
    else this.update();
  }

  /** Loads the chosen target and the fits to it. */
  load() {
    const { make, half, middle } = this.page.spec;
    const target = make(this.state.values);
    const cells = new Cells(target);
    if (this.page.spec !== this.spec) this.play(false);
    this.spec = this.page.spec;
    this.target = target;
    this.cells = cells;
    const pane = this.panes[target.k];
    pane.logTotal = cells.logTotal;
    pane.load(target, cells.peak, half, middle);
    for (const [k, { root }] of Object.entries(this.panes)) root.hidden = Number(k) !== target.k;
    this.fit = null;
    this.update();
  }

  /** The state's q. */
  get q() {
    return this.state.values["fit.q"] ?? this.page.startOf(this.state.values);
  }

  /** Brings the fits, the noise and the gradients up to date with the state. */
  update() {
    const { target, cells } = this;
    if (!target || !cells) return;
    const { values } = this.state;
    this.say("");
    const { q } = this;
    if (!this.isMade(q, values)) this.remake(target, cells, values);
    const fit = /** @type {Fit} */ (this.fit);
    if (!this.replay) fit.q = q;
    this.zeta = fit.noise(values.n, values["fit.noise"]);
    this.found = fit.estimate(this.zeta, q);
    if (!values["fit.parts"].length) fit.values = [this.found.divergence];
    this.dirty = true;
    this.page.wake();
  }

  /**
   * Whether `runs` and `fit` are the fits of the state.
   * @param {Gaussian} q of the state
   * @param {Readonly<Choices>} values
   */
  isMade(q, { estimator, "fit.before": before, "fit.parts": parts }) {
    const { fit, made } = this;
    return fit?.estimator === estimator && fit.q.full === q.full && made.before === before && made.parts === parts;
  }

  /**
   * Makes the fits of the state. Those that have been made here stay, others are made again step by step.
   * @param {Target} target
   * @param {Cells} cells
   * @param {Readonly<Choices>} values
   */
  remake(target, cells, values) {
    const { estimator, "fit.start": start, "fit.parts": parts, "fit.before": before } = values;
    const past = this.fit && !this.replay ? this.known() : new Map();
    const startOf = (/** @type {boolean} */ full) => this.page.startOf({ ...values, full });
    this.made = { before, parts };
    /** @type {[fit: Fit, parts: FitPart[]][]} */
    const open = [];
    this.runs = before.map((run) => {
      const made = past.get(run.parts);
      if (made) return made;
      const fit = new Fit(target, cells, run.estimator, run.start ?? startOf(run.full));
      open.push([fit, run.parts]);
      return fit;
    });
    const fit = new Fit(target, cells, estimator, parts.length ? (start ?? startOf(isFull(values))) : this.q);
    if (parts.length) open.push([fit, parts]);
    this.fit = fit;
    this.replay = open.length ? replayed(open) : null;
  }

  /** The fits that have been made, by their parts. */
  known() {
    const { before, parts } = this.made;
    const fits = /** @type {[FitPart[], Run][]} */ (before.map((run, i) => [run.parts, this.runs[i]]));
    return new Map(this.fit ? [...fits, [parts, this.fit]] : fits);
  }

  /**
   * Replays steps until the time `until`.
   * @param {number} until ms
   */
  catchUp(until = Infinity) {
    while (this.replay && performance.now() < until) if (this.replay.next().done) this.replay = null;
    if (!this.replay && this.fit) this.fit.q = this.q;
    this.dirty = true;
  }

  /** Takes a step. */
  advance() {
    this.catchUp();
    const { values } = this.state;
    const { n, lr, "fit.noise": noise } = values;
    let parts = extended(values["fit.parts"], { n, lr, noise });
    if (parts.length > MOST_PARTS || this.steps >= MOST_STEPS) {
      this.state.set(beginning(values));
      parts = extended([], { n, lr, noise });
    }
    const { fit, found, q } = this;
    if (!fit || !found) return;
    if (!fit.step(found.gradient, lr)) {
      this.play(false);
      return this.say(
        "q has left every place where the target can be computed: reset it, and take more draws or a smaller learning rate.",
      );
    }
    const begins = !this.state.values["fit.parts"].length;
    this.made = { before: this.state.values["fit.before"], parts };
    this.state.set({
      "fit.q": fit.q,
      "fit.noise": noise + 1,
      "fit.start": begins ? this.state.values["fit.q"] && q : this.state.values["fit.start"],
      "fit.parts": parts,
    });
    if (this.steps >= MOST_STEPS) this.play(false);
  }

  /** Draws per gradient. */
  get draws() {
    const { n, estimator } = this.state.values;
    return Math.max(n, ESTIMATORS[estimator].least);
  }

  /** Steps of the current fit. */
  get steps() {
    return this.state.values["fit.parts"].reduce((sum, part) => sum + part.steps, 0);
  }

  reset() {
    this.play(false);
    this.state.set({ ...beginning(this.state.values), "fit.q": null, "fit.noise": 0 });
  }

  redraw() {
    this.state.set({ "fit.noise": this.state.values["fit.noise"] + 1 });
  }

  /**
   * Takes over a q that a person has moved: a fit begins there.
   * @param {Gaussian} q
   */
  moveTo(q) {
    this.state.set({ ...beginning(this.state.values), "fit.q": q });
  }

  /** @param {boolean} playing */
  play(playing) {
    this.playing = playing;
    this.steppedAt = -Infinity;
    showPlaying(this.$(".gr-play"), playing);
    if (playing) this.page.wake();
  }

  /** Whether steps are still being replayed. */
  get isBusy() {
    return this.replay !== null;
  }

  // --- painting ----------------------------------------------------------------------------------------------------------------

  /**
   * Paints a frame; true while further frames follow.
   * @param {number} now
   */
  tick(now) {
    if (this.replay) this.catchUp(performance.now() + REPLAY);
    else if (this.playing && now - this.steppedAt >= PACE) {
      this.steppedAt = now;
      this.advance();
    }
    const { target, found } = this;
    if (target && found && (this.dirty || this.panes[target.k].dirty)) this.paint(target, found);
    return this.playing || this.isBusy;
  }

  /**
   * @param {Target} target
   * @param {Estimate} found
   */
  paint(target, found) {
    this.dirty = false;
    const { q } = this;
    const { estimator } = this.state.values;
    const pane = this.panes[target.k];
    const shown = found.singles ? Math.min(SHOWN, this.draws) : 0;
    const slope = typicalSlope(target.f, q);
    const room = Math.min(pane.root.clientWidth, pane.root.clientHeight);
    const unit = (ARROW * room) / Math.max(1e-9, slope);
    const { colour } = ESTIMATORS[estimator];
    const gradients = { rows: found.singles, mean: found.gradient, exact: found.exact, shown, unit };
    pane.paint({ q, colour, draws: found.singles && this.places(shown), gradients });
    this.showKey(shown, unit, room);
    this.cloud.show({ q, estimate: found, shown, estimator, scale: slope });
    const floor = target.covariance && !q.full ? meanField(target.covariance).divergence : null;
    this.curve.show({ runs: this.fit ? [...this.runs, this.fit] : this.runs, floor });
    this.controls.show(q.full, target.k > 1);
    this.writeFormula(estimator);
    const { steps } = this;
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
    const { colour, short: name } = ESTIMATORS[this.state.values.estimator];
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
    if (!this.target) this.load();
    this.dirty = true;
  }

  retheme() {
    for (const pane of Object.values(this.panes)) pane.renew();
    for (const chart of [this.cloud, this.curve]) chart.retheme();
    this.dirty = true;
  }
}

/**
 * Takes the steps of fits one after the other.
 * @param {[fit: Fit, parts: FitPart[]][]} fits
 */
function* replayed(fits) {
  for (const [fit, parts] of fits) yield* fit.replay(parts);
}
