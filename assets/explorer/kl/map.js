// The map of a path: the map of a live run (map/pane.js), for thousands of points that all move with the slider.

/** @import { Look } from "../core/link-fields.js" */
/** @import { Camera } from "../map/camera.js" */
/** @import { PaneHandlers } from "../map/pane.js" */
/** @import { View } from "../map/view.js" */
/** @import { Model } from "./model.js" */
/** @import { Path } from "./path.js" */
/** @import { PathState } from "./state.js" */

import { between } from "../core/glide.js";
import { markerSize } from "../map/marker.js";
import { Pane } from "../map/pane.js";
import { Projection } from "../math/projection.js";
import { prepareCanvas } from "../plot/chart.js";
import { PathCloud } from "./cloud.js";
import { DecodedPlane } from "./plane.js";

const LEAST = 3.25; // the 3-σ ring stays in view
const AIR = 1.06;
const REST = 150; // ms without a change after which the zones are drawn in full detail

export class PathMap extends Pane {
  /**
   * @param {HTMLElement} element
   * @param {Camera} camera
   * @param {PathState} state
   * @param {PaneHandlers} on
   * @param {() => void} wake asks for another animation frame
   */
  constructor(element, camera, state, on, wake) {
    super(element, camera, state, on);
    this.wake = wake;
    /** @type {Model | null} */
    this.model = null;
    /** @type {PathCloud | null} */
    this.cloud = null;
    this.fine = false; // whether the next drawing is in full detail
    /** @type {number | undefined} */
    this.timer = undefined;
    /**
     * Draws on top of the points.
     * @type {((context: CanvasRenderingContext2D, view: View) => void) | null}
     */
    this.decorate = null;
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

  /** @param {Model} model */
  show(model) {
    const { path } = model;
    this.load(path.frame);
    this.model = model;
    this.morph = model;
    model.changed = true;
    if (path.k > 2) this.projection = Projection.axes(path.k, path.plane[0], path.plane[1]);
    this.cloud = new PathCloud(this.filling, path.frame.arrays.labels, path.classes.length, path.ordered);
    if (path.k > 1) this.plane.load(path.frame.meta, path.plane);
    this.dirty = this.groundDirty = true;
  }

  /**
   * Looks at all points and the 3-σ ring, unless a person has moved the map.
   * @param {boolean} fixed whether the view is the same at every beta
   */
  aim(fixed) {
    if (!this.isShown) return;
    const { camera, model } = this;
    const rectangle = this.rectangle();
    camera.fit(rectangle);
    if (camera.auto && model) camera.now = camera.goal = placeOf(model.path, model.position, fixed, rectangle);
  }

  /**
   * The way of the camera from where it is to where `look` says, or with null to all points: the returned function places it
   * at a share of the way. Null where it is nowhere yet.
   * @param {Look | null} look
   * @param {number} position of the slider at the goal
   * @param {boolean} fixed whether the view is the same at every beta
   * @returns {((share: number) => void) | null}
   */
  cameraTo(look, position, fixed) {
    const { camera, model } = this;
    const from = camera.now && { ...camera.now };
    if (!from || !model) return null;
    return (share) => {
      const rectangle = this.rectangle();
      const to = look
        ? { u: look.u, v: look.v, unit: (2 * look.reach) / Math.min(rectangle.width, rectangle.height) }
        : placeOf(model.path, position, fixed, rectangle);
      const unit = Math.exp(between(Math.log(from.unit), Math.log(to.unit), share));
      camera.auto = false;
      camera.held = null;
      camera.now = { u: between(from.u, to.u, share), v: between(from.v, to.v, share), unit };
      camera.goal = { ...camera.now };
    };
  }

  /** Handles labels and classes that have changed with what the colours show. */
  recolour() {
    const { path } = this.model ?? {};
    if (!path) return;
    this.cloud = new PathCloud(this.filling, path.frame.arrays.labels, path.classes.length, path.ordered);
    this.dirty = this.groundDirty = true;
  }

  /** Whether it is on the page and not hidden. */
  get isShown() {
    return this.root.clientWidth > 0;
  }

  /** Whether the drawing will be replaced by one in full detail. */
  get isCoarse() {
    return this.isShown && Boolean(this.cloud?.coarse);
  }

  /**
   * @param {number} now
   * @param {boolean} moved
   */
  paint(now, moved) {
    return this.isShown && super.paint(now, moved);
  }

  axisNames() {
    return this.k > 2 && this.projection ? this.projection.labels : super.axisNames();
  }

  paintGround() {
    super.paintGround();
    this.plane.root.style.display = this.hasPlane ? "" : "none";
    if (!this.hasPlane) this.model?.decoder?.forget("plane");
    else if (this.view) this.plane.place(this.view);
  }

  paintMotion() {
    const { context } = prepareCanvas(this.motion);
    const { view, state, model, cloud } = this;
    if (!view || !model || !cloud) return;
    context.save();
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    const size = markerSize(model.count, this.root.clientWidth);
    cloud.draw(context, view, model, { zones: state.zones, hidden: state.hidden, size, fine: this.fine });
    clearTimeout(this.timer);
    if (cloud.coarse) this.timer = setTimeout(() => this.refine(), REST);
    this.fine = false;
    this.decorate?.(context, view);
    context.restore();
    if (this.marked) this.showMark();
  }

  /** Nothing has moved for a while: the next drawing is in full detail. */
  refine() {
    this.fine = this.dirty = true;
    this.wake();
  }

  get hasPlane() {
    return this.state.manifold && this.k > 1;
  }

  /**
   * Decodes images of the plane for `budget` ms; true while there are more to decode.
   * @param {number} budget
   */
  renewPlane(budget) {
    const decoder = this.hasPlane && this.model ? this.model.prepare() : null;
    return decoder !== null && this.plane.renew(decoder, budget);
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

/**
 * Where a camera looks that shows all points and the 3-σ ring.
 * @param {Path} path
 * @param {number} position
 * @param {boolean} all whether the points of all stops count
 * @param {{ width: number, height: number }} rectangle in px
 */
function placeOf(path, position, all, { width, height }) {
  const { stop, t } = path.place(position);
  const boxes = all ? path.boxes : [path.boxes[stop], path.boxes[Math.min(stop + 1, path.stops - 1)]];
  const ends = boxes.map((box) => box.map(([low, high]) => [Math.min(low, -LEAST), Math.max(high, LEAST)]));
  const mix = (/** @type {number} */ axis, /** @type {number} */ end) => {
    if (all) return (end ? Math.max : Math.min)(...ends.map((box) => box[axis][end]));
    return ends[0][axis][end] + t * (ends[1][axis][end] - ends[0][axis][end]);
  };
  const [[u0, u1], [v0, v1]] = [0, 1].map((axis) => [mix(axis, 0), mix(axis, 1)]);
  return { u: (u0 + u1) / 2, v: (v0 + v1) / 2, unit: AIR * Math.max((u1 - u0) / width, (v1 - v0) / height) };
}
