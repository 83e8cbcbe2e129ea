// What a set of data points says as numbers and as a table. `costs.rate` are every point's, in nats.

import { klPerDim } from "./gaussian.js";

// Of the points `chosen` (indices): how many of each class, means in nats per image, and the mean rate of each dimension.
export function summary({ meta, arrays: { labels, mu, logvar, distortion } }, costs, chosen) {
  const k = meta.latent_dim;
  const byClass = meta.classes.map(() => 0);
  const ratePerDim = new Float64Array(k);
  for (const i of chosen) {
    byClass[labels[i]]++;
    for (let d = 0; d < k; d++) ratePerDim[d] += klPerDim(mu[i * k + d], logvar[i * k + d]) / chosen.length;
  }
  return { byClass, ratePerDim, distortion: mean(chosen, distortion), rate: mean(chosen, costs.rate) };
}

const mean = (chosen, values) => chosen.reduce((sum, i) => sum + values[i], 0) / chosen.length;

// What points are sorted by, each so that more of it is worse, in nats.
export const MEASURES = {
  distortion: ({ arrays }, costs, i) => arrays.distortion[i],
  rate: (frame, costs, i) => costs.rate[i],
  "−elbo": ({ arrays }, costs, i) => arrays.distortion[i] + costs.rate[i],
};

// The points from the worst to the best, or the other way round.
export function sorted(frame, costs, chosen, measure, worstFirst) {
  const values = new Map(chosen.map((i) => [i, MEASURES[measure](frame, costs, i)]));
  return [...chosen].sort((a, b) => (worstFirst ? values.get(b) - values.get(a) : values.get(a) - values.get(b)) || a - b);
}

// A row for every point, with the columns that `python -m vae export` writes.
export function csv({ meta, arrays }, costs, chosen) {
  const k = meta.latent_dim;
  const dimensions = Array.from({ length: k }, (_, d) => d);
  const header = ["index", "label", "class", ...dimensions.map((d) => `mu_${d + 1}`), ...dimensions.map((d) => `logvar_${d + 1}`), "distortion", "rate"];
  const number = (v) => String(Number(v.toPrecision(9)));
  const rows = chosen.map((i) => [
    arrays.index[i],
    arrays.labels[i],
    quoted(meta.classes[arrays.labels[i]]),
    ...dimensions.map((d) => number(arrays.mu[i * k + d])),
    ...dimensions.map((d) => number(arrays.logvar[i * k + d])),
    number(arrays.distortion[i]),
    number(costs.rate[i]),
  ]);
  return [header, ...rows].map((row) => `${row.join(",")}\n`).join("");
}

// Spreadsheets take what begins with one of these signs for a formula.
function quoted(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
