// The share of the prior's mass in holes, and the overlap of neighbouring buffer zones: the counterpart of
// vae/analysis/zones.py. Both take a second or more for ten thousand images, so each is a generator that yields between
// parts of its work.

import { Random } from "../core/random.js";
import { Aggregate } from "./aggregate.js";
import { logPrior } from "./gaussian.js";

/** @import { PosteriorArrays } from "./aggregate.js" */

/** A number without unit, with its standard error. @typedef {{ mean: number, error: number }} Estimate */

/** A density in one dimension. @typedef {(z: number) => number} Density */

export const HOLE = 0.1; // a hole is where q(z) is below this share of p(z)
const DRAWS = 10_000;
const POINTS = 5000;
const SEED = 0; // the same model gives the same numbers every time
const [GRID, FINEST] = [150, 1200]; // cells per side, at first and at most
const EDGE = 6; // of the grid: 4e-9 of the prior's mass lies beyond
const CLEAR = 5; // nats from the edge of a hole from which a cell is completely on one side
const ACCURACY = 1e-4; // change in the share of holes by halving the cells, below which it has converged
const REACH = 8; // standard deviations beyond which a posterior adds nothing
const PATCH = 100_000; // cells between two yields

/**
 * P_{z ~ p}(q(z) < fraction · p(z)): the share of the mass of the prior N(0, I) that lies far from all images. In one
 * or two dimensions by a grid, and the error is the change by the last halving of its cells. In more dimensions by
 * draws from the prior, with the binomial standard error after two draws of either kind are added (Agresti & Coull
 * 1998).
 * @param {PosteriorArrays} arrays
 * @param {ArrayLike<number> & Iterable<number>} chosen indices of the posteriors that count
 * @param {number} k
 * @returns {Generator<undefined, Estimate>}
 */
export function* holeShare(arrays, chosen, k, { fraction = HOLE, draws = DRAWS } = {}) {
  if (k <= 2) return yield* integrated(arrays, chosen, k, fraction);
  const q = new Aggregate(arrays, chosen, k);
  const random = new Random(SEED);
  let holes = 0;
  for (let i = 0; i < draws; i++) {
    const z = random.normals(k);
    if (q.log(z) < logPrior(z) + Math.log(fraction)) holes++;
    yield;
  }
  const bounded = (holes + 2) / (draws + 4);
  return { mean: holes / draws, error: Math.sqrt((bounded * (1 - bounded)) / draws) };
}

/**
 * @param {PosteriorArrays} arrays
 * @param {ArrayLike<number> & Iterable<number>} chosen
 * @param {number} k
 * @param {number} fraction
 * @returns {Generator<undefined, Estimate>}
 */
function* integrated(arrays, chosen, k, fraction) {
  let [before, cells] = [Infinity, GRID];
  let mean = yield* onGrid(arrays, chosen, k, fraction, cells);
  while (Math.abs(mean - before) > ACCURACY && 2 * cells <= FINEST) {
    cells *= 2;
    [before, mean] = [mean, yield* onGrid(arrays, chosen, k, fraction, cells)];
  }
  return { mean, error: Math.abs(mean - before) };
}

/**
 * The sum over cells of the prior's mass times the part of the cell in a hole, if the hole's edge is straight in it.
 * @param {PosteriorArrays} arrays
 * @param {ArrayLike<number> & Iterable<number>} chosen
 * @param {number} k
 * @param {number} fraction
 * @param {number} cells per side
 * @returns {Generator<undefined, number>}
 */
function* onGrid(arrays, chosen, k, fraction, cells) {
  const rows = k === 2 ? cells : 1;
  const level = yield* mixture(arrays, chosen, k, cells, rows);
  const step = (2 * EDGE) / cells;
  const middle = (/** @type {number} */ i) => -EDGE + (i + 0.5) * step;
  const density = (/** @type {number} */ z) => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  const priors = Float64Array.from({ length: cells }, (_, i) => density(middle(i)));
  const logs = priors.map(Math.log);
  const masses = Float64Array.from({ length: cells }, (_, i) => massOf(middle(i), step, density));
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < cells; i++) {
      const at = j * cells + i;
      const logPrior = logs[i] + (k === 2 ? logs[j] : 0);
      const above = Math.log(Math.max(level[at] / chosen.length, 1e-300)) - logPrior - Math.log(fraction);
      level[at] = Math.min(CLEAR, Math.max(-CLEAR, above));
    }
    yield;
  }
  let [share, all] = [0, 0];
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < cells; i++) {
      const steepest = slope(level, i, cells, j * cells, 1) + (k === 2 ? slope(level, j, rows, i, cells) : 0);
      const inside = 0.5 - level[j * cells + i] / Math.max(steepest, 1e-12); // the level is below 0 in a hole
      const mass = masses[i] * (k === 2 ? masses[j] : 1);
      all += mass;
      share += mass * Math.min(1, Math.max(0, inside));
    }
    yield;
  }
  return share / all;
}

