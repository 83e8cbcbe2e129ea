// The server's table of the gaps of all held-out images, and what is read from it.

import { whole } from "../core/format.js";

/** @import { Frame } from "../data/frame.js" */
/** @import { Examples } from "./strip.js" */

/**
 * Columns of the table, one number for each test image that the server has computed. Gaps and parts are in nats.
 * @typedef {object} Columns
 * @property {Int32Array} index row of the explorer's frame
 * @property {Float32Array} gap
 * @property {Float32Array} gap_error standard error of a sampled gap; NaN where it is unknown
 * @property {Float32Array} rate
 * @property {Float32Array} distortion
 * @property {Float32Array} approximation NaN where q has not been optimised
 * @property {Float32Array} amortisation NaN where q has not been optimised
 * @property {Int32Array} modes number of the posterior's modes
 */

/** @typedef {{ exact: boolean, how: string }} TableMeta `how`: how the gaps were computed, in words */

/** @typedef {Frame<TableMeta, Columns>} Table the server's table of gaps */

/**
 * Rows and gaps of all images of the table.
 * @param {Table} table
 */
export function gapsOf({ arrays: { index, gap } }) {
  return new Map(Array.from(index, (row, i) => [row, gap[i]]));
}

/**
 * The row of the image whose gap is the median.
 * @param {Table} table
 */
export function ordinary({ arrays: { index, gap } }) {
  const order = Array.from(gap.keys()).sort((a, b) => gap[a] - gap[b]);
  return index[order[order.length >> 1]];
}

/**
 * Rows of the images with the largest gaps, and of those with two modes, the largest gap first.
 * @param {Table} table
 * @param {number} count of each group
 * @returns {Examples}
 */
export function examples({ arrays: { index, gap, modes } }, count) {
  /** @param {number[]} rows */
  const order = (rows) =>
    rows
      .sort((a, b) => gap[b] - gap[a])
      .slice(0, count)
      .map((i) => index[i]);
  const all = Array.from(gap.keys());
  return { worst: order([...all]), split: order(all.filter((i) => modes[i] > 1)) };
}

/**
 * Of sampled gaps, as HTML: the median of their standard errors, and how many have none.
 * @param {Columns} table
 */
export function errorsText(table) {
  const known = Float64Array.from(table.gap_error.filter(Number.isFinite)).sort();
  const unknown = table.gap_error.length - known.length;
  if (!known.length) return "; no error of them is known";
  const without = unknown ? `; ${whole(unknown)} of them without one, where the sampling of ln p(x) gave no error` : "";
  return `; its standard error has median ${known[known.length >> 1].toFixed(2)} nats${without}`;
}

/**
 * The means of both gaps over the images whose q was optimised, as HTML.
 * @param {Columns} table
 */
export function gapsApart({ approximation, amortisation }) {
  const fitted = Array.from(approximation.keys()).filter((i) => Number.isFinite(approximation[i]));
  if (!fitted.length) return "";
  /** @param {Float32Array} values */
  const mean = (values) => fitted.reduce((sum, i) => sum + values[i], 0) / fitted.length;
  return `<br>of ${whole(fitted.length)} of them, on average: approximation <b>${mean(approximation).toFixed(2)}</b>, amortisation <b>${mean(amortisation).toFixed(2)}</b>`;
}
