// One fit: q, the optimiser's state, and the divergence after every step. It can be made again from its description.

/** @import { Cells } from "./divergence.js" */
/** @import { EstimatorName } from "./estimators.js" */
/** @import { FitPart } from "./fields.js" */
/** @import { Gaussian } from "./gaussian.js" */
/** @import { Target } from "./targets.js" */

import { Random } from "../core/random.js";
import { reverse } from "./divergence.js";
import { ESTIMATORS } from "./estimators.js";
import { Adam, drawnBaseline, estimate } from "./fit.js";

const SEED = 1; // of noise 0

export class Fit {
  /**
   * @param {Target} target
   * @param {Cells} cells
   * @param {EstimatorName} estimator
   * @param {Gaussian} q where it begins
   */
  constructor(target, cells, estimator, q) {
    this.target = target;
    this.cells = cells;
    this.estimator = estimator;
    this.q = q;
    this.adam = new Adam(q.size);
    /** @type {number[]} KL(q ‖ p) in nats at the beginning and after every step */
    this.values = [];
  }

  /**
   * The noise of a step: n · k numbers.
   * @param {number} n draws per gradient
   * @param {number} number of the noise
   */
  noise(n, number) {
    return new Random(SEED + number).normals(Math.max(n, ESTIMATORS[this.estimator].least) * this.target.k);
  }

  /**
   * The gradient at a q, estimated with the noise `zeta`.
   * @param {Float64Array} zeta
   */
  estimate(zeta, q = this.q) {
    const { target, cells, estimator } = this;
    const baseline = estimator === "baseline" ? drawnBaseline(target.f, q, new Random(SEED)) : undefined;
    return estimate(target, cells, q, estimator, zeta, baseline);
  }

  /**
   * Takes a step along a gradient; false, and q stays, where the target cannot be computed at the next q.
   * @param {Float64Array} gradient
   * @param {number} lr
   */
  step(gradient, lr) {
    const { steps, first, second } = this.adam;
    const before = { steps, first: first.slice(), second: second.slice() };
    const next = this.adam.climb(this.q, gradient, lr);
    const { divergence } = reverse(this.target, this.cells, next);
    if (!Number.isFinite(divergence)) {
      Object.assign(this.adam, before);
      return false;
    }
    this.q = next;
    this.values.push(divergence);
    return true;
  }

  /**
   * Takes the steps of a description, one whenever the next value is requested.
   * @param {FitPart[]} parts
   */
  *replay(parts) {
    for (const { n, lr, noise, steps } of parts)
      for (let s = 0; s < steps; s++) {
        const { gradient, divergence } = this.estimate(this.noise(n, noise + s));
        if (!this.values.length) this.values.push(divergence);
        if (!this.step(gradient, lr)) return;
        yield;
      }
  }
}

/**
 * The parts of a fit after one more step.
 * @param {FitPart[]} parts
 * @param {Omit<FitPart, "steps">} step
 * @returns {FitPart[]}
 */
export function extended(parts, { n, lr, noise }) {
  const last = parts.at(-1);
  if (last && last.n === n && last.lr === lr && last.noise + last.steps === noise)
    return [...parts.slice(0, -1), { ...last, steps: last.steps + 1 }];
  return [...parts, { n, lr, noise, steps: 1 }];
}
