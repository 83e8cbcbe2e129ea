// What is chosen on the Gradients page, in one place. Controls write to it, the sections subscribe to it, links describe it.

/** @import { Description } from "../core/view.js" */
/** @import { Choices, FieldName, FitRun } from "./fields.js" */
/** @import { Gaussian } from "./gaussian.js" */
/** @import { TargetName } from "./targets.js" */

import { FIELD_NAMES, FIELDS, FORMER_NAMES, MOST_RUNS, parsed, written } from "./fields.js";
import { POSTERIOR, TARGETS } from "./targets.js";

/** @typedef {Set<FieldName>} Changed names of the fields that have changed */

/** @type {Readonly<Choices>} */
export const INITIAL = initialValues();

/** What belongs to one target and is reset with it. @satisfies {Partial<Choices>} */
const OF_A_TARGET = {
  "fit.q": null,
  "fit.start": null,
  "fit.parts": [],
  "fit.before": [],
  "divergences.start": null,
  "divergences.steps": 0,
  "divergences.reverse": null,
  "divergences.forward": null,
};

/** @type {Partial<Choices>} */
const NO_FITS = { "fit.start": null, "fit.parts": [], "fit.before": [] };

export class GradState {
  constructor() {
    /** @type {Readonly<Choices>} */
    this.values = INITIAL;
    /** @type {((changed: Changed) => void)[]} */
    this.listeners = [];
  }

  /**
   * Calls `listener` after every `set` that changes anything.
   * @param {(changed: Changed) => void} listener
   */
  subscribe(listener) {
    this.listeners.push(listener);
  }

  /**
   * Changes values, and those that depend on them and are not in `patch`.
   * @param {Partial<Choices>} patch
   */
  set(patch) {
    const all = { ...this.dependent(patch), ...patch };
    const changed = new Set(namesOf(all).filter((name) => this.differs(name, all)));
    if (!changed.size) return;
    /** @type {Partial<Record<FieldName, unknown>>} */
    const values = {};
    for (const name of changed) values[name] = all[name];
    this.values = { ...this.values, .../** @type {Partial<Choices>} */ (values) };
    for (const listener of this.listeners) listener(changed);
  }

  /**
   * Whether `patch` has another value of a field.
   * @param {FieldName} name
   * @param {Partial<Choices>} patch
   */
  differs(name, patch) {
    const value = patch[name];
    if (value === undefined || value === this.values[name]) return false;
    return written(name, value) !== written(name, this.values[name]);
  }

  /**
   * The values that change with those in `patch`.
   * @param {Partial<Choices>} patch
   * @returns {Partial<Choices>}
   */
  dependent(patch) {
    const { values } = this;
    if (this.differs("target", patch) || this.differs("image", patch)) return OF_A_TARGET;
    /** @type {Partial<Choices>} */
    const all = {};
    if (this.differs("rho", patch)) Object.assign(all, NO_FITS);
    else if (this.differs("estimator", patch) || this.differs("full", patch)) Object.assign(all, beginning(values));
    if (this.differs("full", patch)) Object.assign(all, asFamily(values, Boolean(patch.full)));
    return all;
  }

  /**
   * The fields that differ from their initial values.
   * @returns {Description}
   */
  describe() {
    return describe(this.values);
  }

  /**
   * The values that a description states; fields that it omits, or states with an invalid value, have their initial values.
   * @param {Description} description
   * @returns {Choices}
   */
  static read(description) {
    /** @type {Partial<Record<FieldName, unknown>>} */
    const values = { ...INITIAL };
    for (const name of FIELD_NAMES) {
      const text = description[name] ?? description[FORMER_NAMES[name] ?? ""];
      if (text !== undefined && text.trim() !== "") values[name] = parsed(name, text) ?? values[name];
    }
    return consistent(/** @type {Choices} */ (values));
  }
}

/**
 * @param {Readonly<Choices>} values
 * @returns {Description}
 */
export function describe(values) {
  /** @type {Description} */
  const description = {};
  for (const name of FIELD_NAMES) {
    const text = written(name, values[name]);
    if (text !== written(name, INITIAL[name])) description[name] = text;
  }
  return description;
}

/**
 * What begins a new fit where q is; the fit before it stays in the chart if it has made steps.
 * @param {Readonly<Choices>} values
 * @returns {Partial<Choices>}
 */
export function beginning(values) {
  const { estimator, "fit.start": start, "fit.parts": parts, "fit.before": before } = values;
  if (!parts.length) return {};
  const run = { estimator, full: isFull(values), start, parts };
  return { "fit.before": [...before, run].slice(1 - MOST_RUNS), "fit.start": null, "fit.parts": [] };
}

/**
 * Dimensions of a target.
 * @param {TargetName} target
 */
export const dimensionsOf = (target) => (target === POSTERIOR ? 2 : TARGETS[target].start[0].length);

/**
 * Whether q has the lower triangle of a full covariance, which it has not in one dimension.
 * @param {Pick<Choices, "full" | "target">} values
 */
export const isFull = ({ full, target }) => full && dimensionsOf(target) > 1;

/**
 * All q as full or diagonal ones; the fits by the two divergences begin again.
 * @param {Readonly<Choices>} values
 * @param {boolean} full
 * @returns {Partial<Choices>}
 */
function asFamily(values, full) {
  const wide = isFull({ full, target: values.target });
  return {
    "fit.q": values["fit.q"]?.as(wide) ?? null,
    "divergences.start": values["divergences.start"]?.as(wide) ?? null,
    "divergences.steps": 0,
    "divergences.reverse": null,
    "divergences.forward": null,
  };
}

/**
 * The values without those that do not fit the target.
 * @param {Choices} values
 * @returns {Choices}
 */
function consistent(values) {
  const k = dimensionsOf(values.target);
  const full = isFull(values);
  /** @param {Gaussian | null} q */
  const fitting = (q) => (q?.k === k ? (q.full === full ? q : q.as(full)) : null);
  /** @param {FitRun} run */
  const isOfTarget = ({ start, full: wide }) => (start ? start.k === k : k > 1 || !wide);
  const { "fit.start": start, "fit.parts": parts } = values;
  const [reverse, forward] = [fitting(values["divergences.reverse"]), fitting(values["divergences.forward"])];
  const both = reverse !== null && forward !== null;
  return {
    ...values,
    "fit.q": fitting(values["fit.q"]),
    "fit.start": parts.length ? fitting(start) : null,
    "fit.parts": start && start.k !== k ? [] : parts,
    "fit.before": values["fit.before"].filter(isOfTarget),
    "divergences.start": fitting(values["divergences.start"]),
    "divergences.steps": both ? values["divergences.steps"] : 0,
    "divergences.reverse": both ? reverse : null,
    "divergences.forward": both ? forward : null,
  };
}

/** @returns {Choices} */
function initialValues() {
  /** @type {Partial<Record<FieldName, unknown>>} */
  const values = {};
  for (const name of FIELD_NAMES) values[name] = FIELDS[name].initial;
  return /** @type {Choices} */ (values);
}

/**
 * @param {Partial<Choices>} patch
 * @returns {FieldName[]}
 */
const namesOf = (patch) => /** @type {FieldName[]} */ (Object.keys(patch));