/**
 * The prior's mass in a cell around `z`, by Simpson's rule on its halves: to 1e-9 for the cells here.
 * @param {number} z
 * @param {number} step width of a cell
 * @param {Density} density
 */
function massOf(z, step, density) {
  const at = [-0.5, -0.25, 0, 0.25, 0.5].map((share) => density(z + share * step));
  return (step / 12) * (at[0] + 4 * at[1] + 2 * at[2] + 4 * at[3] + at[4]);
}

/**
 * N · q(z) at the centres of the cells, row by row.
 * @param {PosteriorArrays} arrays
 * @param {Iterable<number>} chosen
 * @param {number} k
 * @param {number} cells
 * @param {number} rows
 * @returns {Generator<undefined, Float64Array>}
 */
function* mixture({ mu, logvar }, chosen, k, cells, rows) {
  const total = new Float64Array(cells * rows);
  const step = (2 * EDGE) / cells;
  let since = 0;
  for (const n of chosen) {
    const across = along(mu[n * k], Math.exp(0.5 * logvar[n * k]), step, cells);
    const up =
      k === 2 ? along(mu[n * k + 1], Math.exp(0.5 * logvar[n * k + 1]), step, cells) : { from: 0, values: [1] };
    for (let j = 0; j < up.values.length; j++) {
      const start = (up.from + j) * cells + across.from;
      const factor = up.values[j];
      for (let i = 0; i < across.values.length; i++) total[start + i] += factor * across.values[i];
    }
    since += up.values.length * across.values.length;
    if (since > PATCH) {
      since = 0;
      yield;
    }
  }
  return total;
}

/**
 * The density of N(mu, sigma²) at the centres of the cells that it reaches; `from` is the first cell.
 * @param {number} mu
 * @param {number} sigma
 * @param {number} step width of a cell
 * @param {number} cells
 */
function along(mu, sigma, step, cells) {
  const cell = (/** @type {number} */ z) => Math.min(cells, Math.max(0, Math.round((z + EDGE) / step)));
  const [from, to] = [cell(mu - REACH * sigma), cell(mu + REACH * sigma)];
  const constant = 1 / (sigma * Math.sqrt(2 * Math.PI));
  const values = new Float64Array(to - from);
  for (let i = 0; i < values.length; i++) {
    const zeta = (-EDGE + (from + i + 0.5) * step - mu) / sigma;
    values[i] = constant * Math.exp(-0.5 * zeta * zeta);
  }
  return { from, values };
}

/**
 * The change of a level over cell i of `count` in a row or column.
 * @param {Float64Array} level
 * @param {number} i
 * @param {number} count
 * @param {number} offset index of the row's or column's first cell
 * @param {number} stride distance of its cells
 */
function slope(level, i, count, offset, stride) {
  const [low, high] = [Math.max(0, i - 1), Math.min(count - 1, i + 1)];
  return Math.abs(level[offset + high * stride] - level[offset + low * stride]) / (high - low);
}

/**
 * The mean over images of the largest Bhattacharyya coefficient ∫ √(q_n q_m) dz of a zone with another one: 1 for equal
 * zones, 0 for disjoint ones. From at most `points` images, drawn without replacement; the standard error is that of
 * the mean over all images.
 * @param {PosteriorArrays} arrays
 * @param {Uint32Array} chosen
 * @param {number} k
 * @returns {Generator<undefined, Estimate>}
 */
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

/**
 * The largest ln BC of one zone with another. The terms of a distance are positive, so the sum for a far zone ends
 * early.
 * @param {Float64Array} means
 * @param {Float64Array} variances
 * @param {number} row
 * @param {number} n
 * @param {number} k
 */
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

/**
 * `size` of the numbers below n, without replacement.
 * @param {number} n
 * @param {number} size
 * @param {Random} random
 */
function sample(n, size, random) {
  const order = Array.from({ length: n }, (_, i) => i);
  const taken = Math.min(n, size);
  for (let i = 0; i < taken; i++) {
    const j = i + Math.floor(random.uniform() * (n - i));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order.slice(0, taken);
}
