// The least-cost path through a density on a grid (Dijkstra). A step costs its length divided by the density, so the
// path follows the ridges, and crosses a hole only if there is no way around.

/** @import { Point } from "../core/link-fields.js" */
/** @import { Extent } from "./density.js" */

const FLOOR = 1e-3; // least density, as a share of the peak: limits the detour around a hole
const SMOOTHINGS = 6;

/** To the eight neighbours and the eight knight's moves, for finer turns.
 * @type {[columns: number, rows: number][]}
 */
const MOVES = [];
for (let x = -2; x <= 2; x++)
  for (let y = -2; y <= 2; y++)
    if (Math.abs(x) + Math.abs(y) === 3 || Math.max(Math.abs(x), Math.abs(y)) === 1) MOVES.push([x, y]);

/**
 * The path from `start` to `end`; ends outside of the box are reached straight from its edge.
 * @param {Float32Array} grid the density row by row, size × size cells
 * @param {number} size
 * @param {Extent} box of the grid
 * @param {Point} start
 * @param {Point} end
 */
export function ridge(grid, size, [u0, u1, v0, v1], start, end) {
  const du = (u1 - u0) / size;
  const dv = (v1 - v0) / size;
  const cell = (/** @type {Point} */ [u, v]) => clamp((v - v0) / dv, size) * size + clamp((u - u0) / du, size);
  const [from, to] = [cell(start), cell(end)];
  const cells = from === to ? [] : cheapest(costs(grid), size, [du, dv], from, to);
  /**
   * @param {number} c
   * @returns {Point}
   */
  const middle = (c) => [u0 + ((c % size) + 0.5) * du, v0 + (Math.floor(c / size) + 0.5) * dv];
  return smooth([start, ...cells.slice(1, -1).map(middle), end]);
}

/** @param {Float32Array} grid */
function costs(grid) {
  const peak = grid.reduce((a, b) => Math.max(a, b), 0) || 1;
  return grid.map((q) => 1 / (q / peak + FLOOR));
}

/**
 * The cells of the least-cost path.
 * @param {Float32Array} cost
 * @param {number} size
 * @param {[du: number, dv: number]} step
 * @param {number} from
 * @param {number} to
 */
function cheapest(cost, size, [du, dv], from, to) {
  const total = new Float64Array(cost.length).fill(Infinity);
  const before = new Int32Array(cost.length).fill(-1);
  const queue = new Queue();
  total[from] = 0;
  queue.push(0, from);
  for (let next = queue.pop(); next; next = queue.pop()) {
    const [spent, here] = next;
    if (here === to) break;
    if (spent > total[here]) continue; // a cheaper path to this cell has been found since
    const [col, row] = [here % size, Math.floor(here / size)];
    for (const [x, y] of MOVES) {
      if (col + x < 0 || col + x >= size || row + y < 0 || row + y >= size) continue;
      const there = here + y * size + x;
      const sum = spent + Math.hypot(x * du, y * dv) * ((cost[here] + cost[there]) / 2);
      if (sum >= total[there]) continue;
      total[there] = sum;
      before[there] = here;
      queue.push(sum, there);
    }
  }
  const cells = [to];
  while (cells[0] !== from) cells.unshift(before[cells[0]]);
  return cells;
}

/**
 * Smooths the steps between cells out of a line; its ends stay.
 * @param {Point[]} line
 */
function smooth(line) {
  let smoothed = line;
  for (let n = 0; n < SMOOTHINGS; n++) {
    const before = smoothed;
    smoothed = before.map((point, i) =>
      before[i - 1] && before[i + 1] ? between(before[i - 1], point, before[i + 1]) : point,
    );
  }
  return smoothed;
}

/**
 * @param {Point} before
 * @param {Point} point
 * @param {Point} after
 * @returns {Point}
 */
const between = (before, point, after) => [
  point[0] / 2 + (before[0] + after[0]) / 4,
  point[1] / 2 + (before[1] + after[1]) / 4,
];

/**
 * @param {number} x
 * @param {number} size
 */
const clamp = (x, size) => Math.max(0, Math.min(size - 1, Math.floor(x)));

/** A binary heap: the least key first. */
class Queue {
  constructor() {
    /** @type {[key: number, value: number][]} */
    this.items = [];
  }

  /**
   * @param {number} key
   * @param {number} value
   */
  push(key, value) {
    const { items } = this;
    let i = items.push([key, value]) - 1;
    for (let up = (i - 1) >> 1; i > 0 && items[up][0] > key; i = up, up = (i - 1) >> 1) items[i] = items[up];
    items[i] = [key, value];
  }

  pop() {
    const { items } = this;
    const least = items[0];
    const last = items.pop();
    if (!last || !items.length) return least;
    let i = 0;
    for (let down = 1; down < items.length; i = down, down = 2 * i + 1) {
      if (items[down + 1]?.[0] < items[down][0]) down++;
      if (items[down][0] >= last[0]) break;
      items[i] = items[down];
    }
    items[i] = last;
    return least;
  }
}
