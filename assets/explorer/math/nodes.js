// Integration nodes on an even grid for N(0, I), the counterpart of `nodes` in vae/inference/full_gaussian.py.

/**
 * `count` points zeta (count, k) with weights that sum to 1.
 * @typedef {{ count: number, zeta: Float64Array, weights: Float64Array }} Nodes
 */

export const REACH = 6; // standard deviations

/** @type {Map<string, Nodes>} */
const grids = new Map();

/**
 * The nodes in k dimensions, 1 or 2; each grid is made once.
 * @param {number} k
 * @param {number} perAxis
 */
export function nodes(k, perAxis) {
  const key = `${k} ${perAxis}`;
  const known = grids.get(key) ?? made(k, perAxis);
  grids.set(key, known);
  return known;
}

/**
 * @param {number} k
 * @param {number} perAxis
 * @returns {Nodes}
 */
function made(k, perAxis) {
  const axis = Array.from({ length: perAxis }, (_, i) => ((i + 0.5) * 2 * REACH) / perAxis - REACH);
  const all = k === 1 ? axis.map((a) => [a]) : axis.flatMap((a) => axis.map((b) => [a, b]));
  const inside = all.filter((zeta) => squared(zeta) <= REACH * REACH);
  const weights = Float64Array.from(inside, (zeta) => Math.exp(-0.5 * squared(zeta)));
  const total = weights.reduce((a, b) => a + b);
  return {
    count: inside.length,
    zeta: Float64Array.from(inside.flat()),
    weights: weights.map((weight) => weight / total),
  };
}

/** @param {number[]} zeta */
const squared = (zeta) => zeta.reduce((sum, v) => sum + v * v, 0);
