// q(z|x), which a pointer can move: made from the encoder's output, or from its axes in the plane.

import { FullGaussian } from "../math/full-gaussian.js";

/** @import { GaussianJSON } from "../data/evidence.js" */

/**
 * Standard deviations along two orthogonal axes of the plane, and the angle in radians from z₁ to the first of them.
 * @typedef {{ lengths: [number, number], angle: number }} Axes
 */

export class Gaussian extends FullGaussian {
  /**
   * The axes that the user has turned; where there are none, `axes` computes them from the covariance.
   * @type {Axes | undefined}
   */
  turned;

  /**
   * The encoder's q of image `i` of a frame with `k` latent dimensions.
   * @param {{ mu: Float32Array, logvar: Float32Array }} arrays of the frame, both (n, k)
   * @param {number} i
   * @param {number} k
   */
  static ofRow({ mu, logvar }, i, k) {
    const part = (/** @type {Float32Array} */ array) => array.subarray(i * k, (i + 1) * k);
    return Gaussian.diagonal(
      part(mu),
      Array.from(part(logvar), (v) => Math.exp(v / 2)),
    );
  }

  /**
   * A Gaussian in the plane from its axes.
   * @param {ArrayLike<number>} mu
   * @param {[number, number]} lengths standard deviations along the axes
   * @param {number} angle in radians from z₁ to the first axis
   */
  static ofAxes(mu, lengths, angle) {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const [a, b] = lengths.map((length) => length * length);
    const [uu, uv, vv] = [c * c * a + s * s * b, c * s * (a - b), s * s * a + c * c * b];
    const first = Math.sqrt(uu);
    const q = new Gaussian(mu, [first, 0, uv / first, Math.sqrt(Math.max(1e-300, vv - (uv * uv) / uu))]);
    q.turned = { lengths, angle };
    return q;
  }

  /**
   * The same covariance around another mean.
   * @param {ArrayLike<number>} mu
   */
  moved(mu) {
    const q = new Gaussian(mu, this.tril, this.full);
    q.turned = this.turned;
    return q;
  }

  /** The same mean and standard deviations without correlations: the family that the encoder's q belongs to. */
  diagonalised() {
    return Gaussian.diagonal(this.mu, this.sigmas());
  }

  /** The axes in the plane. The axis nearest to z₁ is the first, unless the user has turned it. */
  axes() {
    return this.turned ?? axesOf(this.covariance(0, 0), this.covariance(0, 1), this.covariance(1, 1));
  }

  /** The rows of L. */
  rows() {
    return Array.from(this.mu, (_, i) => Array.from(this.tril.subarray(i * this.k, (i + 1) * this.k)));
  }

  /** @returns {GaussianJSON} */
  toJSON() {
    return { mu: Array.from(this.mu), tril: this.rows() };
  }
}

/**
 * The axes of a covariance [[uu, uv], [uv, vv]], the one nearest to z₁ first.
 * @param {number} uu
 * @param {number} uv
 * @param {number} vv
 * @returns {Axes}
 */
function axesOf(uu, uv, vv) {
  const middle = (uu + vv) / 2;
  const half = Math.hypot((uu - vv) / 2, uv);
  const major = Math.sqrt(middle + half);
  const minor = Math.sqrt(Math.max(uu * vv - uv * uv, 0)) / major;
  const angle = 0.5 * Math.atan2(2 * uv, uu - vv);
  if (Math.abs(angle) <= Math.PI / 4) return { lengths: [major, minor], angle };
  return { lengths: [minor, major], angle: angle - Math.sign(angle) * (Math.PI / 2) };
}
