// The state of the ELBO page: what the user has chosen, and how a link describes it.

import { Gaussian } from "./gaussian.js";

/** @import { Description } from "../core/view.js" */
/** @import { DensityName } from "./posterior.js" */

/** @typedef {"derivation" | "gaps" | "weights" | "images"} Tab */
/** @typedef {"class" | "rate" | "distortion"} Against the horizontal axis of the gap's scatter plot */
/** @typedef {{ count: number, k: number }} Bounds number of a model's images, and its latent dimensions */

/** @type {DensityName[]} */
export const DENSITIES = ["prior", "likelihood", "posterior"];
/** The fields that are either on or off, each with a button. */
export const SWITCHES = /** @type {const} */ (["prior", "likelihood", "posterior", "log", "points", "full"]);
const CHOICES = /** @type {const} */ (["view", "heat", "tab", "against"]);
/** @type {Tab[]} */
const TABS = ["derivation", "gaps", "weights", "images"];
const SEEDS = 2 ** 31; // of the server's random draws
const STEPS = 1e5; // of an optimisation, at most
const FAR = 1e6; // the largest coordinate that a link may contain
const SHORTEST = 1e-4; // the smallest scale of q that a link may contain
const OF_ENCODER = "encoder"; // q in a link with a step: q has not been moved

export class ElboState {
  constructor() {
    /** Row of the frame, or −1 where the image is drawn. */
    this.image = -1;
    /** @type {"posterior" | "plane"} */ this.view = "posterior";
    /** @type {DensityName | "none"} */ this.heat = "posterior";
    /** The heat is on a log scale. */
    this.log = false;
    // whose contours are shown
    this.prior = true;
    this.likelihood = false;
    this.posterior = true;
    /** The means of all held-out images are shown. */
    this.points = true;
    /** q may have correlations. */
    this.full = false;
    /** @type {Tab} */ this.tab = "derivation";
    /** @type {Against} */ this.against = "class";
    /** @type {Gaussian | null} */ this.q = null;
    /** q is not the encoder's. */
    this.moved = false;
    /** @type {number | null} step of the optimisation of q that is chosen; null until one is known */ this.step = null;
    /** q is that of the step. It is not yet known where q is not `moved`. */
    this.onPath = false;
    /** q has been optimised in both families. */
    this.both = false;
    /** Of the importance weights' draws. */
    this.seed = 0;
    /** The drawing pad is open. */
    this.pad = false;
    /** @type {number[]} classes that are hidden: none on this page */ this.hidden = [];
    this.zones = "none";
    /** @type {((changed: Set<string>, startedAt: number) => void)[]} */ this.listeners = [];
  }

  /**
   * Takes over the choices of an earlier state when another model is opened, as far as they apply to it.
   * @param {ElboState} before
   * @param {number} k latent dimensions of the model
   */
  keep({ view, heat, log, prior, likelihood, posterior, points, tab, against, pad }, k) {
    this.set({ view, heat, log, prior, likelihood, posterior, points, tab: tabOf(tab, k), against, pad });
  }

  /**
   * Calls `listener` after every change, with the names of the fields that were set.
   * @param {(changed: Set<string>, startedAt: number) => void} listener
   */
  subscribe(listener) {
    this.listeners.push(listener);
  }

  /**
   * @param {Partial<ElboState>} patch
   * @param {number} [startedAt] time of the event that caused the change
   */
  set(patch, startedAt = performance.now()) {
    Object.assign(this, patch);
    for (const listener of this.listeners) listener(new Set(Object.keys(patch)), startedAt);
  }

  /**
   * { image: "12", view: "plane", q: "0.1,0.2,0.03,0,0.04" }: the image, and all fields that differ from their first values;
   * q (mu and the lower triangle of L) where it has been moved.
   * @returns {Description}
   */
  describe() {
    /** @type {Description} */
    const found = {};
    const first = new ElboState();
    if (this.image >= 0) found.image = String(this.image);
    for (const name of CHOICES) if (this[name] !== first[name]) found[name] = this[name];
    const contours = DENSITIES.filter((name) => this[name]);
    if (DENSITIES.some((name) => this[name] !== first[name])) found.contours = contours.join(",") || "none";
    for (const name of /** @type {const} */ (["log", "full", "pad"])) if (this[name]) found[name] = "1";
    if (!this.points) found.points = "0";
    if (this.step !== null) found.step = String(this.step);
    if (this.both) found.families = "both";
    if (this.seed) found.seed = String(this.seed);
    return { ...found, ...this.describeQ() };
  }

