// N(mu, L Lᵀ) of one image in float64, L lower triangular: the twin of vae/inference/full_gaussian.py.

const LOG_2PI = Math.log(2 * Math.PI);

export class FullGaussian {
  // `tril` holds L row by row, k × k; below the diagonal of one that is not `full` there are zeros, over which nothing loops.
  constructor(mu, tril, full = true) {
    this.mu = Float64Array.from(mu);
    this.tril = Float64Array.from(tril);
    this.full = full;
    this.k = this.mu.length;
  }

  static diagonal(mu, sigma) {
    const k = mu.length;
    const tril = new Float64Array(k * k);
    for (let i = 0; i < k; i++) tril[i * k + i] = sigma[i];
    return new this(mu, tril, false);
  }

  // L_ii.
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

  // L⁻¹·(z − mu) into `out`.
  whitened(z, out) {
    const { k, mu, tril, full } = this;
    for (let i = 0; i < k; i++) {
      let sum = z[i] - mu[i];
      for (let j = full ? 0 : i; j < i; j++) sum -= tril[i * k + j] * out[j];
      out[i] = sum / tril[i * k + i];
    }
    return out;
  }

  // (L Lᵀ)_ij.
  covariance(i, j) {
    let sum = 0;
    for (let m = 0; m <= Math.min(i, j); m++) sum += this.tril[i * this.k + m] * this.tril[j * this.k + m];
    return sum;
  }

  sigmas() {
    return Array.from(this.mu, (_, i) => Math.sqrt(this.covariance(i, i)));
  }

  // Σ ln L_ii.
  logVolume() {
    let sum = 0;
    for (let i = 0; i < this.k; i++) sum += Math.log(this.scale(i));
    return sum;
  }

  logDensity(z) {
    return this.logDensityAt(this.whitened(z, new Float64Array(this.k)), 0);
  }

  // ln q at z = mu + L·zeta.
  logDensityAt(zeta, offset) {
    let squares = 0;
    for (let i = 0; i < this.k; i++) squares += zeta[offset + i] ** 2;
    return -0.5 * (squares + this.k * LOG_2PI) - this.logVolume();
  }

  // −E_q ln q in nats.
  entropy() {
    return 0.5 * this.k * (1 + LOG_2PI) + this.logVolume();
  }

  // KL to the prior N(0, I) in nats.
  kl() {
    let squares = -this.k;
    for (const value of this.mu) squares += value * value;
    for (const value of this.tril) squares += value * value;
    return 0.5 * squares - this.logVolume();
  }
}
