// Measures the variance of the mean of n draws, for every estimator: f = ‖z‖², gradients with respect to mu₁ and sigma₁.

/** @import { Random } from "../core/random.js" */
/** @import { EstimatorName } from "./estimators.js" */

import { singles } from "./estimators.js";
import { Gaussian } from "./gaussian.js";
import { square } from "./targets.js";

/** @typedef {Exclude<EstimatorName, "exact">} MeasuredName */
/** @typedef {"mu" | "sigma"} Parameter with respect to whose first entry gradients are taken */

/**
 * What was measured of the means of n draws.
 * @typedef {object} Measured
 * @property {Running} mu
 * @property {Running} sigma
 * @property {{ mu: Float64Array, sigma: Float64Array }} latest the means of the last block
 */

/** @type {MeasuredName[]} */
export const MEASURED = ["score", "baseline", "leave-one-out", "pathwise"];

/** Running mean and variance (Welford's algorithm). */
export class Running {
  count = 0;
  mean = 0;
  scatter = 0;

  /** @param {number} value */
  add(value) {
    this.count++;
    const off = value - this.mean;
    this.mean += off / this.count;
    this.scatter += off * (value - this.mean);
  }

  get variance() {
    return this.scatter / (this.count - 1);
  }
}

export class Meter {
  /**
   * @param {number} dims
   * @param {number} mu the same in all dimensions
   * @param {number} sigma the same in all dimensions
   * @param {number[]} ns numbers of draws per mean, each a divisor of the largest
   */
  constructor(dims, mu, sigma, ns) {
    this.q = Gaussian.diagonal(Array(dims).fill(mu), Array(dims).fill(sigma));
    this.f = square(dims).f;
    this.ns = ns;
    this.block = Math.max(...ns);
    this.baseline = dims * (mu * mu + sigma * sigma); // E f
    this.draws = 0;
    /**
     * @param {number} n
     * @returns {Measured}
     */
    const both = (n) => ({
      mu: new Running(),
      sigma: new Running(),
      latest: { mu: new Float64Array(this.block / n), sigma: new Float64Array(this.block / n) },
    });
    const empty = () => new Map(ns.map((n) => [n, both(n)]));
    /** @type {Record<MeasuredName, Map<number, Measured>>} */
    this.found = { score: empty(), baseline: empty(), "leave-one-out": empty(), pathwise: empty() };
  }

  /**
   * What is known of the means of n draws, where n is one of the meter's `ns`.
   * @param {MeasuredName} estimator
   * @param {number} n
   */
  of(estimator, n) {
    const found = this.found[estimator].get(n);
    if (!found) throw new Error(`means of ${n} draws are not measured here`);
    return found;
  }

  /**
   * Draws one more block, which every estimator uses; its means become the `latest`.
   * @param {Random} random
   */
  measure(random) {
    const zeta = random.normals(this.block * this.q.k);
    for (const estimator of MEASURED) this.measureOne(estimator, zeta);
    this.draws += this.block;
  }

  /**
   * @param {MeasuredName} estimator
   * @param {Float64Array} zeta
   */
  measureOne(estimator, zeta) {
    const { f, q, ns, block, baseline } = this;
    const alone = estimator === "leave-one-out" ? null : singles(f, q, estimator, zeta, baseline);
    for (const n of ns) {
      if (!alone && n < 2) continue;
      const found = this.of(estimator, n);
      for (let s = 0; s < block; s += n) {
        const rows = alone
          ? alone.subarray(s * q.size, (s + n) * q.size)
          : singles(f, q, estimator, zeta.subarray(s * q.k, (s + n) * q.k));
        this.add(found, rows, s);
      }
    }
  }

  /**
   * @param {Measured} measured
   * @param {Float64Array} rows gradients of single draws, of which the mean is taken
   * @param {number} s index of the first draw in its block
   */
  add({ mu, sigma, latest }, rows, s) {
    const { k, size } = this.q;
    let [ofMu, ofSigma] = [0, 0];
    for (let at = 0; at < rows.length; at += size) [ofMu, ofSigma] = [ofMu + rows[at], ofSigma + rows[at + k]];
    const count = rows.length / size;
    mu.add(ofMu / count);
    sigma.add(ofSigma / count);
    latest.mu[s / count] = ofMu / count;
    latest.sigma[s / count] = ofSigma / count;
  }
}
