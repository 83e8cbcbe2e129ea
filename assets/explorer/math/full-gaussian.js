// N(mu, L Lᵀ) of one image in float64, L lower triangular: the counterpart of vae/inference/full_gaussian.py.

/** @import { Floats } from "./projection.js" */

const LOG_2PI = Math.log(2 * Math.PI);

export class FullGaussian {
  /**
   * @param {ArrayLike<number>} mu
   * @param {ArrayLike<number>} tril L (k, k); if not `full`, it is diagonal, and loops skip its other entries
   */
  constructor(mu, tril, full = true) {
    this.mu = Float64Array.from(mu);
    this.tril = Float64Array.from(tril);
    this.full = full;
    this.k = this.mu.length;
  }

  /**
   * @template {typeof FullGaussian} Class
   * @this {Class}
   * @param {ArrayLike<number>} mu
   * @param {ArrayLike<number>} sigma
   */
  static diagonal(mu, sigma) {
    const k = mu.length;
    const tril = new Float64Array(k * k);
    for (let i = 0; i < k; i++) tril[i * k + i] = sigma[i];
    return /** @type {InstanceType<Class>} */ (new this(mu, tril, false));
  }

  /**
   * L_ii.
   * @param {number} i
   */
  scale(i) {
    return this.tril[i * this.k + i];
  }

  /**
   * Writes mu + L·zeta into `z` and returns it; zeta begins at `offset`.
   * @template {Floats | number[]} Z
   * @param {ArrayLike<number>} zeta
   * @param {Z} z
   */
  at(zeta, z, offset = 0) {
    const { k, mu, tril, full } = this;
    for (let i = 0; i < k; i++) {
      let sum = mu[i];
      for (let j = full ? 0 : i; j <= i; j++) sum += tril[i * k + j] * zeta[offset + j];
      z[i] = sum;
    }
    return z;
  }

  /**
   * Writes L⁻¹·(z − mu) into `out` and returns it.
   * @template {Floats | number[]} Z
   * @param {ArrayLike<number>} z
   * @param {Z} out
   */
  whitened(z, out) {
    const { k, mu, tril, full } = this;
    for (let i = 0; i < k; i++) {
      let sum = z[i] - mu[i];
      for (let j = full ? 0 : i; j < i; j++) sum -= tril[i * k + j] * out[j];
      out[i] = sum / tril[i * k + i];
    }
    return out;
  }

  /**
   * (L Lᵀ)_ij.
   * @param {number} i
   * @param {number} j
   */
  covariance(i, j) {
    let sum = 0;
    for (let m = 0; m <= Math.min(i, j); m++) sum += this.tril[i * this.k + m] * this.tril[j * this.k + m];
    return sum;
  }

  /** The standard deviation of each dimension. */
  sigmas() {
    return Array.from(this.mu, (_, i) => Math.sqrt(this.covariance(i, i)));
  }

  /** Σ ln L_ii. */
  logVolume() {
    let sum = 0;
    for (let i = 0; i < this.k; i++) sum += Math.log(this.scale(i));
    return sum;
  }

  /**
   * ln q(z) in nats.
   * @param {ArrayLike<number>} z
   */
  logDensity(z) {
    return this.logDensityAt(this.whitened(z, new Float64Array(this.k)), 0);
  }

  /**
   * ln q at z = mu + L·zeta.
   * @param {ArrayLike<number>} zeta
   * @param {number} offset where zeta begins
   */
  logDensityAt(zeta, offset) {
    let squares = 0;
    for (let i = 0; i < this.k; i++) squares += zeta[offset + i] ** 2;
    return -0.5 * (squares + this.k * LOG_2PI) - this.logVolume();
  }

  /** −E_q ln q in nats. */
  entropy() {
    return 0.5 * this.k * (1 + LOG_2PI) + this.logVolume();
  }

  /** KL to the prior N(0, I) in nats. */
  kl() {
    let squares = -this.k;
    for (const value of this.mu) squares += value * value;
    for (const value of this.tril) squares += value * value;
    return 0.5 * squares - this.logVolume();
  }
}
