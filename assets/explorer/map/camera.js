// Which part of the plane is shown. The camera follows the points until somebody moves it.

import { extent, View } from "./view.js";

/** @import { Look } from "../core/link-fields.js" */
/** @import { Box, Range, Size } from "../plot/chart.js" */

/** @typedef {{ u: number, v: number, unit: number }} Place the centre of what is shown, and data units per pixel */

const LEAST = 3.25; // the 3-σ ring stays in view
const SLACK = 0.7; // the camera zooms in once the points fill less than this share of the view
const AIR = 1.06;
const GLIDE = 170; // ms: time constant of the motion towards the goal

export class Camera {
  constructor() {
    this.auto = true; // follows the points
    /** @type {Place | null} */
    this.now = null;
    /** @type {Place | null} */
    this.goal = null;
    /** @type {Look | null} */
    this.held = null; // what a link says, or what was shown before a change of size: kept until somebody moves the map
    /** @type {Size | undefined} */
    this.rectangle = undefined; // of the maps, in pixels
    this.jumped = false; // `now` was set directly, so the next `advance` reports a motion
  }

  /**
   * Sets the size of the maps. What a link or a person has chosen to look at stays the same at every size.
   * @param {Size} rectangle
   */
  fit(rectangle) {
    const { width, height } = this.rectangle ?? {};
    const another = width !== rectangle.width || height !== rectangle.height;
    if (another && width) this.held ??= this.describe();
    this.rectangle = rectangle;
    if (!this.held || (!another && !this.auto)) return;
    const { u, v, reach } = this.held;
    this.auto = false;
    this.goal = { u, v, unit: (2 * reach) / Math.min(rectangle.width, rectangle.height) };
    this.now = { ...this.goal };
    this.jumped = true;
  }

  /**
   * Sets the goal to a view of all points, unless somebody has moved the camera or the present view still fits them.
   * @param {ArrayLike<number>[][]} clouds the points of every map: each has us and vs first
   * @param {Size} rectangle the size of one map
   */
  follow(clouds, rectangle) {
    this.fit(rectangle);
    if (!this.auto && this.now) return;
    /** @type {(axis: number) => Range} */
    const span = (axis) => {
      const ends = clouds.map((cloud) => extent(cloud[axis], LEAST));
      return [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))];
    };
    const [[u0, u1], [v0, v1]] = [span(0), span(1)];
    if (this.goal && this.fits(this.goal, rectangle, [u0, u1], [v0, v1])) return;
    const unit = AIR * Math.max((u1 - u0) / rectangle.width, (v1 - v0) / rectangle.height);
    this.goal = { u: (u0 + u1) / 2, v: (v0 + v1) / 2, unit };
    this.now ??= { ...this.goal };
  }

  /**
   * Whether a place shows a box of the plane completely, and not much beside it.
   * @param {Place} place
   * @param {Size} rectangle
   * @param {Range} us
   * @param {Range} vs
   */
  fits({ u, v, unit }, rectangle, [u0, u1], [v0, v1]) {
    const [w, h] = [(unit * rectangle.width) / 2, (unit * rectangle.height) / 2];
    const inside = u0 >= u - w && u1 <= u + w && v0 >= v - h && v1 <= v + h;
    const filled = Math.max((u1 - u0) / (2 * w), (v1 - v0) / (2 * h));
    return inside && filled > SLACK;
  }

  /**
   * Moves on towards the goal by `dt` milliseconds; false where nothing has moved.
   * @param {number} dt
   */
  advance(dt) {
    const { now, goal } = this;
    if (this.jumped) {
      this.jumped = false;
      return true;
    }
    if (!now || !goal || (now.u === goal.u && now.v === goal.v && now.unit === goal.unit)) return false;
    const share = 1 - Math.exp(-dt / GLIDE);
    const far = Math.max(
      Math.abs(goal.u - now.u) / goal.unit,
      Math.abs(goal.v - now.v) / goal.unit,
      500 * Math.abs(Math.log(goal.unit / now.unit)),
    );
    if (far < 0.5) this.now = { ...goal };
    else {
      now.u += share * (goal.u - now.u);
      now.v += share * (goal.v - now.v);
      now.unit *= (goal.unit / now.unit) ** share;
    }
    return true;
  }

  /**
   * Somebody zooms by `factor` about (u, v), and shifts the view by (du, dv).
   * @param {number} factor
   * @param {number} u
   * @param {number} v
   */
  take(factor, u, v, du = 0, dv = 0) {
    if (!this.now) return;
    const { now } = this;
    const unit = Math.min(10, Math.max(1e-5, now.unit * factor));
    const grown = unit / now.unit;
    this.auto = false;
    this.held = null;
    this.now = { u: u + (now.u - du - u) * grown, v: v + (now.v - dv - v) * grown, unit };
    this.goal = { ...this.now };
    this.jumped = true;
  }

  /** Follows the points again. */
  release() {
    this.auto = true;
    this.goal = this.held = null;
  }

  /**
   * What is shown now, in a box on a map. Only to be called once `now` is set.
   * @param {Box} rectangle
   */
  view(rectangle) {
    const { u, v, unit } = /** @type {Place} */ (this.now);
    const [w, h] = [(unit * rectangle.width) / 2, (unit * rectangle.height) / 2];
    return new View({ x: [u - w, u + w], y: [v - h, v + h] }, rectangle);
  }

  /**
   * What is shown once the goal is reached, with half of the shorter side as `reach`, so that it holds for a window of any
   * shape; null while the camera follows the points.
   * @returns {Look | null}
   */
  describe() {
    if (this.held) return this.held;
    if (this.auto || !this.now || !this.goal || !this.rectangle) return null;
    const { u, v, unit } = this.goal;
    return { u, v, reach: (unit * Math.min(this.rectangle.width, this.rectangle.height)) / 2 };
  }

  /**
   * Starts where a link says, or with null where the points are.
   * @param {Look | null} place
   */
  begin(place) {
    this.release();
    this.held = place;
  }

  /**
   * Shows what another window shows; null: that one follows the points.
   * @param {Look | null} place
   */
  adopt(place) {
    if (!place) {
      if (!this.auto) this.release();
      return;
    }
    if (!this.rectangle || ![place.u, place.v, place.reach].every(Number.isFinite) || !(place.reach > 0)) return;
    this.auto = false;
    this.held = null;
    this.goal = {
      u: place.u,
      v: place.v,
      unit: (2 * place.reach) / Math.min(this.rectangle.width, this.rectangle.height),
    };
    this.now ??= { ...this.goal };
  }
}
