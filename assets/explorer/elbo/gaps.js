// The two parts of the inference gap (Cremer et al. 2018). q is optimised for this image alone: the amortisation gap is what that gains over the
// encoder's q, the approximation gap is what no q of the family can gain. The path of q during the optimisation can be played.

import { find, findAll } from "../core/dom.js";
import { rounded, signed } from "../core/format.js";
import { sentence } from "../data/evidence.js";
import { formula } from "../plot/formula.js";
import { FitChart } from "./fit-chart.js";
import { Gaussian } from "./gaussian.js";

/** @import { Answers, FitMeta } from "../data/evidence.js" */
/** @import { ElboColours } from "./colours.js" */
/** @import { Posterior } from "./posterior.js" */

/** The server's answer with its path as Gaussians. @typedef {Omit<FitMeta, "path"> & { path: { q: Gaussian, elbo: number }[] }} Fit */

const TEX =
  "\\underbrace{\\ln p(x) - \\text{ELBO}(q^*)}_{\\text{approximation gap}} \\;+\\; \\underbrace{\\text{ELBO}(q^*) - \\text{ELBO}(q)}_{\\text{amortisation gap}}";
/** @type {[string, boolean][]} name, and whether q may have correlations */
const FAMILIES = [
  ["diagonal", false],
  ["full covariance", true],
];
const DIGITS = 3; // as in the bar
const STEPS_A_SECOND = 6;
const PLAY = '<svg viewBox="0 0 16 16"><path d="M3 1.5v13l11-6.5z"/></svg>';
const PAUSE = '<svg viewBox="0 0 16 16"><path d="M3 2h4v12H3zM9 2h4v12H9z"/></svg>';

const HTML = `
  <div class="eb-formula"></div>
  <p class="eb-note eb-fit">–</p>
  <div class="eb-families"></div>
  <div class="eb-turn"><button class="eb-play" data-control="play" aria-label="play the way of q">${PLAY}</button><input type="range" data-control="step" min="0" max="0" step="1" value="0" aria-label="step of the optimisation"><output>–</output></div>
  <canvas role="img" aria-label="ELBO at every step of the optimisation"></canvas>`;

export class GapsPanel {
  /**
   * @param {HTMLElement} root
   * @param {(q: Gaussian, i: number) => void} step called when the page is to show q of step `i`
   */
  constructor(root, step) {
    this.root = root;
    this.step = step;
    /** @type {Map<boolean, Fit>} by whether q may have correlations */ this.fits = new Map();
    /** @type {Fit | null} the one that is shown */ this.fit = null;
    /** @type {Posterior | null} */ this.posterior = null;
    /** @type {boolean | null} the family whose fit has been requested */ this.requested = null;
    /** @type {ElboColours | null} */ this.colours = null;
    this.playing = false;
    /** It plays because somebody has pressed the button. */
    this.byHand = false;
    /** Step of the path while it plays, with a fraction. */
    this.at = 0;
    /** @type {number | null} time of the last frame of the display while it plays */ this.last = null;
    root.innerHTML = HTML;
    this.$ = (/** @type {string} */ selector) => find(root, selector);
    this.chart = new FitChart(find(root, "canvas", HTMLCanvasElement));
    this.slider = find(root, "input", HTMLInputElement);
    this.slider.addEventListener("input", () => {
      this.stop();
      this.to(Number(this.slider.value));
    });
    this.$(".eb-play").addEventListener("click", () => this.play(!this.playing, true));
    this.$(".eb-families").innerHTML = FAMILIES.map(
      ([name]) => `<div><span>${name}</span><i class="eb-blocks"></i></div>`,
    ).join("");
  }

  set() {
    return formula(this.$(".eb-formula"), `\\displaystyle ${TEX}`);
  }

  /** Forgets the fits, because another image is chosen. */
  clear() {
    this.stop();
    this.fits = new Map();
    this.fit = this.posterior = this.requested = null;
    this.setText("–");
    this.slider.value = "0";
    this.slider.max = "0";
    this.$("output").textContent = "–";
    this.showFamilies();
    this.draw();
  }

  /** @param {string} text */
  setText(text) {
    this.$(".eb-fit").textContent = text;
  }

  /**
   * Requests the fit of one family, once an image; resolves to true where it has just arrived.
   * @param {boolean} full q may have correlations
   * @param {Posterior} posterior
   * @param {() => Promise<Answers["fit"] | null>} ask
   */
  async need(full, posterior, ask) {
    const { fits } = this;
    this.posterior = posterior;
    if (fits.has(full) || this.requested === full) return false;
    this.requested = full;
    this.setText("optimising q for this image …");
    try {
      const answer = await ask();
      if (!answer || this.fits !== fits) return false;
      const { meta } = answer;
      const path = meta.path.map(({ mu, tril, elbo }) => ({ q: new Gaussian(mu, tril.flat()), elbo }));
      posterior.refine(meta);
      fits.set(full, { ...meta, path });
      return true;
    } catch (error) {
      if (this.fits === fits) this.setText(sentence(error));
      return false;
    } finally {
      if (this.fits === fits && this.requested === full) this.requested = null;
    }
  }

