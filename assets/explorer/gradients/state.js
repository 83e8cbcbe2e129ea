// What is chosen on the Gradients page, and how a link states it.

/** @import { EstimatorName } from "./estimators.js" */
/** @import { TargetName } from "./targets.js" */

import { ESTIMATORS } from "./estimators.js";
import { POSTERIOR, TARGETS } from "./targets.js";

/** @typedef {"fit" | "variance" | "trick" | "divergences" | "code"} Tab */

/** @type {Tab[]} */
export const TABS = ["fit", "variance", "trick", "divergences", "code"];
export const MOST_DRAWS = 1000;

/**
 * @typedef {object} Chosen
 * @property {Tab} tab
 * @property {TargetName} target
 * @property {number} image row of the image whose posterior is the target
 * @property {number} rho of the correlated Gaussian
 * @property {EstimatorName} estimator
 * @property {number} n draws per gradient
 * @property {number} rate learning rate
 * @property {boolean} full whether q has a full covariance
 */

/** @typedef {Set<string>} Changed names of the fields that have changed */

/** @type {Chosen} */
const BEGIN = {
  tab: "fit",
  target: "correlated",
  image: 0,
  rho: 0.9,
  estimator: "pathwise",
  n: 10,
  rate: 0.05,
  full: false,
};
const NAMES = /** @type {(keyof Chosen)[]} */ (Object.keys(BEGIN));

/**
 * A reader of numbers that pass a check.
 * @param {(v: number) => boolean} valid
 * @returns {(text: string) => number | undefined}
 */
const number = (valid) => (text) => (valid(Number(text)) ? Number(text) : undefined);

/**
 * The value that a link's text stands for, per field; undefined where the text is not valid.
 * @type {{ [Name in keyof Chosen]: (text: string) => Chosen[Name] | undefined }}
 */
const READERS = {
  tab: (text) => TABS.find((tab) => tab === text),
  target: (text) => (isTarget(text) ? text : undefined),
  image: number((v) => Number.isInteger(v) && v >= 0),
  rho: number((v) => Math.abs(v) <= 0.98),
  estimator: (text) => (isEstimator(text) ? text : undefined),
  n: number((v) => Number.isInteger(v) && v >= 1 && v <= MOST_DRAWS),
  rate: number((v) => v >= 0.001 && v <= 1),
  full: (text) => text === "true",
};

/**
 * @param {string} text
 * @returns {text is TargetName}
 */
export const isTarget = (text) => text === POSTERIOR || Object.hasOwn(TARGETS, text);

/**
 * @param {string} text
 * @returns {text is EstimatorName}
 */
export const isEstimator = (text) => Object.hasOwn(ESTIMATORS, text);

/** The chosen values; subscribers are told which of them have changed. */
export class GradState {
  constructor() {
    this.tab = BEGIN.tab;
    this.target = BEGIN.target;
    this.image = BEGIN.image;
    this.rho = BEGIN.rho;
    this.estimator = BEGIN.estimator;
    this.n = BEGIN.n;
    this.rate = BEGIN.rate;
    this.full = BEGIN.full;
    /** @type {((changed: Changed) => void)[]} */
    this.listeners = [];
  }

  /** @param {(changed: Changed) => void} listener */
  subscribe(listener) {
    this.listeners.push(listener);
  }

  /** @param {Partial<Chosen>} patch */
  set(patch) {
    const names = /** @type {(keyof Chosen)[]} */ (Object.keys(patch));
    const changed = new Set(names.filter((name) => this[name] !== patch[name]));
    Object.assign(this, patch);
    if (changed.size) for (const listener of this.listeners) listener(changed);
  }

  /**
   * Adds the fields that differ from their initial values: "tab=trick&target=ring".
   * @param {URLSearchParams} params
   */
  write(params) {
    for (const name of NAMES) if (this[name] !== BEGIN[name]) params.set(name, String(this[name]));
  }

  /**
   * The fields as a link states them; those that it omits, or states with an invalid value, have their initial values.
   * @param {string} hash
   * @returns {Chosen}
   */
  static read(hash) {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    const said = { ...BEGIN };
    for (const name of NAMES) {
      const text = params.get(name);
      if (text === null || text.trim() === "") continue;
      readInto(said, name, text);
    }
    return said;
  }
}

/**
 * @template {keyof Chosen} Name
 * @param {Chosen} chosen
 * @param {Name} name
 * @param {string} text
 */
function readInto(chosen, name, text) {
  const value = READERS[name](text);
  if (value !== undefined) chosen[name] = value;
}
