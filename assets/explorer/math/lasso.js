// Which points lie within a shape drawn on the map: a box, or a closed line.

import { shownClasses } from "./grid-index.js";

/** @import { GridIndex } from "./grid-index.js" */
/** @import { Point, Shape } from "../core/link-fields.js" */

/** A side of a shape. @typedef {[ua: number, va: number, ub: number, vb: number]} Edge */

/**
 * The corners of a box, from two opposite ones.
 * @param {Point} from
 * @param {Point} to
 * @returns {Shape}
 */
export const box = ([u0, v0], [u1, v1]) => [
  [u0, v0],
  [u1, v0],
  [u1, v1],
  [u0, v1],
];

/**
 * The points of the index within a shape and of the classes shown, in rising order. If the line crosses itself, an area
 * that it encloses twice is outside (even-odd rule). Points are tested one by one only in the cells that the line
 * passes: any other cell is inside or outside as a whole.
 * @param {Shape} shape
 * @param {GridIndex} index
 */
export function within(shape, index, shown = shownClasses()) {
  const inside = new Uint8Array(index.order.length);
  const take = (/** @type {number} */ from, /** @type {number} */ to) => {
    for (let place = from; place < to; place++) inside[index.order[place]] = shown[index.labels[place]];
  };
  edgesByRow(shape, index).forEach((edges, row) => {
    if (!edges.length) return;
    const passed = passedCells(edges, row, index);
    /** @type {boolean | null} whether the cells since the line last passed are inside; null: not known */
    let whole = null;
    for (let column = 0; column < index.side; column++) {
      const [from, to] = [index.starts[row * index.side + column], index.starts[row * index.side + column + 1]];
      if (passed[column]) {
        whole = null;
        for (let place = from; place < to; place++)
          if (surrounds(edges, index.us[place], index.vs[place])) take(place, place + 1);
      } else if (from < to) {
        whole ??= surrounds(edges, index.us[from], index.vs[from]);
        if (whole) take(from, to);
      }
    }
  });
  return listed(inside);
}

/**
 * Row of the grid → the edges that reach into it: no other edge is level with a point of the row.
 * @param {Shape} shape
 * @param {GridIndex} index
 */
function edgesByRow(shape, index) {
  const rows = Array.from({ length: index.side }, () => /** @type {Edge[]} */ ([]));
  shape.forEach(([ub, vb], i) => {
    const [ua, va] = shape[i > 0 ? i - 1 : shape.length - 1];
    const last = index.row(Math.max(va, vb));
    for (let row = index.row(Math.min(va, vb)); row <= last; row++) rows[row].push([ua, va, ub, vb]);
  });
  return rows;
}

/**
 * Column → 1 if the line passes the row's cell there, or might: rounding errors have a margin of one cell to each side.
 * Cells of the border always count, because they hold the points beyond them too.
 * @param {Edge[]} edges
 * @param {number} row
 * @param {GridIndex} index
 */
function passedCells(edges, row, index) {
  const { side, v0, dv } = index;
  const border = row === 0 || row === side - 1;
  const passed = new Uint8Array(side).fill(border ? 1 : 0);
  passed[0] = 1;
  passed[side - 1] = 1;
  if (border) return passed;
  const [bottom, top] = [v0 + (row - 1) * dv, v0 + (row + 2) * dv];
  for (const [ua, va, ub, vb] of edges) {
    const at = (/** @type {number} */ v) => ua + Math.max(0, Math.min(1, (v - va) / (vb - va))) * (ub - ua);
    const ends = va === vb ? [ua, ub] : [at(bottom), at(top)];
    passed.fill(1, Math.max(0, index.column(Math.min(...ends)) - 1), index.column(Math.max(...ends)) + 2);
  }
  return passed;
}

/**
 * @param {Edge[]} edges
 * @param {number} u
 * @param {number} v
 */
function surrounds(edges, u, v) {
  let inside = false;
  for (const [ua, va, ub, vb] of edges)
    if (vb > v !== va > v && u < ub + ((v - vb) / (va - vb)) * (ua - ub)) inside = !inside;
  return inside;
}

/**
 * The indices of the ones.
 * @param {Uint8Array} inside
 */
function listed(inside) {
  let total = 0;
  for (let i = 0; i < inside.length; i++) total += inside[i];
  const found = new Uint32Array(total);
  for (let i = 0, n = 0; n < total; i++) if (inside[i]) found[n++] = i;
  return found;
}
