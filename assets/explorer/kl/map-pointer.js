// Clicks and moves of the pointer on the maps of a path: they move and pin the lens, and select data points.

/** @import { Camera } from "../map/camera.js" */
/** @import { Pane, PaneHandlers } from "../map/pane.js" */
/** @import { PathView } from "./path-view.js" */

const SNAP = 9; // px within which a click selects the data point itself

export class MapPointer {
  /** @param {PathView} pathView */
  constructor(pathView) {
    this.pathView = pathView;
  }

  /**
   * @param {Camera} camera that of the pane
   * @returns {PaneHandlers}
   */
  handlersOf(camera) {
    const { pathView } = this;
    const { page } = pathView;
    return {
      hover: (pane, x, y, at, finger) => this.hover(pane, x, y, at, finger),
      click: (pane, x, y, at, still) => this.click(pane, x, y, at, still),
      move: (...args) => page.isTaken("map") || pathView.look(() => camera.take(...args)),
      release: () => page.isTaken("map") || pathView.release(),
      resized: () => page.resized(),
    };
  }

  /**
   * Moves the lens; where it is pinned, only for a finger.
   * @param {Pane} pane
   * @param {number} x
   * @param {number} y
   * @param {number} at
   * @param {boolean} finger
   */
  hover(pane, x, y, at, finger = false) {
    const { page, state } = this.pathView;
    if (page.isTaken("map") || page.motion) return;
    if ((state.pinned && !finger) || state.view === "why" || !pane.view || !pane.projection) return;
    const z = this.pathView.z.slice();
    pane.projection.lift(z, ...pane.view.toData(x, y));
    state.set({ z, point: -1 }, at);
  }

  /**
   * Pins or releases the lens; on the maps of buffer zones, selects a point for the line.
   * @param {Pane} pane
   * @param {number} x
   * @param {number} y
   * @param {number} at
   * @param {boolean} still
   */
  click(pane, x, y, at, still) {
    const { page, state } = this.pathView;
    const { view, projection } = pane;
    if (page.isTaken("map") || !view || !projection) return;
    const nearest = still ? this.target(pane, view.toData(x, y), [x, y]) : -1;
    const near = nearest >= 0 && away(pane, nearest, x, y) < SNAP;
    if (state.view === "why") {
      if (near) this.takeEnd(pane, nearest, x, y);
      return;
    }
    const z = this.pathView.z.slice();
    const [mx, my] = view.toPixel(...projection.project(z));
    if (still && state.pinned && Math.hypot(mx - x, my - y) < SNAP + 3) {
      state.set({ z, pinned: false, point: -1 }, at);
      return;
    }
    projection.lift(z, ...view.toData(x, y));
    state.set({ z, pinned: true, point: near ? nearest : -1 }, at);
  }

  /**
   * The point that a click selects: the nearest one, but one with forces where there is such a point near.
   * @param {Pane} pane
   * @param {[u: number, v: number]} at
   * @param {[x: number, y: number]} pixel
   */
  target(pane, at, [x, y]) {
    const { state, forces } = this.pathView;
    const pulled = state.forces && state.view === "map" && forces ? forces.nearest(...at) : -1;
    return pulled >= 0 && away(pane, pulled, x, y) < SNAP ? pulled : pane.nearest(...at);
  }

  /**
   * Moves the end of the line that is nearer to the click to a point.
   * @param {Pane} pane
   * @param {number} point
   * @param {number} x
   * @param {number} y
   */
  takeEnd(pane, point, x, y) {
    const { state } = this.pathView;
    const [a, b] = state.pair;
    if (point === a || point === b) return;
    state.set({ pair: away(pane, a, x, y) < away(pane, b, x, y) ? [point, b] : [a, point] });
  }
}

/**
 * Distance in px from a point of the map to a pixel.
 * @param {Pane} pane
 * @param {number} point
 * @param {number} x
 * @param {number} y
 */
function away(pane, point, x, y) {
  if (!pane.view) return Infinity;
  const [px, py] = pane.view.toPixel(pane.morph.us[point], pane.morph.vs[point]);
  return Math.hypot(px - x, py - y);
}
