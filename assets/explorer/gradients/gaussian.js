// The Gaussian q that is fitted. A diagonal q has the free parameters mu and sigma, a full one mu and the lower triangle L.

/** @import { Vector } from "./targets.js" */

import { FullGaussian } from "../math/full-gaussian.js";

export class Gaussian extends FullGaussian {
  /** Length of a gradient: mu first, then sigma, or (full q) the entries of the lower triangle L row by row. */
  get size() {
    return this.k + (this.full ? (this.k * (this.k + 1)) / 2 : this.k);
  }

  /**
   * Writes L⁻ᵀ·zeta, the gradient of ln q with respect to mu, into `out`.
   * @template {Vector} Out
   * @param {Vector} zeta
   * @param {Out} out
   * @param {number} [offset] where zeta begins
   */
  scored(zeta, out, offset = 0) {
    const { k, tril, full } = this;
    for (let i = k - 1; i >= 0; i--) {
      let sum = zeta[offset + i];
      if (full) for (let j = i + 1; j < k; j++) sum -= tril[j * k + i] * out[j];
      out[i] = sum / tril[i * k + i];
    }
    return out;
  }

  /**
   * This Gaussian as a full or as a diagonal one; the diagonal one keeps the variances.
   * @param {boolean} full
   */
  as(full) {
    return full ? new Gaussian(this.mu, this.tril, true) : Gaussian.diagonal(this.mu, this.sigmas());
  }
}

/**
 * Index of L_ij (i ≥ j) in a gradient; a diagonal q has only i = j.
 * @param {Gaussian} q
 * @param {number} i
 * @param {number} j
 */
export const place = (q, i, j) => q.k + (q.full ? (i * (i + 1)) / 2 + j : i);
