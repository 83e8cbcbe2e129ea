// q(z|x), which a pointer can move: made from the encoder's output, or from its axes in the plane.

import { between } from "../core/glide.js";
import { FullGaussian } from "../math/full-gaussian.js";

/** @import { GaussianJSON } from "../data/evidence.js" */

/**
 * Standard deviations along two orthogonal axes of the plane, and the angle in radians from z₁ to the first of them.
 * @typedef {{ lengths: [number, number], angle: number }} Axes
 */

const NEAR = 1e-6; // differences up to this are rounding

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

  /**
   * q at a share of the way from `a` to `b`: the mean on a straight line, standard deviations on a logarithmic scale, the axes
   * turned evenly.
   * @param {Gaussian} a in one or two dimensions
   * @param {Gaussian} b
   * @param {number} share
   */
  static between(a, b, share) {
    if (share === 1) return b;
    const mu = between(a.mu, b.mu, share);
    /** @type {(from: number, to: number) => number} */
    const length = (from, to) => Math.exp(between(Math.log(from), Math.log(to), share));
    if (a.k === 1) return Gaussian.diagonal(mu, [length(a.sigmas()[0], b.sigmas()[0])]);
    const [from, to] = [a.axes(), b.axes()];
    const lengths = [length(from.lengths[0], to.lengths[0]), length(from.lengths[1], to.lengths[1])];
    return Gaussian.ofAxes(mu, [lengths[0], lengths[1]], between(from.angle, to.angle, share));
  }

  /**
   * Whether mean and covariance are the same, up to rounding.
   * @param {Gaussian} other
   */
  isNear(other) {
    const near = (/** @type {Float64Array} */ a, /** @type {Float64Array} */ b) =>
      a.length === b.length && a.every((v, i) => Math.abs(v - b[i]) <= NEAR * (1 + Math.abs(v)));
    return near(this.mu, other.mu) && near(this.tril, other.tril);
  }

  /**
   * The same q, seen along axes that the user has turned; without them where they are not its axes.
   * @param {Axes} axes
   */
  withAxes(axes) {
    const q = new Gaussian(this.mu, this.tril, this.full);
    if (Gaussian.ofAxes(this.mu, axes.lengths, axes.angle).isNear(q)) q.turned = axes;
    return q;
  }

  /** The axes that the user has turned, where they are not those that would be computed. */
  ownAxes() {
    if (!this.turned || this.k !== 2) return null;
    const { lengths, angle } = axesOf(this.covariance(0, 0), this.covariance(0, 1), this.covariance(1, 1));
    const [a, b] = this.turned.lengths;
    const off = [a - lengths[0], b - lengths[1], this.turned.angle - angle];
    return off.some((v) => Math.abs(v) > NEAR) ? this.turned : null;
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
