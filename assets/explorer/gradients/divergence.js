// The target on a grid of cells, and the two KL divergences between it and q. Python counterparts: vae.quadrature and
// vae.gradients.

/** @import { Target, Vector } from "./targets.js" */

import { exact } from "./estimators.js";
import { Gaussian, place } from "./gaussian.js";

/** @type {Record<number, number>} cells per axis, by the number of dimensions */
const PER_AXIS = { 1: 1200, 2: 240 };
const REACH = 6;

/** Peak, normaliser and first two moments of a target in 1 or 2 dimensions, by quadrature on cells. */
export class Cells {
  /** @param {Target} target */
  constructor(target) {
    const { k, f, box = { low: Array(k).fill(-REACH), high: Array(k).fill(REACH) } } = target;
    const n = PER_AXIS[k];
    const count = n ** k;
    const values = new Float64Array(count);
    const z = new Float64Array(k);
    const step = box.low.map((low, i) => (box.high[i] - low) / n);
    /** @param {number} cell */
    const at = (cell) => {
      for (let i = k - 1; i >= 0; i--) {
        z[i] = box.low[i] + ((cell % n) + 0.5) * step[i];
        cell = Math.floor(cell / n);
      }
      return z;
    };
    let top = -Infinity;
    for (let c = 0; c < count; c++) {
      values[c] = f(at(c));
      top = Math.max(top, values[c]);
    }
    const mean = new Float64Array(k);
    const second = new Float64Array(k * k);
    let [total, log] = [0, 0];
    for (let c = 0; c < count; c++) {
      const weight = Math.exp(values[c] - top);
      if (weight < 1e-16) continue;
      at(c);
      total += weight;
      log += weight * values[c];
      for (let i = 0; i < k; i++) {
        mean[i] += weight * z[i];
        for (let j = 0; j < k; j++) second[i * k + j] += weight * z[i] * z[j];
      }
    }
    this.k = k;
    this.peak = top;
    this.logTotal = top + Math.log(total) + step.reduce((sum, s) => sum + Math.log(s), 0);
    this.meanLog = log / total; // E_p f
    this.mean = mean.map((v) => v / total);
    this.covariance = second.map((v, at) => v / total - this.mean[Math.floor(at / k)] * this.mean[at % k]);
  }

  /**
   * E_p (z − mu)(z − mu)ᵀ, row by row.
   * @param {Vector} mu
   */
  about(mu) {
    const { k, mean, covariance } = this;
    return covariance.map(
      (v, at) => v + (mean[Math.floor(at / k)] - mu[Math.floor(at / k)]) * (mean[at % k] - mu[at % k]),
    );
  }
}

/**
 * KL(q ‖ p) in nats.
 * @param {Cells} cells
 * @param {Gaussian} q
 * @param {number} expectation E_q f
 */
const reverseKl = (cells, q, expectation) => -q.entropy() - expectation + cells.logTotal;

/**
 * KL(p ‖ q) in nats. ln q is quadratic, so the first two moments of p suffice.
 * @param {Cells} cells
 * @param {Gaussian} q
 */
export function forwardKl(cells, q) {
  const { k } = q;
  const squares = whitenedSecond(cells, q);
  let trace = 0;
  for (let i = 0; i < k; i++) trace += squares[i * k + i];
  const meanLogQ = -0.5 * (trace + k * Math.log(2 * Math.PI)) - q.logVolume();
  return cells.meanLog - cells.logTotal - meanLogQ;
}

/**
 * L⁻¹ E_p (z − mu)(z − mu)ᵀ L⁻ᵀ, row by row.
 * @param {Cells} cells
 * @param {Gaussian} q
 */
function whitenedSecond(cells, q) {
  const { k } = q;
  const centred = new Gaussian(new Float64Array(k), q.tril, q.full);
  /** @param {Float64Array} matrix */
  const byColumns = (matrix) => {
    const out = new Float64Array(k * k);
    for (let j = 0; j < k; j++) {
      const solved = centred.whitened(
        matrix.filter((_, at) => at % k === j),
        new Float64Array(k),
      );
      for (let i = 0; i < k; i++) out[j * k + i] = solved[i]; // transposed, ready for the other side
    }
    return out;
  };
  return byColumns(byColumns(cells.about(q.mu)));
}

/**
 * The exact −∇ KL(q ‖ p), and the divergence itself in nats.
 * @param {Target} target
 * @param {Cells} cells
 * @param {Gaussian} q
 */
export function reverse(target, cells, q) {
  const { expectation, gradient } = exact(target, q);
  for (let i = 0; i < q.k; i++) gradient[place(q, i, i)] += 1 / q.scale(i); // that of the entropy
  return { gradient, divergence: reverseKl(cells, q, expectation), expectation };
}

/**
 * −∇ KL(p ‖ q), and the divergence itself in nats.
 * @param {Cells} cells
 * @param {Gaussian} q
 */
export function forward(cells, q) {
  const { k } = q;
  const squares = whitenedSecond(cells, q);
  const gradient = new Float64Array(q.size);
  q.scored(q.whitened(cells.mean, new Float64Array(k)), gradient.subarray(0, k));
  for (let j = 0; j < k; j++) {
    const column = q.scored(
      squares.filter((_, at) => at % k === j),
      new Float64Array(k),
    );
    for (let i = j; i < k; i++)
      if (q.full || i === j) gradient[place(q, i, j)] = column[i] - (i === j ? 1 / q.scale(i) : 0);
  }
  return { gradient, divergence: forwardKl(cells, q) };
}

/**
 * Variances 1/(Σ⁻¹)_ii of the diagonal q that minimises KL(q ‖ N(mean, Σ)), and that minimum in nats.
 * @param {ArrayLike<number>} covariance Σ, 2 × 2 or 1 × 1, row by row
 */
export function meanField(covariance) {
  if (covariance.length === 1) return { variances: [covariance[0]], divergence: 0 };
  const [a, b, d] = [covariance[0], covariance[1], covariance[3]];
  const determinant = a * d - b * b;
  const variances = [determinant / d, determinant / a];
  return { variances, divergence: 0.5 * (Math.log(determinant) - Math.log(variances[0]) - Math.log(variances[1])) };
}
