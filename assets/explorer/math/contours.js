// Lines of equal value through a grid of numbers (marching squares).

/** @import { Floats } from "./projection.js" */

/** @typedef {"left" | "right" | "top" | "bottom"} Side */

/**
 * Line segments [x0, y0, x1, y1, …] at `level`, in columns and rows of the grid.
 * @param {Floats} values row by row
 * @param {number} columns
 * @param {number} level
 */
export function contour(values, columns, level) {
  const rows = values.length / columns;
  /** @type {number[]} */
  const found = [];
  for (let row = 0; row + 1 < rows; row++)
    for (let col = 0; col + 1 < columns; col++) {
      const i = row * columns + col;
      const a = values[i];
      const b = values[i + 1];
      const c = values[i + columns + 1];
      const d = values[i + columns];
      const kind = Number(a > level) | (Number(b > level) << 1) | (Number(c > level) << 2) | (Number(d > level) << 3);
      if (kind === 0 || kind === 15) continue;
      const cut = (/** @type {number} */ from, /** @type {number} */ to) => (level - from) / (to - from);
      /** @type {Record<Side, () => [number, number]>} */
      const sides = {
        bottom: () => [col + cut(a, b), row],
        right: () => [col + 1, row + cut(b, c)],
        top: () => [col + cut(d, c), row + 1],
        left: () => [col, row + cut(a, d)],
      };
      const saddle = kind === 5 || kind === 10;
      const joined = (a + b + c + d) / 4 > level === (kind === 5); // the high corners of a saddle are one region
      const crossed = saddle ? (joined ? JOINED : PARTED) : PAIRS[Math.min(kind, 15 - kind)];
      for (const side of crossed) found.push(...sides[side]());
    }
  return Float64Array.from(found);
}

/**
 * Which sides of a cell the line crosses, by the corners above the level (lower left 1, lower right 2, upper right 4).
 * @type {Record<number, Side[]>}
 */
const PAIRS = {
  1: ["left", "bottom"],
  2: ["bottom", "right"],
  3: ["left", "right"],
  4: ["top", "right"],
  6: ["bottom", "top"],
  7: ["left", "top"],
};

/** The two lines through a saddle whose high corners are one region. @type {Side[]} */
const JOINED = ["left", "top", "bottom", "right"];

/** The two lines through a saddle whose low corners are one region. @type {Side[]} */
const PARTED = ["left", "bottom", "top", "right"];
