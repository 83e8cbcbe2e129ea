// vae/zones.py in the browser: the share of the prior's mass in holes, and how far neighbouring buffer zones overlap.
// Both take a second or more for ten thousand images, so each is a generator that yields between parts of its work and
// returns { mean, error }: an estimate, without unit, and its standard error.

import { Aggregate } from "./aggregate.js";
import { logPrior } from "./gaussian.js";
import { Random } from "./random.js";

export const HOLE = 0.1; // a hole is where q(z) is below this share of p(z)
const DRAWS = 5000;
const POINTS = 5000;
const SEED = 0; // the same model gives the same numbers every time

// P_{z ~ p}(q(z) < fraction · p(z)): the share of draws from the prior N(0, I) that fall where next to no image is. The
// standard error is binomial, with the share kept one count off 0 and 1.
export function* holeShare(arrays, chosen, k, { fraction = HOLE, draws = DRAWS } = {}) {
  const q = new Aggregate(arrays, chosen, k);
  const random = new Random(SEED);
  let holes = 0;
  for (let i = 0; i < draws; i++) {
    const z = random.normals(k);
    if (q.log(z) < logPrior(z) + Math.log(fraction)) holes++;
    yield;
  }
  const mean = holes / draws;
  const bounded = Math.min(Math.max(mean, 1 / draws), 1 - 1 / draws);
  return { mean, error: Math.sqrt((bounded * (1 - bounded)) / draws) };
}

// The mean over images of the Bhattacharyya coefficient ∫ √(q_n q_m) dz of a zone with the one it overlaps most: 1 is one
// and the same zone, 0 is none shared. Of up to `points` images, drawn without replacement; the standard error is that of
// the mean over all of them.
export function* overlap({ mu, logvar }, chosen, k, { points = POINTS } = {}) {
  const n = chosen.length;
  const values = [];
  const [means, variances] = [new Float64Array(n * k), new Float64Array(n * k)];
  chosen.forEach((from, row) => {
    for (let d = 0; d < k; d++) {
      means[row * k + d] = mu[from * k + d];
      variances[row * k + d] = Math.exp(logvar[from * k + d]);
    }
  });
  for (const row of sample(n, points, new Random(SEED))) {
    values.push(Math.exp(mostShared(means, variances, row, n, k)));
    yield;
  }
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
  return { mean, error: Math.sqrt((variance / values.length) * (1 - values.length / n)) };
}

// The largest ln BC of one zone with another; terms only add to the distance, so far zones are left early.
function mostShared(means, variances, row, n, k) {
  let least = Infinity;
  const own = row * k;
  for (let m = 0; m < n; m++) {
    if (m === row) continue;
    let distance = 0;
    for (let d = 0, p = m * k; d < k && distance < least; d++, p++) {
      const together = variances[own + d] + variances[p];
      distance += (means[own + d] - means[p]) ** 2 / (4 * together);
      if (distance < least) distance += 0.5 * Math.log(together / (2 * Math.sqrt(variances[own + d] * variances[p])));
    }
    if (distance < least) least = distance;
  }
  return -least;
}

function sample(n, size, random) {
  const order = Array.from({ length: n }, (_, i) => i);
  const taken = Math.min(n, size);
  for (let i = 0; i < taken; i++) {
    const j = i + Math.floor(random.uniform() * (n - i));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order.slice(0, taken);
}
