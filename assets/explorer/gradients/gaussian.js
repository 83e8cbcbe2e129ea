// A q that is fitted: mu and sigma of a diagonal one are free, mu and all of L of a full one.

import { FullGaussian } from "../math/full-gaussian.js";

export class Gaussian extends FullGaussian {
  // How many numbers a gradient has: mu's first, then sigma's, or those of L's lower triangle row by row.
  get size() {
    return this.k + (this.full ? (this.k * (this.k + 1)) / 2 : this.k);
  }

  // L⁻ᵀ·zeta into `out`: the slope of ln q in mu.
  scored(zeta, out, offset = 0) {
    const { k, tril, full } = this;
    for (let i = k - 1; i >= 0; i--) {
      let sum = zeta[offset + i];
      if (full) for (let j = i + 1; j < k; j++) sum -= tril[j * k + i] * out[j];
      out[i] = sum / tril[i * k + i];
    }
    return out;
  }

  // The same q as one that is diagonal, or full: a diagonal one keeps the variances.
  as(full) {
    return full ? new Gaussian(this.mu, this.tril, true) : Gaussian.diagonal(this.mu, this.sigmas());
  }
}

// Where L_ij stands in a gradient's row, i ≥ j; of a diagonal q there are only those with i = j.
export const place = (q, i, j) => q.k + (q.full ? (i * (i + 1)) / 2 + j : i);
