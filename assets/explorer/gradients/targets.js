// Densities that q is fitted to, in float64. Python counterpart: vae/inference/targets.py.

/** @import { TestImage } from "./posterior.js" */

const LOG_2PI = Math.log(2 * Math.PI);

/**
 * A point of the latent space, or a gradient there.
 * @typedef {number[] | Float64Array} Vector
 */

/**
 * ln p(z); its gradient is written into `slope` where one is given.
 * @callback LogDensity
 * @param {Vector} z
 * @param {Vector} [slope]
 * @returns {number}
 */

/**
 * @typedef {object} Target
 * @property {number} k latent dimensions: 1 or 2 (any number for the integrand `square`)
 * @property {LogDensity} f
 * @property {{ A: Float64Array, b: Float64Array }} [quadratic] f = −½ zᵀ A z + bᵀ z + c, where it is one; A row by row
 * @property {number[]} [covariance] of a Gaussian target, row by row
 * @property {{ low: number[], high: number[] }} [box] corners of the box outside of which the density is negligible
 */

/**
 * A target that can be chosen on the page.
 * @typedef {object} TargetSpec
 * @property {string} [name]
 * @property {(chosen: { rho: number }) => Target} make
 * @property {[mu: number[], sigma: number[]]} start where the fit of q begins
 * @property {number} half half the width of the picture, in units of z
 * @property {number[]} [middle] middle of the picture; the origin where it is missing
 * @property {number} [lr] learning rate, where the default does not suit
 * @property {TestImage} [image] the image, of a posterior
 */

/**
 * f(z) = −½ zᵀ A z + bᵀ z + c, whose expectations under a Gaussian have closed forms; A row by row.
 * @param {number[]} A
 * @param {number[]} b
 * @param {number} c
 */
function quadratic(A, b, c) {
  const k = b.length;
  /** @type {LogDensity} */
  const f = (z, slope) => {
    let value = c;
    for (let i = 0; i < k; i++) {
      let row = 0;
      for (let j = 0; j < k; j++) row += A[i * k + j] * z[j];
      value += z[i] * (b[i] - 0.5 * row);
      if (slope) slope[i] = b[i] - row;
    }
    return value;
  };
  return { k, f, quadratic: { A: Float64Array.from(A), b: Float64Array.from(b) } };
}

/**
 * ‖z‖², the integrand for which the estimators' variances have closed forms.
 * @param {number} k
 * @returns {Target}
 */
export function square(k) {
  /** @type {LogDensity} */
  const f = (z, slope) => {
    let value = 0;
    for (let i = 0; i < k; i++) {
      value += z[i] * z[i];
      if (slope) slope[i] = 2 * z[i];
    }
    return value;
  };
  return { k, f };
}

/**
 * N(mean, sigma²) in one dimension.
 * @returns {Target}
 */
export const onALine = (mean = 0.8, sigma = 0.6) => ({
  ...quadratic([1 / sigma ** 2], [mean / sigma ** 2], -0.5 * ((mean / sigma) ** 2 + LOG_2PI) - Math.log(sigma)),
  covariance: [sigma ** 2],
});

/**
 * N(0, ((1, ρ), (ρ, 1))).
 * @param {number} rho
 * @returns {Target}
 */
export function correlated(rho) {
  const determinant = 1 - rho * rho;
  const A = [1 / determinant, -rho / determinant, -rho / determinant, 1 / determinant];
  return { ...quadratic(A, [0, 0], -LOG_2PI - 0.5 * Math.log(determinant)), covariance: [1, rho, rho, 1] };
}

/**
 * share · N(−m, sigma²) + (1 − share) · N(m, sigma²) with ‖m‖ = distance/2 along (1, …, 1).
 * @returns {Target}
 */
