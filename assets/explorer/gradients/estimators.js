// Estimators of ∇ E_q f and its exact value. Python counterpart: vae/inference/gradients.py. A gradient is one row of numbers:
// with respect to mu first, then to sigma (diagonal q) or to the entries of the lower triangle L row by row (full q).

/** @import { Gaussian } from "./gaussian.js" */
/** @import { Parameter } from "./measure.js" */
/** @import { LogDensity, Target } from "./targets.js" */

import { nodes } from "../math/nodes.js";
import { THEORY } from "../plot/palette.js";
import { place } from "./gaussian.js";

/**
 * @typedef {object} Estimator
 * @property {string} name
 * @property {string} short
 * @property {string} colour
 * @property {string} tex what is averaged over the draws
 * @property {number} least the smallest number of draws that it needs
 */

/** @satisfies {Record<string, Estimator>} */
export const ESTIMATORS = {
  score: { name: "score function", short: "score", colour: "#d45d74", tex: "f(z_s)\\,\\nabla\\ln q(z_s)", least: 1 },
  baseline: {
    name: "score, with baseline",
    short: "baseline",
    colour: "#bd9708",
    tex: "(f(z_s)-b)\\,\\nabla\\ln q(z_s)",
    least: 1,
  },
  "leave-one-out": {
    name: "score, leave-one-out",
    short: "leave-one-out",
    colour: "#a275fd",
    tex: "\\Bigl(f(z_s)-\\tfrac1{n-1}\\sum_{r\\ne s}f(z_r)\\Bigr)\\,\\nabla\\ln q(z_s)",
    least: 2,
  },
  pathwise: { name: "pathwise", short: "pathwise", colour: "#4f7df3", tex: "\\nabla f(\\mu+L\\,\\zeta_s)", least: 1 },
  exact: { name: "exact", short: "exact", colour: THEORY, tex: "\\nabla\\,\\mathbb E_q[f(z)]", least: 1 },
};

/** @typedef {keyof typeof ESTIMATORS} EstimatorName */

const EXACT_NODES = 61; // per axis

/**
 * The gradient estimates of the single draws in `zeta`: n rows, one after the other. "leave-one-out" needs n ≥ 2.
 * @param {LogDensity} f
 * @param {Gaussian} q
 * @param {EstimatorName} estimator
 * @param {Float64Array} zeta n · k numbers
 * @param {number} [baseline] for the estimator "baseline"; must be independent of `zeta`
 */
export function singles(f, q, estimator, zeta, baseline = 0) {
  const count = zeta.length / q.k;
  const rows = new Float64Array(count * q.size);
  if (estimator === "pathwise") pathwise(f, q, zeta, count, rows);
  else score(q, zeta, count, rows, offsets(f, q, estimator, zeta, count, baseline));
  return rows;
}

/**
 * f at every draw, minus its baseline.
 * @param {LogDensity} f
 * @param {Gaussian} q
 * @param {EstimatorName} estimator
 * @param {Float64Array} zeta
 * @param {number} count
 * @param {number} baseline
 */
function offsets(f, q, estimator, zeta, count, baseline) {
  const z = new Float64Array(q.k);
  const values = new Float64Array(count);
  for (let s = 0; s < count; s++) values[s] = f(q.at(zeta, z, s * q.k));
  if (estimator === "baseline") for (let s = 0; s < count; s++) values[s] -= baseline;
  if (estimator === "leave-one-out") {
    const mean = values.reduce((a, b) => a + b, 0) / count;
    for (let s = 0; s < count; s++) values[s] = ((values[s] - mean) * count) / (count - 1);
  }
  return values;
}

/**
 * Writes the score-function estimates into `rows`.
 * @param {Gaussian} q
 * @param {Float64Array} zeta
 * @param {number} count
 * @param {Float64Array} rows
 * @param {Float64Array} values f minus its baseline, per draw
 */
function score(q, zeta, count, rows, values) {
  const { k, size, full } = q;
  const ofMu = new Float64Array(k);
  for (let s = 0; s < count; s++) {
    const [at, from, value] = [s * size, s * k, values[s]];
    q.scored(zeta, ofMu, from);
    for (let i = 0; i < k; i++) {
      rows[at + i] = value * ofMu[i];
      for (let j = full ? 0 : i; j <= i; j++) {
        const slope = ofMu[i] * zeta[from + j] - (i === j ? 1 / q.scale(i) : 0);
        rows[at + place(q, i, j)] = value * slope;
      }
    }
  }
}

/**
 * Writes the pathwise (reparametrised) estimates into `rows`.
 * @param {LogDensity} f
 * @param {Gaussian} q
 * @param {Float64Array} zeta
 * @param {number} count
 * @param {Float64Array} rows
 */
function pathwise(f, q, zeta, count, rows) {
  const { k, size, full } = q;
  const [z, slope] = [new Float64Array(k), new Float64Array(k)];
  for (let s = 0; s < count; s++) {
    const [at, from] = [s * size, s * k];
    f(q.at(zeta, z, from), slope);
    for (let i = 0; i < k; i++) {
      rows[at + i] = slope[i];
      for (let j = full ? 0 : i; j <= i; j++) rows[at + place(q, i, j)] = slope[i] * zeta[from + j];
    }
  }
}

