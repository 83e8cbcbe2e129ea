// What a set of data points says as numbers and as a table. `costs.rate` are every point's, in nats.

import { klPerDim } from "./gaussian.js";

const PIECE = 20_000; // numbers looked at between two interruptions

// Of the points `chosen` (indices): how many of each class, means in nats per image, and the mean rate of each dimension.
// A generator, for of a million points in many dimensions that takes a second.
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
  const mean = (sum) => sum / chosen.length;
  return { byClass, ratePerDim: ratePerDim.map(mean), distortion: mean(sums.distortion), rate: mean(sums.rate) };
}

// What points are sorted by, each so that more of it is worse, in nats.
export const MEASURES = {
  distortion: ({ arrays }, costs, i) => arrays.distortion[i],
  rate: (frame, costs, i) => costs.rate[i],
  "−elbo": ({ arrays }, costs, i) => arrays.distortion[i] + costs.rate[i],
};

// Those of them that the frame knows of every point.
export const measuresOf = ({ distortion, logvar }) =>
  Object.entries({ distortion, rate: logvar, "−elbo": distortion && logvar }).flatMap(([name, known]) =>
    known ? [name] : [],
  );

// The points `chosen`, in their own order, from the worst to the best or the other way round; as they are where there is no
// measure, and where it is one float32 for several. A generator: it sorts the bits of the values by their lower half and
// then by their upper one, which compares nothing and can be interrupted.
export function* sorted(frame, costs, chosen, measure, worstFirst) {
  if (!measure) return Uint32Array.from(chosen);
  const { length } = chosen;
  const values = new Float32Array(length);
  const keys = new Uint32Array(values.buffer);
  for (let n = 0; n < length; n++) {
    values[n] = MEASURES[measure](frame, costs, chosen[n]);
    const rising = keys[n] >>> 31 ? ~keys[n] : keys[n] | 0x80000000; // as the value does
    keys[n] = worstFirst ? ~rising : rising;
    if (n % PIECE === PIECE - 1) yield;
  }
  let order = { keys, points: chosen };
  for (const shift of [0, 16]) order = yield* distributed(order, shift);
  return order.points;
}

// Keys with their points in the order of 16 bits of the keys; those with the same bits stay as they stood.
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

export const ROWS = 100; // of a table between two interruptions

// A row for every point, with the columns that `python -m vae export` writes, but for those that the frame lacks; in parts.
export function* csv({ meta, arrays, given }, costs, chosen) {
  const k = meta.latent_dim;
  const classes = (meta.given_classes ?? meta.classes).map(quoted);
  const label = meta.values?.length ? meta.values : classes.map((_, c) => c); // as they were given
  const number = (v) => String(Number(v.toPrecision(9)));
  const each = (name, array) =>
    Array.from({ length: k }, (_, d) => [`${name}_${d + 1}`, (i) => number(array[i * k + d])]);
  const columns = [
    ["index", (i) => arrays.index[i]],
    ["label", (i) => label[arrays.labels[i]] ?? ""],
    ["class", (i) => classes[arrays.labels[i]]],
    ...each("mu", arrays.mu),
    ...(given.logvar ? each("logvar", arrays.logvar) : []),
    ...(given.distortion ? [["distortion", (i) => number(arrays.distortion[i])]] : []),
    ...(given.logvar ? [["rate", (i) => number(costs.rate[i])]] : []),
  ];
  yield `${columns.map(([name]) => name).join(",")}\n`;
  for (let from = 0; from < chosen.length; from += ROWS) {
    let text = "";
    for (const i of chosen.subarray(from, from + ROWS)) text += `${columns.map(([, value]) => value(i)).join(",")}\n`;
    yield text;
  }
}

const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/; // how a formula begins for a spreadsheet
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

// Text of which a spreadsheet runs nothing, behind a quote where it would; vae/data/table.py writes the same, and takes the quote
// away when it reads.
export function guarded(text) {
  const bare = text.replace(/^'+/, "");
  return FORMULA.test(bare) && (bare !== text || !NUMBER.test(text)) ? `'${text}` : text;
}

function quoted(text) {
  const safe = guarded(text);
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
