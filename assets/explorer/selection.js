// What a set of data points says as numbers and as a table. `costs.rate` are every point's, in nats.

import { klPerDim } from "./gaussian.js";

// Of the points `chosen` (indices): how many of each class, means in nats per image, and the mean rate of each dimension.
export function summary({ meta, arrays: { labels, mu, logvar, distortion } }, costs, chosen) {
  const k = meta.latent_dim;
  const byClass = meta.classes.map(() => 0);
  const ratePerDim = new Float64Array(k);
  for (const i of chosen) {
    byClass[labels[i]]++;
    for (let d = 0; d < k; d++) ratePerDim[d] += klPerDim(mu[i * k + d], logvar[i * k + d]);
  }
  for (let d = 0; d < k; d++) ratePerDim[d] /= chosen.length;
  return { byClass, ratePerDim, distortion: mean(chosen, distortion), rate: mean(chosen, costs.rate) };
}

const mean = (chosen, values) => chosen.reduce((sum, i) => sum + values[i], 0) / chosen.length;

// What points are sorted by, each so that more of it is worse, in nats.
export const MEASURES = {
  distortion: ({ arrays }, costs, i) => arrays.distortion[i],
  rate: (frame, costs, i) => costs.rate[i],
  "−elbo": ({ arrays }, costs, i) => arrays.distortion[i] + costs.rate[i],
};

// Those of them that the frame knows of every point.
export const measuresOf = ({ distortion, logvar }) =>
  Object.entries({ distortion, rate: logvar, "−elbo": distortion && logvar }).flatMap(([name, known]) => (known ? [name] : []));

// The points from the worst to the best, or the other way round, as Uint32Array; in their own order where there is no
// measure, and where it is one float32 for several. Value and place are sorted as one number of 64 bits, which needs no
// function to compare: hundreds of thousands of points take no longer than a frame or two.
export function sorted(frame, costs, chosen, measure, worstFirst) {
  if (!measure) return Uint32Array.from(chosen).sort();
  const { length } = chosen;
  const words = new Uint32Array(2 * length); // low and high word of each
  const values = new Float32Array(length);
  const bits = new Uint32Array(values.buffer);
  for (let n = 0; n < length; n++) {
    values[n] = MEASURES[measure](frame, costs, chosen[n]);
    const rising = bits[n] >>> 31 ? ~bits[n] : bits[n] | 0x80000000; // as the value does
    words[2 * n] = chosen[n];
    words[2 * n + 1] = worstFirst ? ~rising : rising;
  }
  new BigUint64Array(words.buffer).sort();
  return Uint32Array.from({ length }, (_, n) => words[2 * n]);
}

const ROWS = 100; // of a table between two interruptions

// A row for every point, with the columns that `python -m vae export` writes, but for those that the frame lacks; in parts.
export function* csv({ meta, arrays, given }, costs, chosen) {
  const k = meta.latent_dim;
  const dimensions = Array.from({ length: k }, (_, d) => d);
  const number = (v) => String(Number(v.toPrecision(9)));
  const columns = [
    ["index", (i) => arrays.index[i]],
    ["label", (i) => arrays.labels[i]],
    ["class", (i) => quoted(meta.classes[arrays.labels[i]])],
    ...dimensions.map((d) => [`mu_${d + 1}`, (i) => number(arrays.mu[i * k + d])]),
    ...(given.logvar ? dimensions.map((d) => [`logvar_${d + 1}`, (i) => number(arrays.logvar[i * k + d])]) : []),
    ...(given.distortion ? [["distortion", (i) => number(arrays.distortion[i])]] : []),
    ...(given.logvar ? [["rate", (i) => number(costs.rate[i])]] : []),
  ];
  const row = (cell) => `${columns.map(cell).join(",")}\n`;
  yield row(([name]) => name);
  for (let n = 0; n < chosen.length; n += ROWS) yield Array.from(chosen.subarray(n, n + ROWS), (i) => row(([, value]) => value(i))).join("");
}

// Spreadsheets take what begins with one of these signs for a formula.
function quoted(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
