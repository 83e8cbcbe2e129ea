// The bar that adds up, while a hand moves q: each part by its own sum over q, with ln p(x|z) read off a surface.

import { rounded, signed } from "../core/format.js";
import { Random } from "../core/random.js";
import { logPrior } from "../math/gaussian.js";
import { nodes, REACH } from "../math/nodes.js";
import { distrust } from "../math/pareto.js";

const STEP = 0.06; // of z: how far nodes of a wide q lie apart at most …
const MOST = 88; // … and how many there are along an axis
const BOUND_NODES = 24,
  GAP_NODES = 31; // along an axis, at least; the two that are added up share none

// E_q of f(z, zeta, offset) on `perAxis` nodes, or more where q is wide.
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

// Rate in closed form, distortion and gap by quadrature, each without the others.
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

// In more than two dimensions: what the server has sampled. Where `withheld` says why, there is no error of ln p(x).
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

// The parts as they are printed wherever they stand on the page: ln p(x), ELBO and rate to the nearest last digit, gap and
// distortion as what these leave. So ln p(x) = ELBO + gap and ELBO = −distortion − rate hold in print, and no quantity has two
// values. What is not exact has a digit less. `text(name)` is a part in print.
export function printed({ logEvidence, elbo, rate, exact }) {
  const digits = exact ? 3 : 2;
  const [evidence, bound, cost] = [logEvidence, elbo, rate].map((value) => rounded(value, digits));
  const values = { evidence, elbo: bound, rate: cost, gap: evidence - bound, likelihood: bound + cost }; // E_q ln p(x|z)
  return { digits, about: exact ? "" : "≈ ", text: (name) => signed(values[name], digits) };
}

// By how many nats the parts, each computed without the others, fail to add up.
export function mismatch({ logEvidence, elbo, gap }) {
  const off = Math.abs(logEvidence - (elbo + gap));
  return off < 1e-4 ? "less than 0.0001" : off.toFixed(4);
}

const DRAWS = 2000;
const SEED = 0;

const noises = new Map(); // k → always the same standard-normal numbers, so that what is drawn from q moves with q alone

// ln w = ln p(x, z) − ln q(z) of draws of q, with both averages that Jensen's inequality is about, and why the error of the
// second cannot be told, where ln p(x) is `known`.
export function weighed(q, surface, known) {
  if (!noises.has(q.k)) noises.set(q.k, new Random(SEED).normals(DRAWS * q.k));
  const zeta = noises.get(q.k);
  const z = new Float64Array(q.k);
  const logW = Float64Array.from(
    { length: DRAWS },
    (_, n) => surface.at(q.at(zeta, z, n * q.k)) + logPrior(z) - q.logDensityAt(zeta, n * q.k),
  );
  const found = averages(logW);
  return { logW, ...found, withheld: distrust(logW, found, known) };
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
  return {
    mean: logs / n,
    logMean: peak + Math.log(sum / n),
    logMeanError: Math.sqrt((n / effective - 1) / (n - 1)),
    effective,
  };
}
