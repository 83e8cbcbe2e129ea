// The bar that adds up, while a hand moves q: each part by its own sum over q, with ln p(x|z) read off a surface.

import { logPrior } from "./gaussian.js";

const REACH = 6; // standard deviations of q
const STEP = 0.06; // of z: how far nodes of a wide q lie apart at most …
const MOST = 88; // … and how many there are along an axis
const BOUND_NODES = 24, GAP_NODES = 31; // along an axis, at least; the two that are added up share none

const grids = new Map();

// An even grid under N(0, I) in k dimensions: zeta (n·k) and weights (n) that sum to 1.
export function nodes(k, perAxis) {
  const key = `${k} ${perAxis}`;
  if (!grids.has(key)) grids.set(key, makeNodes(k, perAxis));
  return grids.get(key);
}

function makeNodes(k, perAxis) {
  const axis = Array.from({ length: perAxis }, (_, i) => ((i + 0.5) * 2 * REACH) / perAxis - REACH);
  const all = k === 1 ? axis.map((a) => [a]) : axis.flatMap((b) => axis.map((a) => [a, b]));
  const squares = (zeta) => zeta.reduce((sum, v) => sum + v * v, 0);
  const inside = all.filter((zeta) => squares(zeta) <= REACH * REACH);
  const weights = Float64Array.from(inside, (zeta) => Math.exp(-0.5 * squares(zeta)));
  const total = weights.reduce((a, b) => a + b);
  return { count: inside.length, zeta: Float64Array.from(inside.flat()), weights: weights.map((w) => w / total) };
}

// E_q of f(z, zeta, offset) on `perAxis` nodes, or more where q is wide.
function under(q, perAxis, f) {
  const needed = Math.ceil((2 * REACH * Math.max(...q.sigmas())) / STEP / 8) * 8;
  const { count, zeta, weights } = nodes(q.k, perAxis + Math.min(MOST - BOUND_NODES, Math.max(0, needed - BOUND_NODES)));
  const z = new Float64Array(q.k);
  let sum = 0;
  for (let n = 0; n < count; n++) sum += weights[n] * f(q.at(zeta, n * q.k, z), zeta, n * q.k);
  return sum;
}

// Rate in closed form, distortion and gap by quadrature, each without the others.
export function partsOf(q, surface, logEvidence) {
  const rate = q.kl();
  const distortion = -under(q, BOUND_NODES, (z) => surface.at(z));
  const gap = under(q, GAP_NODES, (z, zeta, offset) => q.logProb(zeta, offset) - (surface.at(z) + logPrior(z) - logEvidence));
  return { logEvidence, rate, distortion, elbo: -(rate + distortion), gap };
}

const DRAWS = 2000;

// Always the same standard-normal numbers, so that what is drawn from q moves with q alone.
function fixedNoise(k) {
  const noise = new Float64Array(DRAWS * k);
  let state = 0x2f6e2b1;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < noise.length; i++) noise[i] = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return noise;
}

const noises = new Map();

// ln w = ln p(x, z) − ln q(z) of draws of q, with both averages that Jensen's inequality is about.
export function weighed(q, surface) {
  if (!noises.has(q.k)) noises.set(q.k, fixedNoise(q.k));
  const zeta = noises.get(q.k);
  const z = new Float64Array(q.k);
  const logW = Float64Array.from({ length: DRAWS }, (_, n) => surface.at(q.at(zeta, n * q.k, z)) + logPrior(z) - q.logProb(zeta, n * q.k));
  return { logW, ...averages(logW) };
}

// The mean of ln w, the ln of the mean of w with its error to first order, and the effective sample size.
export function averages(logW) {
  const n = logW.length;
  const peak = logW.reduce((a, b) => Math.max(a, b), -Infinity);
  let [sum, squares, logs] = [0, 0, 0];
  for (const value of logW) {
    const w = Math.exp(value - peak);
    sum += w;
    squares += w * w;
    logs += value;
  }
  const effective = (sum * sum) / squares;
  return { mean: logs / n, logMean: peak + Math.log(sum / n), logMeanError: Math.sqrt((n / effective - 1) / (n - 1)), effective };
}
