// The shape of the tail of importance weights, and whether their mean has a standard error: the counterpart of
// vae/inference/pareto.py.

/** @import { Estimate } from "./holes.js" */

export const MOST_SHAPE = 0.5; // of a tail, above which the weights have no variance and their mean no standard error
export const ENOUGH = 100; // effective draws, below which the mean has no reliable standard error
const MISSED = 2.5; // standard errors below a better estimate, from which a part of the posterior is missed
const POOR = "A poor lower bound of ln p(x), without an error";
const LEAST_TAIL = 5;
const [PRIOR_WEIGHT, PRIOR_SHAPE] = [10, 0.5];

/**
 * The shape k of a generalised Pareto distribution of exceedances y ≥ 0, in rising order (Zhang & Stephens 2009).
 * @param {Float64Array} y
 */
export function fitShape(y) {
  const n = y.length;
  const m = 30 + Math.floor(Math.sqrt(n));
  const quartile = Math.max(y[Math.floor(n / 4 + 0.5) - 1], 1e-12 * y[n - 1]);
  const shapeOf = (/** @type {number} */ theta) => y.reduce((sum, value) => sum + Math.log1p(-theta * value), 0) / n;
  const thetas = Array.from({ length: m }, (_, i) => 1 / y[n - 1] + (1 - Math.sqrt(m / (i + 0.5))) / (3 * quartile));
  const profile = thetas.map((theta) => {
    const shape = shapeOf(theta);
    return n * (Math.log(-theta / shape) - shape - 1);
  });
  const highest = Math.max(...profile);
  const weights = profile.map((value) => Math.exp(value - highest));
  const total = weights.reduce((a, b) => a + b, 0);
  return shapeOf(thetas.reduce((sum, theta, i) => sum + (theta * weights[i]) / total, 0));
}

/**
 * The shape k of the tail of weights with these logarithms; −∞ if they are all equal, ∞ if they are too few.
 * @param {ArrayLike<number>} logW
 */
export function paretoK(logW) {
  const n = logW.length;
  const tail = Math.ceil(Math.min(0.2 * n, 3 * Math.sqrt(n)));
  if (tail < LEAST_TAIL || tail >= n) return Infinity;
  const ordered = Float64Array.from(logW).sort();
  const largest = ordered[n - 1];
  const threshold = Math.exp(ordered[n - tail - 1] - largest);
  const exceedances = Float64Array.from(ordered.subarray(n - tail), (value) => Math.exp(value - largest) - threshold);
  if (exceedances[tail - 1] < 1e-9) return -Infinity;
  return (tail * fitShape(exceedances) + PRIOR_WEIGHT * PRIOR_SHAPE) / (tail + PRIOR_WEIGHT);
}

/**
 * Why the logarithm of the mean weight has no reliable standard error, as a sentence; null if it has one.
 * @param {ArrayLike<number>} logW
 * @param {{ logMean: number, logMeanError: number, effective: number }} found averages of `logW`
 * @param {Estimate | null} [known] a better estimate of the same number
 */
export function distrust(logW, { logMean, logMeanError, effective }, known) {
  const n = logW.length.toLocaleString("en-US");
  if (effective < ENOUGH) return `${POOR}: only ${Math.round(effective).toLocaleString("en-US")} of ${n} draws count.`;
  const k = paretoK(logW);
  if (k > MOST_SHAPE)
    return `${POOR}: a few of ${n} draws outweigh the others (Pareto k = ${k.toFixed(2)}, above ${MOST_SHAPE}).`;
  const under = known ? known.mean - logMean : 0;
  if (known && under > MISSED * Math.hypot(logMeanError, known.error))
    return `${POOR}: the draws miss a part of the posterior, and with it ${under.toFixed(2)} nats.`;
  return null;
}