  /**
   * Shows the fit of a family at a step.
   * @param {boolean} full
   * @param {number | null} step null: the last one
   * @param {boolean} both the gaps of the other family are shown too
   */
  show(full, step, both) {
    this.fit = this.fits.get(full) ?? null;
    this.showFamilies(both);
    if (!this.fit) return;
    const { path, elbo, start_mode: mode } = this.fit;
    const start = mode === null ? "the encoder’s q" : `mode ${mode + 1} of the posterior`;
    this.setText(
      `ELBO ${signed(path[0].elbo, DIGITS)} → ${signed(elbo, DIGITS)} nats after ${path.length - 1} steps of L-BFGS from ${start}`,
    );
    this.slider.max = String(path.length - 1);
    this.place(step ?? path.length - 1);
  }

  /**
   * Moves the slider to a step.
   * @param {number} step
   */
  place(step) {
    this.slider.value = String(step);
    this.draw();
  }

  /** @param {boolean} [both] */
  showFamilies(both = false) {
    const all = [...this.fits.values()].filter((fit) => both || fit === this.fit);
    const most = Math.max(1e-9, ...all.map(({ gaps }) => gaps.approximation + Math.max(0, gaps.amortisation)));
    const places = findAll(this.root, ".eb-blocks");
    FAMILIES.forEach(([, full], i) => {
      const fit = this.fits.get(full);
      const place = places[i];
      if (!fit || !all.includes(fit)) {
        place.innerHTML = "<small>not optimised yet</small>";
        return;
      }
      const { approximation, amortisation } = fit.gaps;
      const [evidence, best, encoders] = [fit.log_evidence, fit.elbo, fit.encoder_elbo].map((v) => rounded(v, DIGITS)); // as the bar prints them
      /** @type {(name: string, value: number, shown: number) => string} */
      const block = (name, value, shown) =>
        `<b class="eb-${name}" style="flex:${Math.max(0, value) / most}" title="${name} gap"></b><small>${name} ${signed(shown, DIGITS)}</small>`;
      place.innerHTML =
        block("approximation", approximation, evidence - best) + block("amortisation", amortisation, best - encoders);
    });
  }

  // --- the path ------------------------------------------------------------------------------------------------------

  /**
   * Plays the path, or stops.
   * @param {boolean} wanted
   * @param {boolean} [byHand] somebody has pressed the button
   */
  play(wanted, byHand = false) {
    this.playing = wanted && this.fit !== null;
    this.byHand = this.playing && byHand;
    this.$(".eb-play").innerHTML = this.playing ? PAUSE : PLAY;
    this.root.dataset.playing = this.playing ? "1" : "0";
    if (!this.playing || !this.fit) return;
    if (Number(this.slider.value) >= this.fit.path.length - 1) this.slider.value = "0";
    this.at = Number(this.slider.value);
    this.last = null;
    this.showStep(this.at);
  }

  stop() {
    if (this.playing) this.play(false);
  }

  /**
   * Moves on in a frame of the display; true while it plays.
   * @param {number} now
   */
  advance(now) {
    if (!this.playing || !this.fit) return false;
    this.at += this.last === null ? 0 : (Math.min(200, now - this.last) / 1000) * STEPS_A_SECOND;
    this.last = now;
    const end = this.fit.path.length - 1;
    const before = Number(this.slider.value);
    const i = Math.min(end, Math.floor(this.at));
    if (i !== before) this.to(i);
    if (this.at >= end) this.play(false);
    return this.playing;
  }

  /** @param {number} i */
  to(i) {
    if (!this.fit) return;
    this.slider.value = String(i);
    this.showStep(i);
  }

  /**
   * "step 3 of 9" where `q` is that of the slider's step; else "".
   * @param {Gaussian | null} q
   */
  stepOf(q) {
    const i = Number(this.slider.value);
    return this.fit?.path[i]?.q === q ? `step ${i} of ${this.fit.path.length - 1}` : "";
  }

  /** @param {number} i the slider's step */
  showStep(i) {
    if (!this.fit) return;
    const { q } = this.fit.path[i];
    this.step(q, i);
    this.tell(q);
  }

  /** Every q of the path that is shown. */
  path() {
    return this.fit?.path.map(({ q }) => q) ?? [];
  }

  /**
   * Whether `q` is that of a step, up to rounding. If so, it is that step's q from now on.
   * @param {Gaussian | null} q
   * @param {number} step
   */
  adopt(q, step) {
    const found = this.fit?.path[step];
    if (!this.fit || !found || !q?.isNear(found.q)) return false;
    this.fit.path[step] = { ...found, q };
    return true;
  }

  /**
   * Says at which step the page's q is.
   * @param {Gaussian | null} q
   * @param {string} [elbo] as the bar prints it, once it is known
   */
  tell(q, elbo = "…") {
    if (!this.fit) return;
    const step = this.stepOf(q);
    this.$("output").textContent = step
      ? `${step}: ELBO ${elbo}`
      : "q has left this path: take a step to go back to it";
  }

  draw() {
    const { canvas } = this.chart;
    canvas.hidden = !this.fit;
    if (!this.fit || !this.posterior || !canvas.clientWidth || !this.colours) return;
    this.chart.colours = this.colours;
    this.chart.show({
      elbos: this.fit.path.map(({ elbo }) => elbo),
      logEvidence: this.posterior.logEvidence,
      step: Number(this.slider.value),
    });
  }
}
