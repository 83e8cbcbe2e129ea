// The map of a path: that of a live run, drawn for thousands of points that all move with the slider.

import { markerSize } from "../map/marker.js";
import { Pane } from "../map/pane.js";
import { Projection } from "../math/projection.js";
import { prepareCanvas } from "../plot/chart.js";
import { Cloud } from "./cloud.js";
import { DecodedPlane } from "./plane.js";

const LEAST = 3.25; // the 3-σ ring stays in view
const AIR = 1.06;
const REST = 150; // ms

export class PathMap extends Pane {
  // Shows `model`, a Model of `path`; `forces` draws on the points, where the page has any.
  constructor(element, camera, state, on) {
    super(element, camera, state, on);
    element.classList.add("kl-map");
    element.setAttribute(
      "aria-label",
      "map of the latent space at this beta: a click pins the lens, Escape releases it",
    );
    const under = document.createElement("div");
    under.className = "kl-plane";
    this.ground.before(under);
    this.plane = new DecodedPlane(under);
    this.filling = document.createElement("canvas");
    this.filling.className = "kl-filling";
    this.ground.after(this.filling);
  }

  show(path, model) {
    this.load(path.frame);
    this.path = path;
    this.model = model;
    this.morph = model;
    this.dimensions = path.plane;
    model.changed = true;
    if (path.k > 2) this.projection = Projection.axes(path.k, ...path.plane);
    this.posteriors = new Cloud(this.filling, path.frame.arrays.labels, path.classes.length, path.ordered);
    if (path.k > 1) this.plane.load(path.frame.meta, path.plane);
    this.dirty = this.groundDirty = true;
  }

  // Looks at all points and the 3-σ ring, unless a person looks elsewhere. With `fixed`, the same at every beta.
  aim(fixed) {
    const { camera } = this;
    camera.fit(this.rectangle());
    if (camera.auto) camera.now = camera.goal = placeOf(this.path, this.model.position, fixed, camera.rectangle);
  }

  move(factor, x, y, dx, dy) {
    if (!this.view) return;
    const perPixel = 1 / this.view.pixelsPerUnit;
    this.on.move(this, factor, ...this.view.toData(x, y), dx * perPixel, -dy * perPixel);
  }

  axisNames() {
    return this.k > 2 ? this.projection.labels : super.axisNames();
  }

  paintGround() {
    super.paintGround();
    this.plane.root.style.display = this.hasPlane ? "" : "none";
    if (this.hasPlane) this.plane.place(this.view);
    else this.model.decoder?.forget("plane");
  }

  paintMotion() {
    const { context } = prepareCanvas(this.motion);
    const { view, state } = this;
    context.save();
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    const size = markerSize(this.model.count, this.root.clientWidth);
    this.posteriors.draw(context, view, this.model, { ...state, size, fine: this.fine });
    clearTimeout(this.timer);
    if (this.posteriors.coarse) this.timer = setTimeout(() => this.refine(), REST);
    this.fine = false;
    this.decorate?.(context, view);
    context.restore();
    if (this.marked) this.showMark();
  }

  // Nothing has moved for a while: what was drawn in haste is drawn again.
  refine() {
    this.fine = this.dirty = true;
    this.on.refine();
  }

  get hasPlane() {
    return this.state.manifold && this.k > 1;
  }

  // Decodes some of the plane, for `budget` ms; true while there is more to decode.
  renewPlane(budget) {
    return this.hasPlane && this.model.prepare() && this.plane.renew(this.model.decoder, budget);
  }

  destroy() {
    clearTimeout(this.timer);
    super.destroy();
  }

  retheme() {
    this.plane.retheme();
    this.dirty = this.groundDirty = true;
  }
}

function placeOf(path, position, all, { width, height }) {
  const { stop, t } = path.place(position);
  const boxes = all ? path.boxes : [path.boxes[stop], path.boxes[Math.min(stop + 1, path.stops - 1)]];
  const ends = boxes.map((box) => box.map(([low, high]) => [Math.min(low, -LEAST), Math.max(high, LEAST)]));
  const mix = (axis, end) => {
    if (all) return (end ? Math.max : Math.min)(...ends.map((box) => box[axis][end]));
    return ends[0][axis][end] + t * (ends[1][axis][end] - ends[0][axis][end]);
  };
  const [[u0, u1], [v0, v1]] = [0, 1].map((axis) => [mix(axis, 0), mix(axis, 1)]);
  return { u: (u0 + u1) / 2, v: (v0 + v1) / 2, unit: AIR * Math.max((u1 - u0) / width, (v1 - v0) / height) };
}
