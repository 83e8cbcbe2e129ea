// What part of the plane is looked at. It follows the points by itself until a person takes over.

import { extent, View } from "./view.js";

const LEAST = 3.25; // the 3-σ ring stays in view
const SLACK = 0.7; // the points may shrink to this share of the view before it closes in
const AIR = 1.06;
const GLIDE = 170; // ms: how fast the view approaches where it wants to be

export class Camera {
  constructor() {
    this.auto = true;
    this.now = null; // { u, v, unit }: the middle, and data units a pixel
    this.goal = null;
    this.held = null; // what a link says, or a window of another size keeps, as `describe` says it: until a hand moves
  }

  // The room that a map has. A place that a link or a person has chosen stays the same in every room.
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

  // The points of every map: [us, vs] pairs; `rectangle` is the room that one map has.
  follow(clouds, rectangle) {
    this.fit(rectangle);
    if (!this.auto && this.now) return;
    const box = [0, 1].map((axis) => {
      const ends = clouds.map((cloud) => extent(cloud[axis], LEAST));
      return [Math.min(...ends.map(([low]) => low)), Math.max(...ends.map(([, high]) => high))];
    });
    if (this.goal && this.fits(box)) return;
    const [[u0, u1], [v0, v1]] = box;
    const unit = AIR * Math.max((u1 - u0) / rectangle.width, (v1 - v0) / rectangle.height);
    this.goal = { u: (u0 + u1) / 2, v: (v0 + v1) / 2, unit };
    this.now ??= { ...this.goal };
  }

  fits([[u0, u1], [v0, v1]]) {
    const { u, v, unit } = this.goal;
    const [w, h] = [(unit * this.rectangle.width) / 2, (unit * this.rectangle.height) / 2];
    const inside = u0 >= u - w && u1 <= u + w && v0 >= v - h && v1 <= v + h;
    const filled = Math.max((u1 - u0) / (2 * w), (v1 - v0) / (2 * h));
    return inside && filled > SLACK;
  }

  // Glides on by `dt` milliseconds; false where it rests.
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

  // A person zooms by `factor` about (u, v), and shifts by (du, dv).
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

  release() {
    this.auto = true;
    this.goal = this.held = null;
  }

  view(rectangle) {
    const { u, v, unit } = this.now;
    const [w, h] = [(unit * rectangle.width) / 2, (unit * rectangle.height) / 2];
    return new View({ x: [u - w, u + w], y: [v - h, v + h] }, rectangle);
  }

  // What is looked at, in terms that hold for a window of any shape.
  describe() {
    if (this.held) return this.held;
    if (this.auto || !this.now) return null;
    const { u, v, unit } = this.goal;
    return { u, v, reach: (unit * Math.min(this.rectangle.width, this.rectangle.height)) / 2 };
  }

  // Looks where a link says from the first moment on; null: where the points are.
  begin(place) {
    this.release();
    this.held = place;
  }

  // Looks where another window looks.
  adopt(place) {
    if (!place) return this.auto || this.release();
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
