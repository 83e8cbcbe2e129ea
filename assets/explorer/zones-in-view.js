// Which buffer zones reach into a view. Where they are more than can be drawn, an even sample of them, which stays as the
// view moves and grows as it closes in.

import { ellipse } from "./projection.js";
import { evenShare } from "./random.js";

export const MOST = 20_000; // zones drawn at most
const PIECE = 5000; // points measured between two interruptions

// Whether point i is of an even sample of one in `stride`.
export const isSampled = (i, stride) => evenShare(i) < 1 / stride;

export class ZonesInView {
  // Of a scene: { points, index, covariance(i) }.
  constructor({ points, index, covariance }) {
    Object.assign(this, { points, index, covariance, reaches: null });
  }

  // The points of the classes shown whose zones at `scale` σ reach into the view, in their own order: { chosen, stride },
  // where one in `stride` is chosen. A generator: a million points take a while.
  *find(view, scale, shown) {
    this.reaches ??= yield* this.measured();
    const { index: { us, vs, labels, order }, reaches } = this;
    const { x: [left, right], y: [bottom, top] } = view;
    const far = this.farthest * scale;
    const spans = [];
    this.index.spans([left - far, right + far], [bottom - far, top + far], (from, to) => spans.push([from, to]));
    const found = new Uint32Array(spans.reduce((sum, [from, to]) => sum + to - from, 0));
    let count = 0;
    for (const [from, to] of spans) {
      for (let place = from; place < to; place++) {
        const reach = reaches[place] * scale;
        const [u, v] = [us[place], vs[place]];
        if (u + reach < left || u - reach > right || v + reach < bottom || v - reach > top || !shown[labels[place]]) continue;
        found[count++] = order[place];
      }
      yield;
    }
    const stride = Math.max(1, Math.ceil(count / MOST));
    return { chosen: found.subarray(0, count).filter((i) => isSampled(i, stride)).sort(), stride };
  }

  // The longer semi-axis of every zone, in the order of the grid.
  *measured() {
    const { index: { order }, covariance } = this;
    const reaches = new Float32Array(order.length);
    this.farthest = 0;
    for (let place = 0; place < order.length; place++) {
      reaches[place] = ellipse(covariance(order[place])).major;
      this.farthest = Math.max(this.farthest, reaches[place]);
      if (place % PIECE === PIECE - 1) yield;
    }
    return reaches;
  }
}
