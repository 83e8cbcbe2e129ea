// Which buffer zones reach into a view. Of very many points it is an even sample, where they lie so deep that none could be
// told from the others; it stays as the view moves, and the zones of points that lie apart are all there.

import { evenShare } from "../core/random.js";
import { ellipse } from "../math/projection.js";

export const MOST = 20_000; // zones drawn at most; of more points than that …
const DEEPEST = 24; // … so many over each other, about
const PIECE = 5000; // points looked at between two interruptions

// Whether point i is of an even sample of one in `stride`.
export const isSampled = (i, stride) => evenShare(i) < 1 / stride;

export class ZonesInView {
  // Of a scene: { points, index, covariance(i) }.
  constructor({ index, covariance }) {
    this.index = index;
    this.covariance = covariance;
    this.reaches = null;
  }

  // The points of the classes shown whose zones at `scale` σ reach into the view, in their own order: { chosen, count, depth },
  // `count` before any was left out; over each chosen one lie `depth` others, on average. A generator: a million points take
  // a while.
  *find(view, scale, shown) {
    this.reaches ??= yield* this.measured();
    const { index, reaches } = this;
    const { us, vs, labels, order } = index;
    const {
      x: [left, right],
      y: [bottom, top],
    } = view;
    const far = this.farthest * scale;
    const spans = [];
    index.spans([left - far, right + far], [bottom - far, top + far], (from, to) => spans.push([from, to]));
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

  // The longer semi-axis of every zone, in the order of the grid; and the mean of their areas.
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

const FAR = 2 ** 25; // blocks from the grid's corner, at most

// How many zones lie over each other: counted in blocks that are about as wide as a zone, over the grid and beyond it.
class Crowd {
  // `area` is that of a zone, on average.
  constructor(index, area) {
    const cell = index.du * index.dv;
    const width = Math.max(1, Math.round(Math.sqrt(area / cell))); // in cells
    const across = Math.ceil(index.side / width);
    this.index = index;
    this.width = width;
    this.across = across;
    this.share = area / (cell * width ** 2);
    this.counts = new Float32Array(across ** 2);
    this.beyond = new Map();
  }

  // Column and row of the block at (u, v).
  block(u, v) {
    const {
      index: { u0, v0, du, dv },
      width,
    } = this;
    return [(u - u0) / (du * width), (v - v0) / (dv * width)].map((at) =>
      Math.max(-FAR, Math.min(FAR, Math.floor(at))),
    );
  }

  add(u, v) {
    const [column, row] = this.block(u, v);
    if (this.covers(column, row)) this.counts[row * this.across + column]++;
    else this.beyond.set(key(column, row), 1 + (this.beyond.get(key(column, row)) ?? 0));
  }

  depth(u, v) {
    const [column, row] = this.block(u, v);
    return (
      this.share *
      (this.covers(column, row) ? this.counts[row * this.across + column] : this.beyond.get(key(column, row)))
    );
  }

  covers(column, row) {
    return Math.min(column, row) >= 0 && Math.max(column, row) < this.across;
  }
}

const key = (column, row) => row * 4 * FAR + column;
