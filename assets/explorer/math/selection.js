// Summary numbers of a set of data points, and a table of them. Costs are in nats.

import { klPerDim } from "./gaussian.js";

/** @import { FrameArrays, FrameMeta, Given } from "../data/frame.js" */
/** @import { Costs } from "./gaussian.js" */

/** What is read of a frame. @typedef {{ meta: FrameMeta, arrays: FrameArrays }} SelectionFrame */

/** @typedef {"distortion" | "rate" | "−elbo"} Measure */

/** Points with their sort keys. @typedef {{ keys: Uint32Array, points: Uint32Array }} Order */

const PIECE = 20_000; // numbers read between two interruptions

/**
 * The number of points of each class, means per image, and the mean rate of each dimension. A generator, because a
 * million points in many dimensions take a second.
 * @param {SelectionFrame} frame
 * @param {Costs} costs
 * @param {ArrayLike<number>} chosen indices of the points
 */
export function* summary({ meta, arrays: { labels, mu, logvar, distortion } }, costs, chosen) {
  const { latent_dim: k, classes } = meta;
  const byClass = classes.map(() => 0);
  const ratePerDim = new Float64Array(k);
  const sums = { distortion: 0, rate: 0 };
  const piece = Math.ceil(PIECE / k);
  for (let from = 0; from < chosen.length; from += piece) {
    const end = Math.min(chosen.length, from + piece);
    for (let n = from; n < end; n++) {
      const i = chosen[n];
      byClass[labels[i]]++;
      sums.distortion += distortion[i];
      sums.rate += costs.rate[i];
      for (let d = 0; d < k; d++) ratePerDim[d] += klPerDim(mu[i * k + d], logvar[i * k + d]);
    }
    yield;
  }
  const mean = (/** @type {number} */ sum) => sum / chosen.length;
  return { byClass, ratePerDim: ratePerDim.map(mean), distortion: mean(sums.distortion), rate: mean(sums.rate) };
}

/**
 * What points are sorted by: the more, the worse.
 * @type {Record<Measure, (frame: SelectionFrame, costs: Costs, i: number) => number>}
 */
export const MEASURES = {
  distortion: ({ arrays }, _costs, i) => arrays.distortion[i],
  rate: (_frame, costs, i) => costs.rate[i],
  "−elbo": ({ arrays }, costs, i) => arrays.distortion[i] + costs.rate[i],
};

/**
 * The measures that the frame has for every point.
 * @param {Given} given
 */
export function measuresOf({ distortion, logvar }) {
  const known = { distortion, rate: logvar, "−elbo": distortion && logvar };
  return /** @type {Measure[]} */ (Object.keys(known)).filter((name) => known[name]);
}

/**
 * The points sorted from the worst to the best or the other way round; unchanged without a measure. Points with the
 * same float32 value keep their order. A generator: it sorts by the lower and then by the upper 16 bits of the values
 * (radix sort), which can be interrupted.
 * @param {SelectionFrame} frame
 * @param {Costs} costs
 * @param {Uint32Array} chosen indices of the points
 * @param {Measure | null | undefined} measure
 * @param {boolean} worstFirst
 */
export function* sorted(frame, costs, chosen, measure, worstFirst) {
  if (!measure) return Uint32Array.from(chosen);
  const { length } = chosen;
  const values = new Float32Array(length);
  const keys = new Uint32Array(values.buffer);
  for (let n = 0; n < length; n++) {
    values[n] = MEASURES[measure](frame, costs, chosen[n]);
    const rising = keys[n] >>> 31 ? ~keys[n] : keys[n] | 0x80000000; // rises with the value
    keys[n] = worstFirst ? ~rising : rising;
    if (n % PIECE === PIECE - 1) yield;
  }
  /** @type {Order} */
  let order = { keys, points: chosen };
  for (const shift of [0, 16]) order = yield* distributed(order, shift);
  return order.points;
}

/**
 * Sorts by 16 bits of the keys; those with the same bits keep their order.
 * @param {Order} from
 * @param {number} shift of the bits
 */
function* distributed(from, shift) {
  const { length } = from.keys;
  const to = { keys: new Uint32Array(length), points: new Uint32Array(length) };
  const next = new Uint32Array((1 << 16) + 1);
  for (let n = 0; n < length; n++) next[((from.keys[n] >>> shift) & 0xffff) + 1]++;
  for (let bits = 1; bits < next.length; bits++) next[bits] += next[bits - 1];
  yield;
  for (let n = 0; n < length; n++) {
    const place = next[(from.keys[n] >>> shift) & 0xffff]++;
    to.keys[place] = from.keys[n];
    to.points[place] = from.points[n];
    if (n % PIECE === PIECE - 1) yield;
  }
  return to;
}

export const ROWS = 100; // rows of a table between two interruptions

/**
 * A table as text, in parts: a row for every point, with the columns that `python -m vae export` writes, without those
 * that the frame lacks.
 * @param {SelectionFrame & { given: Given }} frame
 * @param {Costs} costs
 * @param {Uint32Array} chosen indices of the points
 */
export function* csv({ meta, arrays, given }, costs, chosen) {
  const k = meta.latent_dim;
  const classes = (meta.given_classes ?? meta.classes).map(quoted);
  const label = meta.values?.length ? meta.values : classes.map((_, c) => c); // as in the file of the latents
  /** @typedef {[name: string, value: (i: number) => string | number]} Column */
  const number = (/** @type {number} */ v) => String(Number(v.toPrecision(9)));
  /**
   * @param {string} name
   * @param {Float32Array} array (N, k)
   */
  const each = (name, array) =>
    Array.from(
      { length: k },
      (_, d) => /** @type {Column} */ ([`${name}_${d + 1}`, (/** @type {number} */ i) => number(array[i * k + d])]),
    );
  /** @type {Column[]} */
  const columns = [
    ["index", (i) => arrays.index[i]],
    ["label", (i) => label[arrays.labels[i]] ?? ""],
    ["class", (i) => classes[arrays.labels[i]]],
    ...each("mu", arrays.mu),
    ...(given.logvar ? each("logvar", arrays.logvar) : []),
  ];
  if (given.distortion) columns.push(["distortion", (i) => number(arrays.distortion[i])]);
  if (given.logvar) columns.push(["rate", (i) => number(costs.rate[i])]);
  yield `${columns.map(([name]) => name).join(",")}\n`;
  for (let from = 0; from < chosen.length; from += ROWS) {
    let text = "";
    for (const i of chosen.subarray(from, from + ROWS)) text += `${columns.map(([, value]) => value(i)).join(",")}\n`;
    yield text;
  }
}

const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/; // how a formula begins in a spreadsheet
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Text that a spreadsheet does not run as a formula: with a leading quote if it would. vae/data/table.py writes the
 * same, and removes the quote when it reads.
 * @param {string} text
 */
export function guarded(text) {
  const bare = text.replace(/^'+/, "");
  return FORMULA.test(bare) && (bare !== text || !NUMBER.test(text)) ? `'${text}` : text;
}

/**
 * A cell of a CSV file.
 * @param {string} text
 */
function quoted(text) {
  const safe = guarded(text);
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
