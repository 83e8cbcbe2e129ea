// q = N(mu, L Lᵀ) in float64, L lower triangular, diagonal where q is: the twin of vae/full_gaussian.py.

const LOG_2PI = Math.log(2 * Math.PI);

export class Gaussian {
  // `tril` holds L row by row, k × k; `full`: what lies below its diagonal is free.
  constructor(mu, tril, full) {
    this.mu = Float64Array.from(mu);
    this.tril = Float64Array.from(tril);
    this.full = full;
    this.k = this.mu.length;
  }

  static diagonal(mu, sigma) {
    const k = mu.length;
    const tril = new Float64Array(k * k);
    for (let i = 0; i < k; i++) tril[i * k + i] = sigma[i];
    return new Gaussian(mu, tril, false);
  }

  // How many numbers a gradient has: mu's first, then sigma's, or those of L's lower triangle row by row.
  get size() {
    return this.k + (this.full ? (this.k * (this.k + 1)) / 2 : this.k);
  }

  scale(i) {
    return this.tril[i * this.k + i];
  }

  // z = mu + L·zeta into `z`; zeta begins at `offset`.
  at(zeta, z, offset = 0) {
    const { k, mu, tril, full } = this;
    for (let i = 0; i < k; i++) {
      let sum = mu[i];
      for (let j = full ? 0 : i; j <= i; j++) sum += tril[i * k + j] * zeta[offset + j];
      z[i] = sum;
    }
    return z;
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

  // L⁻¹·(z − mu) into `out`.
  whitened(z, out) {
    const { k, mu, tril, full } = this;
    for (let i = 0; i < k; i++) {
      let sum = z[i] - mu[i];
      if (full) for (let j = 0; j < i; j++) sum -= tril[i * k + j] * out[j];
      out[i] = sum / tril[i * k + i];
    }
    return out;
  }

  logVolume() {
    let sum = 0;
    for (let i = 0; i < this.k; i++) sum += Math.log(this.scale(i));
    return sum;
  }

  logDensity(z) {
    const zeta = this.whitened(z, new Float64Array(this.k));
    return -0.5 * zeta.reduce((sum, v) => sum + v * v + LOG_2PI, 0) - this.logVolume();
  }

  // −E_q ln q in nats.
  entropy() {
    return 0.5 * this.k * (1 + LOG_2PI) + this.logVolume();
  }

  // (L Lᵀ)_ij.
  covariance(i, j) {
    let sum = 0;
    for (let m = 0; m <= Math.min(i, j); m++) sum += this.tril[i * this.k + m] * this.tril[j * this.k + m];
    return sum;
  }

  // The same q as one that is diagonal, or full: a diagonal one keeps the variances.
  as(full) {
    if (full) return new Gaussian(this.mu, this.tril, true);
    return Gaussian.diagonal(this.mu, Array.from(this.mu, (_, i) => Math.sqrt(this.covariance(i, i))));
  }
}

// Where L_ij stands in a gradient's row, i ≥ j; of a diagonal q there are only those with i = j.
export const place = (q, i, j) => q.k + (q.full ? (i * (i + 1)) / 2 + j : i);
