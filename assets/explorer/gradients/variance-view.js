// The variance of every estimator, measured in the browser while the page is open, over the closed forms of f = ‖z‖².

/** @import { FieldName } from "./fields.js" */
/** @import { Gradients } from "./gradients.js" */
/** @import { Parameter, Running } from "./measure.js" */
/** @import { Changed } from "./state.js" */

import { finderIn } from "../core/dom.js";
import { count, short } from "../core/format.js";
import { Random } from "../core/random.js";
import { formula } from "../plot/formula.js";
import { Dial } from "../widgets/dial.js";
import { LogScale } from "../widgets/scale.js";
import { Choice, Slider } from "./controls.js";
import { drawsFor, ESTIMATORS, varianceOfSquare } from "./estimators.js";
import { MEASURED, Meter } from "./measure.js";
import { GradientSpread } from "./spread.js";
import { VarianceChart } from "./variance-chart.js";

const NS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const DIMS = [1, 2, 4, 8, 16, 32, 64];
const AT = 16; // the n at which dimensions are compared
const SLICE = 7; // ms of measuring per frame
const LEAST = 30; // means, before their variance is shown
const REDRAW = 120; // ms
const ENOUGH = 4e6; // draws per estimator, after which measuring stops
/** @type {FieldName[]} a change of which begins new measurements */
const MEASURED_AT = ["variance.mu", "variance.sigma", "variance.dims", "variance.seed"];

const HTML = `
<div class="page-main">
  <div class="gr-bar">
    <div class="gr-of" data-control="variance-of"></div><div class="gr-mu" data-control="variance-mu"></div><div class="gr-sigma" data-control="variance-sigma"></div><div class="gr-dims" data-control="variance-dims"></div>
  </div>
  <div class="gr-pair"><canvas class="gr-against-n" role="img" aria-label="variance against the number of draws"></canvas><canvas class="gr-against-d" role="img" aria-label="variance against the number of dimensions"></canvas></div>
  <div class="gr-bar"><p class="gr-note"><i class="gr-line"></i>closed form <i class="gr-dot"></i>measured <span class="gr-drawn"></span></p>
  <button class="gr-afresh" data-control="variance-seed" title="forget what was measured, and begin again with other draws">measure afresh</button></div>
</div>
<aside class="gr-side">
  <div class="gr-formula"></div>
  <h3>The cost of an equal error</h3>
  <div class="page-dials"><div class="page-dial gr-error" data-control="variance-error"></div></div>
  <div class="gr-scroll"><table class="gr-table"><thead><tr><th>estimator</th><th>variance, n = ${AT}</th><th>measured</th><th>draws</th><th>× pathwise</th></tr></thead><tbody></tbody></table></div>
  <p class="gr-why"></p>
  <canvas class="gr-spread" role="img" aria-label="gradients of every estimator, each the mean of ${AT} draws"></canvas>
</aside>`;

