// A plane through the latent space, given by the two orthonormal rows of a matrix P: (u, v) = P z. The prior stays
// N(0, I) on it.

/** @import { Point } from "../core/link-fields.js" */

/** @typedef {Float32Array | Float64Array} Floats */

/**
 * A 2×2 covariance matrix: [variance of u, covariance, variance of v].
 * @typedef {[uu: number, uv: number, vv: number]} Covariance
 */

/**
 * What a map can show: a plane, a turned space (explore/space.js) or an embedding (explore/embedding.js).
 * @typedef {Object} MapProjection
 * @property {string[]} labels of the two axes
 * @property {boolean} isLine
 * @property {boolean} invertible whether every point of the map stands for a z
 * @property {boolean} [spatial] whether three dimensions are shown
 * @property {(z: ArrayLike<number>, offset?: number) => Point} project
 * @property {(mu: Floats, n: number) => [us: Float32Array, vs: Float32Array]} projectAll
 * @property {(z: Floats, u: number, v: number) => void} lift
 * @property {(logvar: ArrayLike<number>, i: number) => Covariance} covariance
 */

export class Projection {
  /**
   * @param {[Floats, Floats | null]} rows of length k; the second is null if the latent space has one dimension
   * @param {string[]} labels
   */
  constructor(rows, labels) {
    this.rows = rows;
    this.labels = labels;
    this.dim = rows[0].length;
  }

  /**
   * The plane of two dimensions.
   * @param {number} k
   * @param {number} i
   * @param {number} j
   */
  static axes(k, i, j) {
    return new Projection([unit(k, i), unit(k, j)], [subscript("z", i + 1), subscript("z", j + 1)]);
  }

  /** Whether only u has a meaning: in one dimension, v just keeps the points apart. */
  get isLine() {
    return this.rows[1] === null;
  }

  /** The only dimension of a latent space, along u. */
  static line() {
    return new Projection([unit(1, 0), null], ["z₁", ""]);
  }

  /** Whether every point of the plane stands for a z. */
  get invertible() {
    return true;
  }

  /**
   * The plane of the first two principal axes.
   * @param {Float32Array} components (k, k)
   * @param {number[]} shares share of the variance of each axis
   * @param {number} k
   */
  static pca(components, shares, k) {
    const row = (/** @type {number} */ i) => components.subarray(i * k, (i + 1) * k);
    const label = (/** @type {number} */ i) =>
      `principal axis ${i + 1} (${Math.round(100 * shares[i])} % of the variance)`;
    return new Projection([row(0), row(1)], [label(0), label(1)]);
  }

  /**
   * The coordinates of the z that begins at `offset`.
   * @param {ArrayLike<number>} z
   * @returns {Point}
   */
  project(z, offset = 0) {
    const [p, q] = this.rows;
    return [dot(p, z, offset), q ? dot(q, z, offset) : 0];
  }

  /**
   * The coordinates of n points. In one dimension the second is a fixed scatter that only keeps the points apart.
   * @param {Floats} mu (n, k)
   * @param {number} n
   * @returns {[us: Float32Array, vs: Float32Array]}
   */
  projectAll(mu, n) {
    const along = (/** @type {Floats | null} */ row) => {
      const out = new Float32Array(n);
      for (let i = 0; i < n; i++) out[i] = row ? dot(row, mu, i * this.dim) : ((i * 0.61803398875) % 1) - 0.5;
      return out;
    };
    return [along(this.rows[0]), along(this.rows[1])];
  }

  /**
   * Moves z parallel to the plane until it projects to (u, v).
   * @param {Floats} z changed in place
   * @param {number} u
   * @param {number} v
   */
  lift(z, u, v) {
    const target = [u, v];
    this.rows.forEach((row, r) => {
      if (!row) return;
      const step = target[r] - dot(row, z, 0);
      for (let d = 0; d < this.dim; d++) z[d] += step * row[d];
    });
  }

  /**
   * The covariance P diag(sigma²) Pᵀ of point i, exactly.
   * @param {ArrayLike<number>} logvar (n, k)
   * @param {number} i
   * @returns {Covariance}
   */
  covariance(logvar, i) {
    let uu = 0,
      uv = 0,
      vv = 0;
    const [p, q] = this.rows;
    for (let d = 0; d < this.dim; d++) {
      const s = Math.exp(logvar[i * this.dim + d]);
      uu += s * p[d] * p[d];
      if (!q) continue;
      uv += s * p[d] * q[d];
      vv += s * q[d] * q[d];
    }
    return [uu, uv, vv];
  }
}

/**
 * The 1-sigma ellipse of a covariance: its semi-axes, and the angle of the major one in radians.
 * @param {Covariance} covariance
 */
export function ellipse([uu, uv, vv]) {
  const mean = (uu + vv) / 2;
  const spread = Math.hypot((uu - vv) / 2, uv);
  return {
    major: Math.sqrt(mean + spread),
    minor: Math.sqrt(Math.max(0, mean - spread)),
    angle: 0.5 * Math.atan2(2 * uv, uu - vv),
  };
}

/**
 * A letter with a number as its subscript.
 * @param {string} letter
 * @param {number} n
 */
export const subscript = (letter, n) => letter + String(n).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[Number(d)]);

/**
 * @param {Floats} row
 * @param {ArrayLike<number>} z
 * @param {number} offset
 */
function dot(row, z, offset) {
  let sum = 0;
  for (let d = 0; d < row.length; d++) sum += row[d] * z[offset + d];
  return sum;
}

/**
 * The i-th unit vector.
 * @param {number} k
 * @param {number} i
 */
export function unit(k, i) {
  const row = new Float64Array(k);
  row[i] = 1;
  return row;
}
