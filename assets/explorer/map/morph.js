// The points between one snapshot and the next: projected means and covariances, interpolated in time.
//
// The motion towards a snapshot starts from what is shown at that moment and takes about the time between two snapshots. So
// the points keep moving while snapshots arrive, and what is shown is never older than one interval.

/** @import { Covariance, MapProjection } from "../math/projection.js" */

/**
 * PosteriorCloud as a map shows them: `shown` has five arrays with one number per point, u, v and the covariance uu, uv, vv.
 * @typedef {object} ShownPoints
 * @property {number} count
 * @property {ArrayLike<number>[]} shown
 * @property {ArrayLike<number>} us
 * @property {ArrayLike<number>} vs
 */

/**
 * @typedef {object} Moving
 * @property {boolean} settled nothing moves any more
 * @property {(now: number) => boolean} advance moves on to the time `now`; false where nothing moved
 * @property {(i: number) => Covariance} covariance of a point, as it is shown
 */

/** @typedef {ShownPoints & Moving} MovingPoints what a Pane draws */

const SHORTEST = 50; // ms
const LONGEST = 1100; // ms; a snapshot that comes after a longer pause is still reached within this time

/** @implements {MovingPoints} */
export class Morph {
  constructor() {
    this.count = 0;
    this.interval = 250; // ms between snapshots, smoothed
    /** @type {number | null} */
    this.arrivedAt = null; // time of the last snapshot
    this.startedAt = 0;
    this.settled = true;
    /** @type {Float32Array[]} */
    this.shown = [];
    /** @type {Float32Array[]} */
    this.from = [];
    /** @type {Float32Array[]} */
    this.to = [];
  }

  get us() {
    return this.shown[0];
  }

  get vs() {
    return this.shown[1];
  }

  /**
   * A snapshot has arrived.
   * @param {Float32Array[]} next u, v and the covariance uu, uv, vv
   * @param {number} now
   */
  target(next, now) {
    const count = next[0].length;
    if (this.arrivedAt !== null) {
      const gap = Math.min(LONGEST, Math.max(SHORTEST, now - this.arrivedAt));
      this.interval += 0.4 * (gap - this.interval);
    }
    this.arrivedAt = now;
    this.to = next;
    if (count !== this.count) {
      this.count = count;
      this.shown = next.map((array) => Float32Array.from(array));
      this.from = next.map((array) => Float32Array.from(array));
      this.settled = true;
      return;
    }
    this.from.forEach((array, j) => {
      array.set(this.shown[j]);
    });
    this.startedAt = now;
    this.settled = false;
  }

  /**
   * Moves on to the time `now`; false where nothing moved.
   * @param {number} now
   */
  advance(now) {
    if (this.settled) return false;
    const t = Math.min(1, Math.max(0, (now - this.startedAt) / this.interval));
    for (let j = 0; j < 5; j++) {
      const [from, to, shown] = [this.from[j], this.to[j], this.shown[j]];
      for (let i = 0; i < this.count; i++) shown[i] = from[i] + t * (to[i] - from[i]);
    }
    this.settled = t === 1;
    return true;
  }

  /**
   * [variance of u, covariance, variance of v] of point i as it is shown.
   * @param {number} i
   * @returns {Covariance}
   */
  covariance(i) {
    return [this.shown[2][i], this.shown[3][i], this.shown[4][i]];
  }
}

/**
 * The five arrays of a snapshot in the plane of a projection.
 * @param {MapProjection} projection
 * @param {Float32Array} mu
 * @param {Float32Array} logvar
 * @param {number} count
 */
export function projectAll(projection, mu, logvar, count) {
  const [us, vs] = projection.projectAll(mu, count);
  const covariances = [0, 1, 2].map(() => new Float32Array(count));
  for (let i = 0; i < count; i++) {
    const covariance = projection.covariance(logvar, i);
    for (let j = 0; j < 3; j++) covariances[j][i] = covariance[j];
  }
  return [us, vs, ...covariances];
}
