// Lines of equal value through the middles of a grid's cells (marching squares), in the grid's own coordinates.

import { middle } from "./elbo-surface.js";

// Segments [x0, y0, x1, y1, …] at `level`.
export function contour(grid, level) {
  const { cells, values } = grid;
  const [xs, ys] = [0, 1].map((d) => Float64Array.from({ length: cells }, (_, i) => middle(grid, d, i)));
  const found = [];
  for (let row = 0; row + 1 < cells; row++)
    for (let col = 0; col + 1 < cells; col++) {
      const i = row * cells + col;
      const [a, b, c, d] = [values[i], values[i + 1], values[i + cells + 1], values[i + cells]];
      const kind = (a > level) | ((b > level) << 1) | ((c > level) << 2) | ((d > level) << 3);
      if (kind === 0 || kind === 15) continue;
      const [x0, x1, y0, y1] = [xs[col], xs[col + 1], ys[row], ys[row + 1]];
      const cut = (from, to, low, high) => low + ((level - from) / (to - from)) * (high - low);
      const bottom = () => [cut(a, b, x0, x1), y0];
      const right = () => [x1, cut(b, c, y0, y1)];
      const top = () => [cut(d, c, x0, x1), y1];
      const left = () => [x0, cut(a, d, y0, y1)];
      const saddle = kind === 5 || kind === 10;
      const joined = saddle && (a + b + c + d) / 4 > level === (kind === 5); // the high corners of a saddle are one region
      if (saddle) push(found, ...(joined ? [left(), top(), bottom(), right()] : [left(), bottom(), top(), right()]));
      else push(found, ...PAIRS[Math.min(kind, 15 - kind)].map((side) => ({ bottom, right, top, left })[side]()));
    }
  return Float64Array.from(found);
}

// Which sides of a cell the line crosses, by the corners above the level (lower left 1, lower right 2, upper right 4).
const PAIRS = {
  1: ["left", "bottom"], 2: ["bottom", "right"], 3: ["left", "right"], 4: ["top", "right"], 6: ["bottom", "top"], 7: ["left", "top"],
};

const push = (list, ...points) => points.forEach(([x, y]) => list.push(x, y));
