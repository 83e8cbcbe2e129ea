// The state of the ELBO page: what the user has chosen, and how the URL's hash stores it.

import { readLook, writtenLook } from "../core/link-fields.js";
import { Gaussian } from "./gaussian.js";

/** @import { DensityName } from "./posterior.js" */

/** @typedef {"derivation" | "gaps" | "weights" | "images"} Tab */
/** @typedef {"class" | "rate" | "distortion"} Against the horizontal axis of the gap's scatter plot */

/** @type {DensityName[]} */
export const DENSITIES = ["prior", "likelihood", "posterior"];
/** The fields that are either on or off, each with a button. */
export const SWITCHES = /** @type {const} */ (["prior", "likelihood", "posterior", "log", "points", "full"]);
/** @type {Tab[]} */
const TABS = ["derivation", "gaps", "weights", "images"];
const MOST_SEEDS = 2 ** 31; // of the server's random draws
const FAR = 1e6; // the largest coordinate that a link may contain

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
    /** @type {Gaussian | null} q of a link, until the posterior has arrived. */ this.asked = null;
    /** @type {ReturnType<typeof readLook>} */ this.look = null;
    /** Of the importance weights' draws. */
    this.seed = 0;
    /** @type {number[]} classes that are hidden */ this.hidden = [];
    this.zones = "none";
    /** @type {((changed: Set<string>, startedAt: number) => void)[]} */ this.listeners = [];
  }

  /**
   * Takes over the choices of an earlier state when another model is opened, as far as they apply to it.
   * @param {ElboState} before
   */
  keep({ view, heat, log, prior, likelihood, posterior, points, tab, against }) {
    this.view = view;
    this.heat = heat;
    this.log = log;
    this.prior = prior;
    this.likelihood = likelihood;
    this.posterior = posterior;
    this.points = points;
    this.tab = tab;
    this.against = against;
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
   * "image=12&view=plane&q=0.1,0.2,0.03,0,0.04": the image, and all fields that differ from their first values; q (mu and
   * the lower triangle of L) where it has been moved.
   */
  toHash() {
    const params = new URLSearchParams();
    const first = new ElboState();
    if (this.image >= 0) params.set("image", String(this.image));
    for (const name of /** @type {const} */ (["view", "heat", "tab", "against"]))
      if (this[name] !== first[name]) params.set(name, this[name]);
    const lines = DENSITIES.filter((name) => this[name]);
    if (DENSITIES.some((name) => this[name] !== first[name])) params.set("contours", lines.join(",") || "none");
    for (const name of /** @type {const} */ (["log", "full"])) if (this[name]) params.set(name, "1");
    if (!this.points) params.set("points", "0");
    const q = this.moved ? this.q : this.asked; // `asked`: the posterior has not arrived yet
    if (q && this.image >= 0)
      params.set("q", [...q.mu, ...q.rows().flatMap((row, i) => row.slice(0, i + 1))].join(","));
    if (this.seed) params.set("seed", String(this.seed));
    if (this.look) params.set("look", writtenLook(this.look));
    return params.toString().replaceAll("%2C", ",");
  }

  /**
   * Reads the state from a link; invalid values are ignored.
   * @param {string} hash
   * @param {{ count: number, k: number }} model number of its images, and its latent dimensions
   */
  fromHash(hash, { count, k }) {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    /** @type {<T extends string>(name: string, values: T[], otherwise: T) => T} */
    const one = (name, values, otherwise) => values.find((value) => value === params.get(name)) ?? otherwise;
    this.view = one("view", ["posterior", "plane"], this.view);
    this.heat = one("heat", [...DENSITIES, "none"], this.heat);
    this.tab = one("tab", TABS, this.tab);
    this.against = one("against", ["class", "rate", "distortion"], this.against);
    const contours = params.get("contours")?.split(",");
    if (contours) for (const name of DENSITIES) this[name] = contours.includes(name);
    this.log = params.get("log") === "1";
    this.full = params.get("full") === "1";
    this.points = params.get("points") !== "0";
    const image = Number(params.get("image") ?? NaN);
    if (Number.isInteger(image) && image >= 0 && image < count) this.image = image;
    if (this.image >= 0 && k <= 2) this.asked = gaussianOf(params.get("q"), k, this.full);
    this.look = readLook(params.get("look"));
    const seed = Number(params.get("seed"));
    if (Number.isInteger(seed) && seed >= 0 && seed < MOST_SEEDS) this.seed = seed;
    return this;
  }
}

/**
 * q from mu and the lower triangle of L, row by row; null where the text is anything else.
 * @param {string | null} text
 * @param {number} k
 * @param {boolean} full q may have correlations
 */
function gaussianOf(text, k, full) {
  const numbers = (text ?? "").split(",").map((v) => (v.trim() === "" ? NaN : Number(v)));
  if (numbers.length !== k + (k * (k + 1)) / 2 || !numbers.every((v) => Math.abs(v) <= FAR)) return null;
  const mu = numbers.slice(0, k);
  const tril = k === 1 ? [numbers[1]] : [numbers[2], 0, full ? numbers[3] : 0, numbers[4]];
  const q = new Gaussian(mu, tril);
  return mu.every((_, d) => q.scale(d) > 1e-4) ? q : null;
}
