// Fits q step by step with Adam on mu and ln sigma (full q: mu, ln L_ii and L_ij). Python counterpart: vae.gradients.fit.

/** @import { Random } from "../core/random.js" */
/** @import { Cells } from "./divergence.js" */
/** @import { EstimatorName } from "./estimators.js" */
/** @import { LogDensity, Target } from "./targets.js" */

import { reverse } from "./divergence.js";
import { mean, singles } from "./estimators.js";
import { Gaussian, place } from "./gaussian.js";

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];
const BASELINE_DRAWS = 100;

/**
 * A gradient of −KL(q ‖ p) at one q.
 * @typedef {object} Estimate
 * @property {Float64Array} gradient by the chosen estimator
 * @property {Float64Array} exact the exact gradient
 * @property {Float64Array | null} singles the gradients of single draws, row by row; null for the exact "estimator"
 * @property {number} divergence KL(q ‖ p) in nats
 * @property {number} expectation E_q f
 */

/** State of the Adam optimiser for gradients of a given length. */
export class Adam {
  /** @param {number} size length of a gradient */
  constructor(size) {
    this.steps = 0;
    this.first = new Float64Array(size);
    this.second = new Float64Array(size);
  }

  /**
   * The q after one ascent step along `gradient` (∂/∂mu, then ∂/∂sigma or ∂/∂L).
   * @param {Gaussian} q
   * @param {Float64Array} gradient
   * @param {number} lr
   */
  climb(q, gradient, lr) {
    const moves = this.moves(q, gradient, lr);
    const next = new Gaussian(q.mu, q.tril, q.full);
    for (let i = 0; i < q.k; i++) {
      next.mu[i] += moves[i];
      for (let j = q.full ? 0 : i; j < i; j++) next.tril[i * q.k + j] += moves[place(q, i, j)];
      next.tril[i * q.k + i] *= Math.exp(moves[place(q, i, i)]);
    }
    return next;
  }

  /**
   * @param {Gaussian} q
   * @param {Float64Array} gradient
   * @param {number} lr
   */
  moves(q, gradient, lr) {
    const free = Float64Array.from(gradient);
    for (let i = 0; i < q.k; i++) free[place(q, i, i)] *= q.scale(i); // ∂/∂ln sigma
    this.steps++;
    const [unbias1, unbias2] = [1 - BETA1 ** this.steps, Math.sqrt(1 - BETA2 ** this.steps)];
    return free.map((g, i) => {
      this.first[i] += (1 - BETA1) * (g - this.first[i]);
      this.second[i] = BETA2 * this.second[i] + (1 - BETA2) * g * g;
      return ((lr / unbias1) * this.first[i]) / (Math.sqrt(this.second[i]) / unbias2 + EPSILON);
    });
  }
}

/**
 * Estimates −∇ KL(q ‖ p) at q with the noise `zeta`: gradients of single draws, their mean, and the exact gradient.
 * @param {Target} target
 * @param {Cells} cells
 * @param {Gaussian} q
 * @param {EstimatorName} estimator
 * @param {Float64Array} zeta n · k numbers
 * @param {number} [baseline] used by the estimator "baseline"
 * @returns {Estimate}
 */
export function estimate(target, cells, q, estimator, zeta, baseline) {
  const truth = reverse(target, cells, q);
  if (estimator === "exact") return { ...truth, exact: truth.gradient, singles: null };
  const rows = singles(target.f, q, estimator, zeta, baseline);
  for (let s = 0; s < rows.length; s += q.size)
    for (let i = 0; i < q.k; i++) rows[s + place(q, i, i)] += 1 / q.scale(i);
  return { ...truth, exact: truth.gradient, singles: rows, gradient: mean(rows, q.size) };
}

/**
 * Monte Carlo estimate of E_q f from draws that are independent of the gradient's.
 * @param {LogDensity} f
 * @param {Gaussian} q
 * @param {Random} random
 */
export function drawnBaseline(f, q, random) {
  const z = new Float64Array(q.k);
  const zeta = random.normals(BASELINE_DRAWS * q.k);
  let sum = 0;
  for (let s = 0; s < BASELINE_DRAWS; s++) sum += f(q.at(zeta, z, s * q.k));
  return sum / BASELINE_DRAWS;
}