export class VarianceView {
  /**
   * @param {HTMLElement} root
   * @param {Gradients} page
   */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.state = page.state;
    this.playing = false;
    this.random = new Random(0);
    /** @type {Meter | null} */
    this.byN = null;
    /** @type {Meter[]} */
    this.byDims = [];
    this.drawnAt = -Infinity;
    root.innerHTML = HTML;
    this.$ = finderIn(root);
    const { state } = this;
    this.choice = new Choice(
      this.$(".gr-of"),
      "gradient",
      /** @type {[Parameter, string][]} */ ([
        ["mu", "∂ μ₁"],
        ["sigma", "∂ σ₁"],
      ]),
      (of) => state.set({ "variance.of": of }),
    );
    this.sliders = {
      mu: new Slider(this.$(".gr-mu"), { label: "μ", name: "mu", min: 0, max: 3, step: 0.05 }, (mu) =>
        state.set({ "variance.mu": mu }),
      ),
      sigma: new Slider(this.$(".gr-sigma"), { label: "σ", name: "sigma", min: 0.1, max: 2, step: 0.05 }, (sigma) =>
        state.set({ "variance.sigma": sigma }),
      ),
      dims: new Slider(
        this.$(".gr-dims"),
        { label: "D", name: "dimensions D", min: 0, max: DIMS.length - 1, step: 1, digits: 0 },
        (i) => state.set({ "variance.dims": DIMS[i] }),
      ),
    };
    const scale = new LogScale(0.01, 1, { named: [0.01, 0.1, 1] });
    this.charts = {
      againstN: new VarianceChart(this.$(".gr-against-n", HTMLCanvasElement)),
      againstD: new VarianceChart(this.$(".gr-against-d", HTMLCanvasElement)),
      spread: new GradientSpread(this.$(".gr-spread", HTMLCanvasElement)),
    };
    this.errorDial = new Dial(this.$(".gr-error"), {
      name: "standard error",
      label: "standard error",
      scale,
      marks: [[0.01], [0.1], [1]],
      limit: (error) => Math.min(1, Math.max(0.01, error)),
      send: (error) => state.set({ "variance.error": error }),
    });
    this.$(".gr-afresh").addEventListener("click", () =>
      state.set({ "variance.seed": state.values["variance.seed"] + 1 }),
    );
  }

  /** @param {Changed} changed */
  changed(changed) {
    if (MEASURED_AT.some((name) => changed.has(name))) this.begin();
    this.redraw();
  }

  /** Begins to measure, if the section has been shown. */
  begin() {
    if (!this.byN) return;
    const { mu, sigma, dims, seed } = this.values;
    this.random = new Random(seed);
    this.byN = new Meter(dims, mu, sigma, NS);
    this.byDims = DIMS.map((each) => new Meter(each, mu, sigma, [AT]));
  }

  /** What is measured and shown. */
  get values() {
    const { values } = this.state;
    return {
      of: values["variance.of"],
      mu: values["variance.mu"],
      sigma: values["variance.sigma"],
      dims: values["variance.dims"],
      error: values["variance.error"],
      seed: values["variance.seed"],
    };
  }

  /** Whether some variances are not based on enough means to be shown yet. */
  get isBusy() {
    const blocks = [this.byN, ...this.byDims];
    return blocks.some((meter) => meter !== null && meter.draws < LEAST * Math.max(...NS));
  }

  redraw() {
    this.drawnAt = -Infinity;
    this.page.wake();
  }

  shown() {
    if (!this.byN) {
      this.byN = new Meter(1, 0, 1, NS);
      this.begin();
    }
    const tex =
      "\\nabla\\,\\mathbb E_q\\lVert z\\rVert^2,\\qquad z=\\mu+\\sigma\\,\\zeta\\in\\mathbb R^D,\\;\\zeta\\sim\\mathcal N(0,I)";
    formula(this.$(".gr-formula"), tex, true);
    this.redraw();
  }

  retheme() {
    for (const chart of Object.values(this.charts)) chart.retheme();
    this.redraw();
  }

  /** @param {number} now */
  tick(now) {
    const { byN } = this;
    if (!byN) return false;
    const working = byN.draws < ENOUGH;
    if (working) this.measure(byN);
    if (now - this.drawnAt > REDRAW || !working) {
      this.drawnAt = now;
      this.paint(byN);
    }
    return working;
  }

  /**
   * Measures for one slice of time, each time with the meter that has the fewest draws.
   * @param {Meter} byN
   */
  measure(byN) {
    const until = performance.now() + SLICE;
    do {
      const meters = [byN, ...this.byDims];
      const behind = meters.reduce((least, meter) => (meter.draws < least.draws ? meter : least));
      behind.measure(this.random);
    } while (performance.now() < until);
  }

  /** @param {Meter} byN */
  paint(byN) {
    const { byDims } = this;
    const { of, mu, sigma, dims, error } = this.values;
    this.choice.show(of);
    this.sliders.mu.show(mu);
    this.sliders.sigma.show(sigma);
    this.sliders.dims.show(DIMS.indexOf(dims));
    this.sliders.dims.output.textContent = String(dims);
    this.errorDial.show(error);
    /** @param {number} D */
    const at = (D) => Array(D).fill(mu);
    const name = of === "mu" ? "μ₁" : "σ₁";
    this.charts.againstN.show({
      title: `variance of the mean, ∂ ${name}, D = ${dims}`,
      xName: "draws n",
      xs: NS,
      series: MEASURED.map((estimator) => ({
        ...ESTIMATORS[estimator],
        closed: (n) => (n < ESTIMATORS[estimator].least ? NaN : varianceOfSquare(estimator, at(dims), sigma, n)[of]),
        measured: NS.map((n) => value(byN.of(estimator, n)[of])),
      })),
    });
    this.charts.againstD.show({
      title: `of the mean of ${AT} draws, against dimension`,
      xName: "D",
      xs: DIMS,
      series: MEASURED.map((estimator) => ({
        ...ESTIMATORS[estimator],
        closed: (D) => (Number.isInteger(D) ? varianceOfSquare(estimator, at(D), sigma, AT)[of] : NaN),
        measured: byDims.map((meter) => value(meter.of(estimator, AT)[of])),
      })),
    });
    this.$(".gr-drawn").textContent = `on ${count(byN.draws)} draws of every estimator`;
    this.root.dataset.draws = String(byN.draws);
    this.showTable(byN, at(dims), name);
    const latest = MEASURED.map((estimator) => ({
      ...ESTIMATORS[estimator],
      values: byN.of(estimator, AT).latest[of],
    }));
    this.charts.spread.show({
      title: `means of ${AT} draws, ∂ ${name}`,
      rows: latest,
      exact: 2 * (of === "mu" ? mu : sigma),
    });
  }

  /**
   * @param {Meter} byN
   * @param {number[]} mu
   * @param {string} name
   */
  showTable(byN, mu, name) {
    const { of, sigma, error } = this.values;
    const pathwise = drawsFor("pathwise", mu, sigma, of, error);
    this.$("tbody").innerHTML = MEASURED.map((estimator) => {
      const draws = drawsFor(estimator, mu, sigma, of, error);
      const closed = varianceOfSquare(estimator, mu, sigma, AT)[of];
      const measured = value(byN.of(estimator, AT)[of]);
      const { name: full, colour } = ESTIMATORS[estimator];
      const cells = [
        short(closed),
        Number.isFinite(measured) ? short(measured) : "…",
        count(draws),
        short(draws / pathwise),
      ];
      return `<tr data-estimator="${estimator}"><th><i style="background:${colour}"></i>${full}</th>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
    }).join("");
    const exact = 2 * (of === "mu" ? mu[0] : sigma);
    this.$(".gr-why").textContent =
      `The exact gradient ∂ ${name} is ${short(exact)}. Draws: how many bring the mean's standard error down to ${short(error)}. The score function's variance grows with D², with a baseline with D; that of the pathwise gradient not at all, for ∇f knows which dimension is meant.`;
  }
}

/**
 * The measured variance; NaN while it is based on too few means.
 * @param {Running} running
 */
const value = (running) => (running.count >= LEAST ? running.variance : NaN);
