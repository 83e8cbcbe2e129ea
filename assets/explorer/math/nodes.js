// Points of an even grid under N(0, I), the twin of vae.full_gaussian.nodes; each grid is made once.

export const REACH = 6; // standard deviations

const grids = new Map();

// `count` points in k dimensions, 1 or 2: zeta (count · k), and weights that sum to 1.
export function nodes(k, perAxis) {
  const key = `${k} ${perAxis}`;
  if (!grids.has(key)) grids.set(key, made(k, perAxis));
  return grids.get(key);
}

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

const squared = (zeta) => zeta.reduce((sum, v) => sum + v * v, 0);