  /** @returns {Description} */
  describeQ() {
    const { q } = this;
    if (!this.moved) return this.step !== null && !this.onPath ? { q: OF_ENCODER } : {};
    if (!q) return {};
    const text = [...q.mu, ...q.rows().flatMap((row, i) => row.slice(0, i + 1))].join(",");
    const axes = q.ownAxes();
    return { q: text, ...(axes && { axes: [...axes.lengths, axes.angle].join(",") }) };
  }

  /**
   * The state that a description stands for. Missing fields have their initial values, as have those that are not valid.
   * @param {Description} description
   * @param {Bounds} model
   */
  static of(description, { count, k }) {
    const state = new ElboState();
    const { image, contours, step, seed } = description;
    /** @type {<T extends string>(name: string, values: T[], otherwise: T) => T} */
    const one = (name, values, otherwise) => values.find((value) => value === description[name]) ?? otherwise;
    state.view = one("view", ["posterior", "plane"], state.view);
    state.heat = one("heat", [...DENSITIES, "none"], state.heat);
    state.tab = tabOf(one("tab", TABS, state.tab), k);
    state.against = one("against", ["class", "rate", "distortion"], state.against);
    const named = contours?.split(",");
    if (named) for (const name of DENSITIES) state[name] = named.includes(name);
    state.log = description.log === "1";
    state.full = description.full === "1" && k === 2;
    state.points = description.points !== "0";
    state.pad = description.pad === "1";
    state.seed = wholeOf(seed, SEEDS) ?? 0;
    state.image = wholeOf(image, count) ?? -1;
    if (k > 2 || (image !== undefined && state.image < 0)) return state; // q belongs to the image
    state.step = wholeOf(step, STEPS);
    state.both = description.families === "both" && k === 2;
    state.q = gaussianOf(description, k, state.full);
    state.moved = state.q !== null;
    state.onPath = state.step !== null && description.q !== OF_ENCODER;
    return state;
  }
}

/**
 * @param {Tab} tab
 * @param {number} k
 * @returns {Tab}
 */
const tabOf = (tab, k) => (tab === "gaps" && k > 2 ? "derivation" : tab);

/**
 * A whole number from 0 to below `end`, or null.
 * @param {string | undefined} text
 * @param {number} end
 */
function wholeOf(text, end) {
  const value = numbersOf(text)[0];
  return Number.isInteger(value) && value >= 0 && value < end ? value : null;
}

/** @param {string | undefined} text */
const numbersOf = (text = "") => text.split(",").map((v) => (v.trim() === "" ? NaN : Number(v)));

/**
 * q from mu and the lower triangle of L, row by row, with its axes where they are given; null where the text is anything
 * else.
 * @param {Description} description
 * @param {number} k
 * @param {boolean} full q may have correlations
 */
function gaussianOf(description, k, full) {
  const numbers = numbersOf(description.q);
  if (numbers.length !== k + (k * (k + 1)) / 2 || !numbers.every((v) => Math.abs(v) <= FAR)) return null;
  const mu = numbers.slice(0, k);
  const tril = k === 1 ? [numbers[1]] : [numbers[2], 0, full ? numbers[3] : 0, numbers[4]];
  const q = new Gaussian(mu, tril);
  if (!mu.every((_, d) => q.scale(d) > SHORTEST)) return null;
  const [a, b, angle, ...more] = numbersOf(description.axes);
  const valid = k === 2 && !more.length && a > SHORTEST && b > SHORTEST && Math.max(a, b, Math.abs(angle)) <= FAR;
  return valid ? q.withAxes({ lengths: [a, b], angle }) : q;
}
