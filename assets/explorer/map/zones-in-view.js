// Which buffer zones reach into a view. With very many points it is an even sample where the zones overlap so much that
// single ones cannot be distinguished; the zones of isolated points are all included. The sample does not change while the
// view moves.

import { evenShare } from "../core/random.js";
import { ellipse } from "../math/projection.js";

/** @import { GridIndex } from "../math/grid-index.js" */
/** @import { Covariance } from "../math/projection.js" */
/** @import { Ranges } from "../plot/chart.js" */

/**
 * The points whose zones are drawn, in their own order; how many there were before any was left out; and how many zones
 * overlap at each of them, on average.
 * @typedef {{ chosen: Uint32Array, count: number, depth: number }} FoundZones
 */

export const MOST = 20_000; // zones drawn at most; with more points than that …
const DEEPEST = 24; // … about so many over each other
const PIECE = 5000; // points that are processed between two interruptions

/**
 * Whether point i belongs to an even sample of one point in `stride`.
 * @param {number} i
 * @param {number} stride
 */
export const isSampled = (i, stride) => evenShare(i) < 1 / stride;

export class ZonesInView {
  /** @param {{ index: GridIndex, covariance: (i: number) => Covariance }} scene */
  constructor({ index, covariance }) {
    this.index = index;
    this.covariance = covariance;
    /** @type {Float32Array | null} */
    this.reaches = null; // the longer semi-axis of every zone at 1 σ, in the order of the grid
    this.farthest = 0; // the longest of them
    this.area = 0; // of a zone at 1 σ, on average
  }

  /**
   * The points of the classes shown whose zones reach into the view. A generator, because a million points take a while.
   * @param {Ranges} view
   * @param {number} scale semi-axes of a zone, in σ
   * @param {ArrayLike<number>} shown class → whether it is shown
   * @returns {Generator<void, FoundZones>}
   */
  *find(view, scale, shown) {
    this.reaches ??= yield* this.measured();
    const { index, reaches } = this;
    const { us, vs, labels, order } = index;
    const {
      x: [left, right],
      y: [bottom, top],
    } = view;
    const far = this.farthest * scale;
    /** @type {[from: number, to: number][]} */
    const spans = [];
    index.spans([left - far, right + far], [bottom - far, top + far], (from, to) => {
      spans.push([from, to]);
    });
    const crowd = new Crowd(index, this.area * scale ** 2);
    const places = new Uint32Array(spans.reduce((sum, [from, to]) => sum + to - from, 0));
    let count = 0;
    for (const [from, to] of spans) {
      for (let place = from; place < to; place++) {
        if (!shown[labels[place]]) continue;
        const [u, v, reach] = [us[place], vs[place], reaches[place] * scale];
        crowd.add(u, v);
        if (u + reach >= left && u - reach <= right && v + reach >= bottom && v - reach <= top) places[count++] = place;
      }
      yield;
    }
    if (order.length <= MOST)
      return {
        chosen: places
          .slice(0, count)
          .map((place) => order[place])
          .sort(),
        count,
        depth: 0,
      };
    const depths = new Float32Array(count);
    let wanted = 0;
    for (let n = 0; n < count; n++) {
      depths[n] = crowd.depth(us[places[n]], vs[places[n]]);
      wanted += Math.min(1, DEEPEST / depths[n]);
      if (n % PIECE === PIECE - 1) yield;
    }
    const chosen = new Uint32Array(count);
    let [kept, depth] = [0, 0];
    for (let n = 0; n < count; n++) {
      const share = Math.min(1, DEEPEST / depths[n]) * Math.min(1, MOST / wanted);
      if (evenShare(order[places[n]]) < share) {
        chosen[kept++] = order[places[n]];
        depth += depths[n] * share;
      }
      if (n % PIECE === PIECE - 1) yield;
    }
    return { chosen: chosen.slice(0, kept).sort(), count, depth: depth / Math.max(1, kept) };
  }

  /**
   * Computes `reaches`, `farthest` and `area`; returns the first.
   * @returns {Generator<void, Float32Array>}
   */
  *measured() {
    const {
      index: { order },
      covariance,
    } = this;
    const reaches = new Float32Array(order.length);
    let sum = 0;
    this.farthest = 0;
    for (let place = 0; place < order.length; place++) {
      const { major, minor } = ellipse(covariance(order[place]));
      reaches[place] = major;
      this.farthest = Math.max(this.farthest, major);
      sum += Math.PI * major * minor;
      if (place % PIECE === PIECE - 1) yield;
    }
    this.area = sum / Math.max(1, order.length);
    return reaches;
  }
}

const FAR = 2 ** 25; // blocks from the grid's corner at most: farther points are counted there

// How many zones overlap: counted in blocks that are about as wide as a zone, in the grid and outside it.
class Crowd {
  /**
   * @param {GridIndex} index
   * @param {number} area of a zone, on average
   */
  constructor(index, area) {
    const cell = index.du * index.dv;
    const width = Math.max(1, Math.round(Math.sqrt(area / cell))); // in cells
    const across = Math.ceil(index.side / width);
    this.index = index;
    this.width = width;
    this.across = across;
    this.share = area / (cell * width ** 2);
    this.counts = new Float32Array(across ** 2);
    /** @type {Map<number, number>} */
    this.beyond = new Map(); // counts of the blocks outside the grid
  }

  /**
   * Column and row of the block at (u, v).
   * @param {number} u
   * @param {number} v
   */
  block(u, v) {
    const {
      index: { u0, v0, du, dv },
      width,
    } = this;
    return [(u - u0) / (du * width), (v - v0) / (dv * width)].map((at) =>
      Math.max(-FAR, Math.min(FAR, Math.floor(at))),
    );
  }

  /**
   * Counts a zone at (u, v).
   * @param {number} u
   * @param {number} v
   */
  add(u, v) {
    const [column, row] = this.block(u, v);
    if (this.covers(column, row)) this.counts[row * this.across + column]++;
    else this.beyond.set(key(column, row), 1 + (this.beyond.get(key(column, row)) ?? 0));
  }

  /**
   * How many zones overlap at (u, v), where at least one was counted.
   * @param {number} u
   * @param {number} v
   */
  depth(u, v) {
    const [column, row] = this.block(u, v);
    const count = this.covers(column, row)
      ? this.counts[row * this.across + column]
      : (this.beyond.get(key(column, row)) ?? 0);
    return this.share * count;
  }

  /**
   * @param {number} column
   * @param {number} row
   */
  covers(column, row) {
    return Math.min(column, row) >= 0 && Math.max(column, row) < this.across;
  }
}

/**
 * @param {number} column
 * @param {number} row
 */
const key = (column, row) => row * 4 * FAR + column;
