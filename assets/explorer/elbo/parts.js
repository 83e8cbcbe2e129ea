// The parts of ln p(x) = ELBO + gap for any q, computed in the browser: each by its own quadrature under q, with ln p(x|z)
// interpolated from the server's grids.

import { rounded, signed } from "../core/format.js";
import { Random } from "../core/random.js";
import { logPrior } from "../math/gaussian.js";
import { nodes, REACH } from "../math/nodes.js";
import { distrust } from "../math/pareto.js";

/** @import { SampledMean, SampledPosteriorMeta } from "../data/evidence.js" */
/** @import { Surface } from "../math/surface.js" */
/** @import { Gaussian } from "./gaussian.js" */

/**
 * The parts of ln p(x) = ELBO + gap and ELBO = −distortion − rate, in nats.
 * @typedef {object} Parts
 * @property {number} logEvidence
 * @property {number} rate
 * @property {number} distortion
 * @property {number} elbo
 * @property {number} gap KL(q ‖ p(z|x))
 * @property {boolean} [exact] computed by the server, to its last digit
 * @property {boolean} [gapIsRest] the gap is the difference of a sampled ln p(x) and the ELBO
 * @property {number | null} [error] standard error of a sampled ln p(x)
 * @property {number | null} [gapError] standard error of the gap
 * @property {string | null} [withheld] why a sampled ln p(x) has no error, as a sentence
 * @property {SampledMean & { draws?: number }} [sampled] the ELBO from draws of q
 */

/**
 * What the importance weights of draws of q say.
 * @typedef {object} Weighted
 * @property {ArrayLike<number>} logW ln w of every draw
 * @property {number} mean of ln w
 * @property {number} logMean ln of the mean of w
 * @property {number | null} logMeanError standard error of `logMean`
 * @property {number} effective effective sample size
 * @property {string | null} withheld why `logMean` has no error, as a sentence
 * @property {number} [draws] where it is not the length of `logW`
 */

const STEP = 0.06; // largest distance of two nodes in z, for a wide q …
const MOST = 88; // … and the largest number of nodes along an axis
const BOUND_NODES = 24,
  GAP_NODES = 31; // nodes along an axis, at least; the two grids have no node in common, so both sums are independent

/**
 * E_q of f(z, zeta, offset) on `perAxis` nodes along an axis, or more where q is wide; z = mu + L·zeta.
 * @param {Gaussian} q
 * @param {number} perAxis
 * @param {(z: Float64Array, zeta: Float64Array, offset: number) => number} f
 */
function under(q, perAxis, f) {
  const needed = Math.ceil((2 * REACH * Math.max(...q.sigmas())) / STEP / 8) * 8;
  const { count, zeta, weights } = nodes(
    q.k,
    perAxis + Math.min(MOST - BOUND_NODES, Math.max(0, needed - BOUND_NODES)),
  );
  const z = new Float64Array(q.k);
  let sum = 0;
  for (let n = 0; n < count; n++) sum += weights[n] * f(q.at(zeta, z, n * q.k), zeta, n * q.k);
  return sum;
}

/**
 * Rate in closed form, distortion and gap by quadrature, each without the others.
 * @param {Gaussian} q
 * @param {Surface} surface
 * @param {number} logEvidence
 * @returns {Parts}
 */
export function partsOf(q, surface, logEvidence) {
  const rate = q.kl();
  const distortion = -under(q, BOUND_NODES, (z) => surface.at(z));
  const gap = under(
    q,
    GAP_NODES,
    (z, zeta, offset) => q.logDensityAt(zeta, offset) - (surface.at(z) + logPrior(z) - logEvidence),
  );
  return { logEvidence, rate, distortion, elbo: -(rate + distortion), gap };
}

/**
 * The parts in more than two dimensions, from the server's draws. Where there is a reason in `withheld`, ln p(x) has no error.
 * @param {SampledPosteriorMeta} meta
 * @returns {Parts}
 */
export function sampledParts(meta) {
  const {
    log_evidence: logEvidence,
    standard_error: error,
    gap_standard_error: gapError,
    withheld,
    elbo,
    rate,
    distortion,
  } = meta;
  const sampled = { mean: elbo, standard_error: meta.elbo_standard_error };
  return {
    logEvidence,
    rate,
    distortion,
    elbo,
    gap: logEvidence - elbo,
    exact: false,
    error,
    gapError,
    withheld,
    gapIsRest: true,
    sampled,
  };
}

/**
 * The parts as every place of the page prints them: ln p(x), ELBO and rate are rounded, gap and distortion are differences of
 * the rounded numbers. So ln p(x) = ELBO + gap and ELBO = −distortion − rate hold for the printed numbers, and no quantity has
 * two values. Parts that are not exact have one digit less. `text(name)` is a part as text.
 * @param {Pick<Parts, "logEvidence" | "elbo" | "rate" | "exact">} parts
 */
export function printed({ logEvidence, elbo, rate, exact }) {
  const digits = exact ? 3 : 2;
  const [evidence, bound, cost] = [logEvidence, elbo, rate].map((value) => rounded(value, digits));
  const values = { evidence, elbo: bound, rate: cost, gap: evidence - bound, likelihood: bound + cost }; // E_q ln p(x|z)
  const text = (/** @type {keyof typeof values} */ name) => signed(values[name], digits);
  return { digits, about: exact ? "" : "≈ ", text };
}

/**
 * The error in nats, as text, of ln p(x) = ELBO + gap where each part was computed without the others.
 * @param {Pick<Parts, "logEvidence" | "elbo" | "gap">} parts
 */
export function mismatch({ logEvidence, elbo, gap }) {
  const off = Math.abs(logEvidence - (elbo + gap));
  return off < 1e-4 ? "less than 0.0001" : off.toFixed(4);
}

const DRAWS = 2000;
const SEED = 0;

/**
 * Latent dimensions → standard-normal numbers, always the same, so that the draws change with q alone.
 * @type {Map<number, Float64Array>}
 */
const noises = new Map();

/**
 * ln w = ln p(x, z) − ln q(z) of draws of q, with both averages of Jensen's inequality. `withheld` is a sentence where the
 * error of the second average is unknown, which is tested against the `known` ln p(x).
 * @param {Gaussian} q
 * @param {Surface} surface
 * @param {{ mean: number, error: number }} known
 * @returns {Weighted}
 */
export function weighed(q, surface, known) {
  const zeta = noises.get(q.k) ?? new Random(SEED).normals(DRAWS * q.k);
  noises.set(q.k, zeta);
  const z = new Float64Array(q.k);
  const logW = Float64Array.from(
    { length: DRAWS },
    (_, n) => surface.at(q.at(zeta, z, n * q.k)) + logPrior(z) - q.logDensityAt(zeta, n * q.k),
  );
  const found = averages(logW);
  return { logW, ...found, withheld: distrust(logW, found, known) };
}

/**
 * The mean of ln w, the ln of the mean of w with its error to first order, and the effective sample size.
 * @param {Float32Array | Float64Array} logW
 */
export function averages(logW) {
  const n = logW.length;
  let peak = -Infinity;
  for (const value of logW) peak = Math.max(peak, value);
  let [sum, squares, logs] = [0, 0, 0];
  for (const value of logW) {
    const w = Math.exp(value - peak);
    sum += w;
    squares += w * w;
    logs += value;
  }
  const effective = (sum * sum) / squares;
  return {
    mean: logs / n,
    logMean: peak + Math.log(sum / n),
    logMeanError: Math.sqrt((n / effective - 1) / (n - 1)),
    effective,
  };
}