/**
 * The mean of rows of `size` numbers.
 * @param {Float64Array} rows
 * @param {number} size
 */
export function mean(rows, size) {
  const sum = new Float64Array(size);
  for (let i = 0; i < rows.length; i++) sum[i % size] += rows[i];
  const count = rows.length / size;
  return sum.map((value) => value / count);
}

/**
 * E_q f and its gradient: in closed form for a quadratic f, otherwise by quadrature in 1 or 2 dimensions.
 * @param {Target} target
 * @param {Gaussian} q
 */
export function exact(target, q) {
  return target.quadratic ? ofQuadratic(target.f, target.quadratic.A, q) : byQuadrature(target.f, q);
}

/**
 * @param {LogDensity} f
 * @param {Float64Array} A its matrix, row by row
 * @param {Gaussian} q
 */
function ofQuadratic(f, A, q) {
  const { k, mu, tril, full } = q;
  const gradient = new Float64Array(q.size);
  let expectation = f(mu, gradient.subarray(0, k));
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < k; j++) expectation -= 0.5 * A[i * k + j] * q.covariance(i, j);
    for (let j = full ? 0 : i; j <= i; j++) {
      let sum = 0;
      for (let m = j; m < k; m++) sum += A[i * k + m] * tril[m * k + j];
      gradient[place(q, i, j)] = -sum;
    }
  }
  return { expectation, gradient };
}

/**
 * @param {LogDensity} f
 * @param {Gaussian} q
 */
function byQuadrature(f, q) {
  const { count, zeta, weights } = nodes(q.k, EXACT_NODES);
  const { k, full } = q;
  const gradient = new Float64Array(q.size);
  const [z, slope] = [new Float64Array(k), new Float64Array(k)];
  let expectation = 0;
  for (let s = 0; s < count; s++) {
    expectation += weights[s] * f(q.at(zeta, z, s * k), slope);
    for (let i = 0; i < k; i++) {
      gradient[i] += weights[s] * slope[i];
      for (let j = full ? 0 : i; j <= i; j++) gradient[place(q, i, j)] += weights[s] * slope[i] * zeta[s * k + j];
    }
  }
  return { expectation, gradient };
}

/**
 * √E_q‖∇f‖², the typical length of a pathwise gradient of mu.
 * @param {LogDensity} f
 * @param {Gaussian} q
 */
export function typicalSlope(f, q) {
  const { count, zeta, weights } = nodes(q.k, EXACT_NODES);
  const [z, slope] = [new Float64Array(q.k), new Float64Array(q.k)];
  let sum = 0;
  for (let s = 0; s < count; s++) {
    f(q.at(zeta, z, s * q.k), slope);
    for (const v of slope) sum += weights[s] * v * v;
  }
  return Math.sqrt(sum);
}

/**
 * Variance of the mean of n draws for f = ‖z‖², z ~ N(mu, sigma² I): of ∂/∂mu₁ and of ∂/∂sigma₁. The formulas are
 * explained in the Python counterpart, vae.gradients.variance_of_square.
 * @param {EstimatorName} estimator
 * @param {ArrayLike<number>} mu
 * @param {number} sigma
 * @param {number} [n]
 */
export function varianceOfSquare(estimator, mu, sigma, n = 1) {
  const [m, s, more] = [mu[0] ** 2, sigma ** 2, mu.length - 1];
  if (estimator === "exact") return { mu: 0, sigma: 0 };
  if (estimator === "pathwise") return { mu: (4 * s) / n, sigma: (4 * m + 8 * s) / n };
  let others = 0;
  for (let i = 1; i < mu.length; i++) others += mu[i] ** 2;
  const [rest, spread] = [others + more * s, 2 * more * s * s + 4 * others * s];
  const offset = estimator === "score" ? rest : -(m + s);
  const ofMu = (m * m + 18 * m * s + 15 * s * s + 2 * (m + 3 * s) * offset + spread + offset * offset) / s - 4 * m;
  const raw = 2 * m * m + 60 * m * s + 78 * s * s + 2 * (2 * m + 10 * s) * offset + 2 * (spread + offset * offset);
  const ofSigma = raw / s - 4 * s;
  if (estimator !== "leave-one-out") return { mu: ofMu / n, sigma: ofSigma / n };
  const total = 2 * s * s + 4 * m * s + spread;
  return {
    mu: (ofMu + total / s / (n - 1) + (4 * m) / (n - 1)) / n,
    sigma: (ofSigma + (2 * total) / s / (n - 1) + (4 * s) / (n - 1)) / n,
  };
}

/**
 * The smallest number of draws with which the standard error of ∂/∂mu₁ or ∂/∂sigma₁ is at most `error`.
 * @param {EstimatorName} estimator
 * @param {ArrayLike<number>} mu
 * @param {number} sigma
 * @param {Parameter} of
 * @param {number} error
 */
export function drawsFor(estimator, mu, sigma, of, error) {
  /** @param {number} n */
  const enough = (n) => varianceOfSquare(estimator, mu, sigma, n)[of] <= error * error * (1 + 1e-12);
  let [low, high] = [ESTIMATORS[estimator].least - 1, ESTIMATORS[estimator].least];
  while (!enough(high)) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
