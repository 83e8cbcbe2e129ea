// The numbers of a fit: divergence, q, gradients, and the spread of the single gradients.

/** @import { Fact } from "./controls.js" */
/** @import { Estimate } from "./fit.js" */
/** @import { Gaussian } from "./gaussian.js" */

import { short } from "../core/format.js";
import { inUnits } from "./controls.js";

/**
 * @param {Gaussian} q
 * @param {Estimate} found
 * @param {number} steps taken so far
 * @param {number} draws per gradient
 * @param {number} half half the width of the picture, in units of z
 * @returns {Fact[]}
 */
export function fitFacts(q, found, steps, draws, half) {
  /** @param {Float64Array} gradient */
  const slopes = (gradient) => inUnits(gradient.subarray(0, q.k), 1);
  const sigma = q.full ? [q.tril[0], q.tril[2], q.tril[3]] : Array.from(q.mu, (_, i) => q.scale(i));
  /**
   * The standard error of the mean of n gradients of mu, as text.
   * @param {number} n
   */
  const error = (n) => {
    if (!found.singles) return "none";
    return draws < 2 ? "needs n ≥ 2" : `± ${short(spread(found.singles, q) / Math.sqrt(n))}`;
  };
  return [
    ["KL(q ‖ p)", `<b>${found.divergence.toFixed(3)}</b> nats`],
    ["steps", String(steps)],
    ["μ", inUnits(q.mu, half)],
    [q.full ? "L₁₁, L₂₁, L₂₂" : "σ", inUnits(sigma, half)],
    ["exact ∂ μ", `<span class="gr-exact">${slopes(found.exact)}</span>`],
    ["estimated ∂ μ", slopes(found.gradient)],
    ["spread of one", error(1), "standard deviation of a single gradient of μ, as the length of a vector"],
    ["standard error", error(draws), "of the mean of n gradients of μ"],
  ];
}

/**
 * Standard deviation of the single gradients of mu, as the length of a vector.
 * @param {Float64Array} rows
 * @param {Gaussian} q
 */
function spread(rows, q) {
  const count = rows.length / q.size;
  let sum = 0;
  for (let i = 0; i < q.k; i++) {
    let [first, second] = [0, 0];
    for (let s = i; s < rows.length; s += q.size) [first, second] = [first + rows[s], second + rows[s] ** 2];
    sum += second / count - (first / count) ** 2;
  }
  return Math.sqrt((Math.max(0, sum) * count) / (count - 1));
}
