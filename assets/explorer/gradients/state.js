// What is chosen on the Gradients page, and how the address says it.

import { ESTIMATORS } from "./estimators.js";
import { POSTERIOR, TARGETS } from "./targets.js";

export const TABS = ["fit", "variance", "trick", "divergences", "code"];
export const MOST_DRAWS = 1000;

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
const CHECKS = {
  tab: (v) => TABS.includes(v),
  target: (v) => v === POSTERIOR || Object.hasOwn(TARGETS, v),
  image: (v) => Number.isInteger(v) && v >= 0,
  rho: (v) => Math.abs(v) <= 0.98,
  estimator: (v) => Object.hasOwn(ESTIMATORS, v),
  n: (v) => Number.isInteger(v) && v >= 1 && v <= MOST_DRAWS,
  rate: (v) => v >= 0.001 && v <= 1,
  full: (v) => typeof v === "boolean",
};

export class GradState {
  constructor() {
    Object.assign(this, BEGIN);
    this.listeners = [];
  }

  subscribe(listener) {
    this.listeners.push(listener);
  }

  set(patch) {
    const changed = new Set(Object.keys(patch).filter((name) => this[name] !== patch[name]));
    Object.assign(this, patch);
    if (changed.size) for (const listener of this.listeners) listener(changed);
  }

  // Adds what differs from the beginning: "tab=trick&target=ring".
  write(params) {
    for (const name of Object.keys(BEGIN)) if (this[name] !== BEGIN[name]) params.set(name, this[name]);
  }

  // What a link says, the beginning where it says nothing; anything it says wrongly is passed over.
  static read(hash) {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    const said = { ...BEGIN };
    for (const [name, first] of Object.entries(BEGIN)) {
      const text = params.get(name);
      if (text === null || text.trim() === "") continue;
      const value = typeof first === "number" ? Number(text) : typeof first === "boolean" ? text === "true" : text;
      if (CHECKS[name](value)) said[name] = value;
    }
    return said;
  }
}
