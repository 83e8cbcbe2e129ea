// Closed forms of vae/gaussian.py that the page shows. All values are in nats.

/**
 * KL(N(mu, sigma²) ‖ N(0, 1)) of one dimension.
 * @param {number} mu
 * @param {number} logvar
 */
export const klPerDim = (mu, logvar) => 0.5 * (mu * mu + Math.exp(logvar) - 1 - logvar);

/**
 * ln N(z; 0, I).
 * @param {ArrayLike<number> & Iterable<number>} z
 */
export function logPrior(z) {
  let sum = 0;
  for (const v of z) sum += v * v;
  return -0.5 * (sum + z.length * Math.log(2 * Math.PI));
}

/**
 * k independent standard-normal draws (Box–Muller).
 * @param {number} k
 */
export function standardNormal(k) {
  const draw = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return Float64Array.from({ length: k }, draw);
}

/**
 * Per data point: rate, and the logarithm of the posterior's volume (Σ ln sigma).
 * @typedef {{ rate: Float32Array, logVolume: Float32Array }} Costs
 */

/**
 * The costs of n data points, from mu and logvar (n, k).
 * @param {ArrayLike<number>} mu
 * @param {ArrayLike<number>} logvar
 * @param {number} n
 * @param {number} k
 * @returns {Costs}
 */
export function perPoint(mu, logvar, n, k) {
  const rate = new Float32Array(n);
  const logVolume = new Float32Array(n);
  for (let i = 0; i < n * k; i++) {
    const point = Math.floor(i / k);
    rate[point] += klPerDim(mu[i], logvar[i]);
    logVolume[point] += 0.5 * logvar[i];
  }
  return { rate, logVolume };
}

/**
 * The quantile of N(0, 1) at p in [0, 1], by Acklam's rational approximation; relative error at most 1.2e-9.
 * @param {number} p
 * @returns {number}
 */
export function normalQuantile(p) {
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p <= 0) return -Infinity;
  if (p > 0.02425) {
    const q = p - 0.5;
    return (q * polynomial(CENTRE[0], q * q)) / polynomial(CENTRE[1], q * q);
  }
  const q = Math.sqrt(-2 * Math.log(p));
  return polynomial(TAIL[0], q) / polynomial(TAIL[1], q);
}

/**
 * @param {number[]} coefficients the highest power first
 * @param {number} x
 */
const polynomial = (coefficients, x) => coefficients.reduce((sum, c) => sum * x + c);

const CENTRE = [
  [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239],
  [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
];
const TAIL = [
  [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ],
  [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
];
