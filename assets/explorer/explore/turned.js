// A space of three dimensions that can be turned: its projection, and the vectors and matrices that it needs.

import { Projection } from "../math/projection.js";

/** @typedef {[number, number, number]} Vector */

/** @typedef {[Vector, Vector, Vector]} Matrix row by row */

export class Turned extends Projection {
  /**
   * @param {Float64Array[]} basis three orthonormal rows
   * @param {string[]} names of their axes
   */
  constructor(basis, names) {
    super([basis[0].slice(), basis[1].slice()], ["across the view, σ", "up the view, σ"]);
    this.basis = basis;
    this.names = names;
    this.spatial = true;
    /** @type {Matrix} what lies to the right, upwards and to the front, in terms of the basis */
    this.turned = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ];
  }

  /** What lies to the right and what upwards, as a link has it. */
  get turns() {
    return this.turned.slice(0, 2).flat();
  }

  set turns(turn) {
    this.turned = framed(turn);
    this.flatten();
  }

  /**
   * Turns the space by angles about the vertical and the horizontal axis of the view.
   * @param {number} across
   * @param {number} up
   */
  turn(across, up) {
    const [c, s, d, t] = [Math.cos(across), Math.sin(across), Math.cos(up), Math.sin(up)];
    /** @type {Matrix} */
    const step = [
      [c, 0, s],
      [t * s, d, -t * c],
      [-d * s, t, d * c],
    ];
    const [a, b, e] = this.turned;
    const turned = step.map((row) => vector((j) => row[0] * a[j] + row[1] * b[j] + row[2] * e[j]));
    this.turned = orthonormal(/** @type {Matrix} */ (turned));
    this.flatten();
  }

  /** Sets the rows of the plane that is seen. */
  flatten() {
    /** @type {(direction: Vector) => Float64Array} */
    const row = (direction) =>
      Float64Array.from(this.basis[0], (_, d) => direction.reduce((sum, v, j) => sum + v * this.basis[j][d], 0));
    /** @type {[Float64Array, Float64Array]} */
    this.rows = [row(this.turned[0]), row(this.turned[1])];
  }

  /**
   * The three coordinates of z, or of a row of means, before they are turned.
   * @param {ArrayLike<number>} z
   * @param {number} [offset] where z begins in the array
   */
  place(z, offset = 0) {
    return vector((axis) => this.basis[axis].reduce((sum, v, d) => sum + v * z[offset + d], 0));
  }

  /**
   * Covariance of the posterior of point i in the three coordinates, exactly.
   * @param {Float32Array} logvar
   * @param {number} i
   */
  volume(logvar, i) {
    const variances = this.basis[0].map((_, d) => Math.exp(logvar[i * this.dim + d]));
    /** @type {(p: Float64Array, q: Float64Array) => number} */
    const covariance = (p, q) => p.reduce((sum, v, d) => sum + v * q[d] * variances[d], 0);
    const row = (/** @type {Float64Array} */ p) => vector((axis) => covariance(p, this.basis[axis]));
    return /** @type {Matrix} */ (this.basis.map(row));
  }
}

/** @type {(component: (axis: number) => number) => Vector} */
export const vector = (component) => [component(0), component(1), component(2)];

/** @type {(a: Vector, b: Vector) => number} */
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/**
 * The rows made orthonormal (Gram–Schmidt), so that rounding errors do not add up over many turns.
 * @param {Matrix} rows
 * @returns {Matrix}
 */
function orthonormal([first, second, third]) {
  const right = scaled(first);
  const up = scaled(without(second, right));
  return [right, up, scaled(without(without(third, right), up))];
}

/**
 * What of a vector is orthogonal to a unit vector.
 * @param {Vector} a
 * @param {Vector} unit
 */
const without = (a, unit) => vector((axis) => a[axis] - dot(a, unit) * unit[axis]);

/**
 * A vector of length 1 in the same direction.
 * @param {Vector} a
 */
function scaled(a) {
  const length = Math.hypot(...a);
  return vector((axis) => a[axis] / length);
}

/**
 * L with L·Lᵀ = a symmetric positive definite matrix.
 * @param {Matrix} matrix
 */
export function cholesky(matrix) {
  /** @type {Matrix} */
  const lower = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  for (let i = 0; i < 3; i++)
    for (let j = 0; j <= i; j++) {
      const rest = matrix[i][j] - dot(lower[i], lower[j]);
      lower[i][j] = i === j ? Math.sqrt(Math.max(rest, 1e-12)) : rest / lower[j][j];
    }
  return lower;
}

/**
 * A turn at a share of the way between two, at constant speed about one axis.
 * @param {number[]} from the directions to the right and upwards
 * @param {number[]} to
 * @param {number} share
 */
export function turnBetween(from, to, share) {
  const [a, b] = [from, to].map(framed);
  // The rotation that leads from one to the other, then its axis and angle.
  const entry = (/** @type {number} */ i, /** @type {number} */ j) =>
    [0, 1, 2].reduce((sum, k) => sum + b[k][i] * a[k][j], 0);
  const axis = vector((i) => entry((i + 2) % 3, (i + 1) % 3) - entry((i + 1) % 3, (i + 2) % 3));
  const sine = Math.hypot(...axis) / 2;
  const cosine = (entry(0, 0) + entry(1, 1) + entry(2, 2) - 1) / 2;
  if (sine < 1e-9) return share < 1 ? from : to; // the same, or half a turn, which has no single axis
  const angle = share * Math.atan2(sine, cosine);
  const unit = vector((i) => axis[i] / (2 * sine));
  return a.slice(0, 2).flatMap((row) => rotated(row, unit, angle));
}

/**
 * Three orthonormal rows: to the right, upwards and to the front.
 * @param {number[]} turn
 */
function framed([a, b, c, d, e, f]) {
  return orthonormal([
    [a, b, c],
    [d, e, f],
    [b * f - c * e, c * d - a * f, a * e - b * d],
  ]);
}

/**
 * A vector turned about a unit vector (Rodrigues).
 * @param {Vector} v
 * @param {Vector} axis
 * @param {number} angle
 */
function rotated(v, axis, angle) {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const along = dot(axis, v) * (1 - c);
  const cross = vector((i) => axis[(i + 1) % 3] * v[(i + 2) % 3] - axis[(i + 2) % 3] * v[(i + 1) % 3]);
  return vector((i) => v[i] * c + cross[i] * s + axis[i] * along);
}
