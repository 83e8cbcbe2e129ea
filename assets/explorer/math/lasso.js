// Which points lie within a shape drawn on the map: a box, or a line that closes itself.

import { shownClasses } from "./grid-index.js";

// The corners of a box over two of its points.
export const box = ([u0, v0], [u1, v1]) => [
  [u0, v0],
  [u1, v0],
  [u1, v1],
  [u0, v1],
];

// The points of a grid `index` within `shape`, a list of [u, v] corners, and of the classes shown: in order, as Uint32Array.
// Where its line crosses itself, what it goes round twice is outside (even-odd). Only where the line passes are points
// looked at one by one: the cells between lie within as a whole, or outside.
export function within(shape, index, shown = shownClasses()) {
  const inside = new Uint8Array(index.order.length);
  const take = (from, to) => {
    for (let place = from; place < to; place++) inside[index.order[place]] = shown[index.labels[place]];
  };
  edgesByRow(shape, index).forEach((edges, row) => {
    if (!edges.length) return;
    const passed = passedCells(edges, row, index);
    let whole = null; // what the cells have in common since the line last passed
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

// Row of the grid → the edges that reach into it, each [ua, va, ub, vb]: no other edge is level with a point of the row.
function edgesByRow(shape, index) {
  const rows = Array.from({ length: index.side }, () => []);
  shape.forEach(([ub, vb], i) => {
    const [ua, va] = shape.at(i - 1);
    const last = index.row(Math.max(va, vb));
    for (let row = index.row(Math.min(va, vb)); row <= last; row++) rows[row].push([ua, va, ub, vb]);
  });
  return rows;
}

// Column → whether the line passes the row's cell there, or might: rounding has a cell's room to each side. Cells of the
// border hold what lies beyond them too.
function passedCells(edges, row, index) {
  const { side, v0, dv } = index;
  const border = row === 0 || row === side - 1;
  const passed = new Uint8Array(side).fill(border ? 1 : 0);
  passed[0] = passed[side - 1] = 1;
  if (border) return passed;
  const [bottom, top] = [v0 + (row - 1) * dv, v0 + (row + 2) * dv];
  for (const [ua, va, ub, vb] of edges) {
    const at = (v) => ua + Math.max(0, Math.min(1, (v - va) / (vb - va))) * (ub - ua);
    const ends = va === vb ? [ua, ub] : [at(bottom), at(top)];
    passed.fill(1, Math.max(0, index.column(Math.min(...ends)) - 1), index.column(Math.max(...ends)) + 2);
  }
  return passed;
}

function surrounds(edges, u, v) {
  let inside = false;
  for (const [ua, va, ub, vb] of edges)
    if (vb > v !== va > v && u < ub + ((v - vb) / (va - vb)) * (ua - ub)) inside = !inside;
  return inside;
}

function listed(inside) {
  let total = 0;
  for (let i = 0; i < inside.length; i++) total += inside[i];
  const found = new Uint32Array(total);
  for (let i = 0, n = 0; n < total; i++) if (inside[i]) found[n++] = i;
  return found;
}
