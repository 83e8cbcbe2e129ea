// The points on their way from one snapshot to the next: projected means and covariances, interpolated in time.
//
// Every snapshot starts from what is shown at that moment, and is reached after about the time that lies between two
// snapshots: the motion never stops while they come, and is never older than one interval.

const SHORTEST = 50; // ms
const LONGEST = 1100; // ms; after a longer silence, the next snapshot is not spread over all of it

export class Morph {
  constructor() {
    this.count = 0;
    this.interval = 250; // ms between snapshots, smoothed
    this.arrivedAt = null;
    this.settled = true;
  }

  get us() {
    return this.shown[0];
  }

  get vs() {
    return this.shown[1];
  }

  // Five numbers a point: u, v, and the covariance uu, uv, vv.
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
    this.shown.forEach((array, j) => this.from[j].set(array));
    this.startedAt = now;
    this.settled = false;
  }

  // Moves on to the time `now`; false where nothing moved.
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

  // [variance of u, covariance, variance of v] of point i as it is shown.
  covariance(i) {
    return [this.shown[2][i], this.shown[3][i], this.shown[4][i]];
  }
}

// The five arrays of a snapshot, seen through a projection.
export function projectAll(projection, mu, logvar, count) {
  const [us, vs] = projection.projectAll(mu, count);
  const covariances = [0, 1, 2].map(() => new Float32Array(count));
  for (let i = 0; i < count; i++) projection.covariance(logvar, i).forEach((value, j) => (covariances[j][i] = value));
  return [us, vs, ...covariances];
}