export function twoModes(k = 2, distance = 4, sigma = 0.7, share = 0.5) {
  const middle = distance / 2 / Math.sqrt(k);
  const constant = k * (Math.log(sigma) + 0.5 * LOG_2PI);
  const precision = 1 / sigma ** 2;
  /** @type {LogDensity} */
  const f = (z, slope) => {
    let [left, right] = [Math.log(share) - constant, Math.log(1 - share) - constant];
    for (let i = 0; i < k; i++) {
      left -= 0.5 * precision * (z[i] + middle) ** 2;
      right -= 0.5 * precision * (z[i] - middle) ** 2;
    }
    const top = Math.max(left, right);
    const value = top + Math.log(Math.exp(left - top) + Math.exp(right - top));
    if (slope) {
      const ofRight = Math.exp(right - value);
      for (let i = 0; i < k; i++) slope[i] = -precision * (z[i] + middle * (1 - 2 * ofRight));
    }
    return value;
  };
  return { k, f };
}

/**
 * z₁ ~ N(0, spread²), z₂ | z₁ ~ N(bend · (z₁² − spread²), ½²).
 * @returns {Target}
 */
export function banana(bend = 0.5, spread = 1.5) {
  const constant = Math.log(spread) + Math.log(0.5) + LOG_2PI;
  /** @type {LogDensity} */
  const f = (z, slope) => {
    const across = z[0] / spread;
    const up = (z[1] - bend * (z[0] ** 2 - spread ** 2)) / 0.5;
    if (slope) {
      slope[0] = -across / spread + 4 * up * bend * z[0];
      slope[1] = -2 * up;
    }
    return -0.5 * (across * across + up * up) - constant;
  };
  const reach = 5.7 * spread; // where the density has fallen by e^−16
  return {
    k: 2,
    f,
    box: { low: [-reach, -bend * spread ** 2 - 3], high: [reach, bend * (reach ** 2 - spread ** 2) + 3] },
  };
}

/**
 * exp(−(‖z‖ − radius)²/(2 width²)) in two dimensions, normalised up to a relative error of e^(−radius²/(2 width²)), which
 * is 2e-10 here.
 * @returns {Target}
 */
export function ring(radius = 2, width = 0.3) {
  const constant = Math.log(2 * Math.PI * radius * width * Math.sqrt(2 * Math.PI));
  /** @type {LogDensity} */
  const f = (z, slope) => {
    const distance = Math.sqrt(z[0] ** 2 + z[1] ** 2 + 1e-12); // its slope is finite at the origin too
    const off = (distance - radius) / width;
    if (slope) for (let i = 0; i < 2; i++) slope[i] = ((-off / width) * z[i]) / distance;
    return -0.5 * off * off - constant;
  };
  return { k: 2, f };
}

/** The target that has to be fetched from the server: the posterior of an image. */
export const POSTERIOR = "posterior";

/**
 * The targets that can be chosen without a server.
 * @satisfies {Record<string, TargetSpec & { name: string }>}
 */
export const TARGETS = {
  correlated: {
    name: "correlated Gaussian",
    make: ({ rho }) => correlated(rho),
    start: [
      [1.5, 0.5],
      [0.5, 0.5],
    ],
    half: 3.6,
  },
  modes: {
    name: "two modes",
    make: () => twoModes(),
    start: [
      [0.3, -0.6],
      [0.8, 0.8],
    ],
    half: 3.8,
  },
  banana: {
    name: "banana",
    make: () => banana(),
    start: [
      [-1.4, 2.4],
      [0.5, 0.5],
    ],
    half: 4.2,
  },
  ring: {
    name: "ring",
    make: () => ring(),
    start: [
      [0.7, 0.3],
      [0.7, 0.7],
    ],
    half: 3.6,
  },
  line: { name: "Gaussian, 1-D", make: () => onALine(), start: [[-2], [1]], half: 5 },
  "modes-line": { name: "two modes, 1-D", make: () => twoModes(1), start: [[0.4], [1]], half: 5 },
};

/** @typedef {keyof typeof TARGETS | typeof POSTERIOR} TargetName */
