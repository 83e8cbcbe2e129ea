// An index of the map's points: sorted into the cells of a grid, row by row, to find the points near a position or in
// the viewport without a search through all of them. Coordinates are stored in the same order, so that points that are
// drawn together are close in memory.

/** @import { Range } from "../plot/chart.js" */
/** @import { Floats } from "./projection.js" */

/** The best point so far, with the square of its distance. @typedef {{ best: number, least: number }} Candidate */

const PER_CELL = 4; // points, on average
const SIDE = 512; // cells, at most
const SAMPLE = 2000; // points that the grid's ends are read off
const REST = 0.002; // share of the points beyond either end: outliers are in the cells of the border, however far away
const CLASSES = 256; // labels are bytes here

/**
 * 1 for every class that is shown, 0 for the hidden ones.
 * @param {number[]} hidden
 */
export function shownClasses(hidden = []) {
  const shown = new Uint8Array(CLASSES).fill(1);
  for (const c of hidden) shown[c] = 0;
  return shown;
}

export class GridIndex {
  /**
   * @param {Floats} us
   * @param {Floats} vs
   * @param {ArrayLike<number>} labels without labels, all points are of one class
   */
  constructor(us, vs, labels = new Uint8Array(us.length)) {
    const n = us.length;
    this.side = Math.max(1, Math.min(SIDE, Math.round(Math.sqrt(n / PER_CELL))));
    const [u0, du] = this.ends(us);
    const [v0, dv] = this.ends(vs);
    this.u0 = u0;
    this.du = du;
    this.v0 = v0;
    this.dv = dv;
    const cells = new Uint32Array(n);
    this.starts = new Uint32Array(this.side * this.side + 1);
    for (let i = 0; i < n; i++) {
      cells[i] = this.row(vs[i]) * this.side + this.column(us[i]);
      this.starts[cells[i] + 1]++;
    }
    for (let c = 0; c < this.side * this.side; c++) this.starts[c + 1] += this.starts[c];
    const next = this.starts.slice();
    this.order = new Uint32Array(n); // position in the grid's order → point
    this.us = new Float32Array(n);
    this.vs = new Float32Array(n);
    this.labels = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
      const place = next[cells[i]]++;
      this.order[place] = i;
      this.us[place] = us[i];
      this.vs[place] = vs[i];
      this.labels[place] = labels[i];
    }
  }

  /**
   * Where the grid begins along an axis, and the width of a cell.
   * @param {Floats} values
   * @returns {[start: number, width: number]}
   */
  ends(values) {
    const stride = Math.max(1, Math.floor(values.length / SAMPLE));
    const sample = Float32Array.from(
      { length: Math.ceil(values.length / stride) },
      (_, i) => values[i * stride],
    ).sort();
    const last = sample.length - 1;
    const [low, high] = [sample[Math.floor(REST * last)] ?? 0, sample[Math.ceil((1 - REST) * last)] ?? 0];
    return [low, (high - low) / this.side || 1];
  }

  /** @param {number} u */
  column(u) {
    return Math.max(0, Math.min(this.side - 1, Math.floor((u - this.u0) / this.du)));
  }

  /** @param {number} v */
  row(v) {
    return Math.max(0, Math.min(this.side - 1, Math.floor((v - this.v0) / this.dv)));
  }

  /**
   * Calls back with every span [from, to) of positions whose cells touch the box; some of the points lie outside it.
   * @param {Range} u
   * @param {Range} v
   * @param {(from: number, to: number) => void} callback
   */
  spans([u0, u1], [v0, v1], callback) {
    const [first, last] = [this.column(u0), this.column(u1)];
    for (let row = this.row(v0); row <= this.row(v1); row++) {
      const from = this.starts[row * this.side + first];
      const to = this.starts[row * this.side + last + 1];
      if (from < to) callback(from, to);
    }
  }

  /**
   * How many points there are in the cells that touch the box.
   * @param {Range} x
   * @param {Range} y
   */
  count(x, y) {
    let sum = 0;
    this.spans(x, y, (from, to) => {
      sum += to - from;
    });
    return sum;
  }

  /**
   * The point nearest to (u, v) among those of the classes shown, or −1. Searches rings of cells until no further ring
   * could hold a nearer point.
   * @param {number} u
   * @param {number} v
   */
  nearest(u, v, shown = shownClasses()) {
    const [column, row] = [this.column(u), this.row(v)];
    /** @type {Candidate} */
    const found = { best: -1, least: Infinity };
    for (let ring = 0; ring < this.side; ring++) {
      if (found.least <= this.reach(u, v, column, row, ring)) break;
      const [left, right, top, bottom] = [column - ring, column + ring, row - ring, row + ring];
      for (let r = Math.max(0, top); r <= Math.min(this.side - 1, bottom); r++) {
        if (r === top || r === bottom) this.search(r, left, right, u, v, shown, found);
        else {
          if (left >= 0) this.search(r, left, left, u, v, shown, found);
          if (right < this.side) this.search(r, right, right, u, v, shown, found);
        }
      }
    }
    return found.best;
  }

  /**
   * The only point of the classes shown within `radius` of (u, v); −1 if there is none, or more than one.
   * @param {number} u
   * @param {number} v
   * @param {number} radius
   */
  only(u, v, radius, shown = shownClasses()) {
    const { us, vs, labels, order } = this;
    let found = -1;
    let count = 0;
    this.spans([u - radius, u + radius], [v - radius, v + radius], (from, to) => {
      for (let place = from; place < to; place++) {
        if (!shown[labels[place]] || (us[place] - u) ** 2 + (vs[place] - v) ** 2 > radius * radius) continue;
        found = order[place];
        count++;
      }
    });
    return count === 1 ? found : -1;
  }

  /**
   * The square of the least distance from (u, v) that a point in ring number `ring` around a cell, or beyond, can have.
   * @param {number} u
   * @param {number} v
   * @param {number} column
   * @param {number} row
   * @param {number} ring
   */
  reach(u, v, column, row, ring) {
    if (ring === 0) return -1;
    const sides = [
      column - ring >= 0 ? u - (this.u0 + (column - ring + 1) * this.du) : Infinity,
      column + ring < this.side ? this.u0 + (column + ring) * this.du - u : Infinity,
      row - ring >= 0 ? v - (this.v0 + (row - ring + 1) * this.dv) : Infinity,
      row + ring < this.side ? this.v0 + (row + ring) * this.dv - v : Infinity,
    ];
    return Math.max(0, Math.min(...sides)) ** 2;
  }

  /**
   * Searches the cells of a row from column `first` to `last`, clipped to the grid; their points are one span.
   * @param {number} row
   * @param {number} first
   * @param {number} last
   * @param {number} u
   * @param {number} v
   * @param {Uint8Array} shown
   * @param {Candidate} found updated in place
   */
  search(row, first, last, u, v, shown, found) {
    const { us, vs, labels, order } = this;
    const end = this.starts[row * this.side + Math.min(this.side - 1, last) + 1];
    for (let place = this.starts[row * this.side + Math.max(0, first)]; place < end; place++) {
      if (!shown[labels[place]]) continue;
      const d = (us[place] - u) ** 2 + (vs[place] - v) ** 2;
      if (d > found.least || (d === found.least && order[place] > found.best)) continue;
      [found.best, found.least] = [order[place], d];
    }
  }
}
