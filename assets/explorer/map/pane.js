// The live map of one run: a canvas for what is drawn only when the view changes (the grid, the decoded plane, the prior's
// rings), one for what moves (zones and points), and the SVG of the lens above them.

import { find } from "../core/dom.js";
import { NearestMean } from "../math/nearest-mean.js";
import { Projection, subscript } from "../math/projection.js";
import { prepareCanvas } from "../plot/chart.js";
import { rgb, theme } from "../plot/palette.js";
import { drawGrid, drawNumbers } from "./axes.js";
import { Inset } from "./inset.js";
import { markerSize } from "./marker.js";
import { Morph, projectAll } from "./morph.js";
import { Overlay } from "./overlay.js";
import { Pointer } from "./pointer.js";
import { PosteriorCloud } from "./posteriors.js";
import { Underlay } from "./underlay.js";
import { drawRings } from "./zones.js";

/** @import { ImageShape } from "../data/frame.js" */
/** @import { Colours } from "../plot/palette.js" */
/** @import { Camera } from "./camera.js" */
/** @import { MovingPoints } from "./morph.js" */
/** @import { PosteriorsOptions } from "./posteriors.js" */
/** @import { ManifoldFrame } from "./underlay.js" */
/** @import { View } from "./view.js" */

/**
 * The part of a page's state that a pane reads.
 * @typedef {object} PaneState
 * @property {string} zones "all", "pointer" or "none"
 * @property {number[]} hidden the classes that are not shown
 * @property {boolean} [manifold] whether the decoded plane is shown beneath the points
 */

/**
 * The frame that a map is opened with: its images do not change while the model is trained.
 * @typedef {object} PaneFrame
 * @property {{ latent_dim: number, classes: string[], image_shape: ImageShape, ordered?: boolean }} meta
 * @property {{ labels: ArrayLike<number> }} arrays
 */

/**
 * The posteriors of those images at one step; `axes` (2, k) are the principal axes, where k > 2.
 * @typedef {object} PosteriorsFrame
 * @property {{ step: number }} meta
 * @property {{ mu: Float32Array, logvar: Float32Array, axes: Float32Array }} arrays
 */

/**
 * What a pane tells the page. x and y are pixels of the map, u and v data units; `at` is the time of the event in ms.
 * `move` zooms by a factor about (u, v) and shifts by (du, dv), `release` shows all points again; `decoded` returns the
 * canvases of what is decoded under the pointer.
 * @typedef {{
 *   hover(pane: Pane, x: number, y: number, at: number, finger: boolean): void,
 *   click(pane: Pane, x: number, y: number, at: number, still: boolean): void,
 *   move(factor: number, u: number, v: number, du: number, dv: number): void,
 *   release(): void,
 *   resized(): void,
 *   decoded?(): HTMLCanvasElement[],
 * }} PaneHandlers
 */

/**
 * What draws the points and their buffer zones: PosteriorCloud, or another class with the same method.
 * @typedef {{
 *   draw(context: CanvasRenderingContext2D, view: View, points: MovingPoints, options: PosteriorsOptions): void,
 * }} PosteriorsView
 */

const MARGIN = { left: 40, right: 8, top: 8, bottom: 26 };
const DRAG = 5; // px from which a press is a drag
const WHEEL = 0.0016;
const RELEASES = /** @type {const} */ (["pointerup", "pointercancel"]);

const HTML = `
  <canvas class="page-ground"></canvas>
  <canvas class="page-motion"></canvas>
  <svg class="er-overlay" aria-hidden="true">
    <text class="er-ring"/><text class="er-ring"/><text class="er-ring"/>
    <ellipse class="er-zone" style="display:none"/>
    <g class="er-point" style="display:none"><circle r="6.5"/><circle r="6.5"/></g>
    <g class="er-marker" style="display:none"><circle r="9"/><circle r="9"/><path d="M-15 0H-5M15 0H5M0 -15V-5M0 15V5"/></g>
  </svg>
  <p class="page-name"></p>`;

/**
 * A map that draws its points itself. `load` has to be called before anything is painted.
 * @template {PaneState} [S=PaneState] the state, where a subclass reads more of it
 * @template {PaneHandlers} [On=PaneHandlers] the handlers, where a subclass has more of them
 */
export class Pane {
  /**
   * @param {HTMLElement} root
   * @param {Camera} camera
   * @param {S} state
   * @param {On} on
   */
  constructor(root, camera, state, on) {
    this.root = root;
    this.camera = camera;
    this.state = state;
    this.on = on;
    /** @type {MovingPoints} */
    this.morph = new Morph();
    this.dirty = true; // the moving layer has to be painted again
    this.groundDirty = true; // all has to be painted again
    /** @type {View | null} */
    this.view = null;
    /** @type {{ z: Float64Array, nearest: number } | null} */
    this.marked = null;
    this.hovered = false;
    this.k = 0; // latent dimensions
    /** @type {PaneFrame | null} */
    this.probe = null;
    /** @type {Projection | null} */
    this.projection = null;
    /** @type {PosteriorsView | null} */
    this.posteriors = null;
    /** @type {NearestMean | null} */
    this.means = null;
    /** @type {Float32Array[] | null} */
    this.goal = null; // where the points are in the newest snapshot, as `projectAll` returns it
    /** @type {number | string | undefined} */
    this.step = undefined; // of the newest snapshot
    /** @type {Underlay | null} */
    this.underlay = null; // the decoded plane
    root.className = "page-map";
    root.tabIndex = 0;
    root.setAttribute("role", "application");
    root.setAttribute("aria-label", "live map of the latent space: a click pins the lens, Escape releases it");
    root.innerHTML = HTML;
    this.ground = find(root, ".page-ground", HTMLCanvasElement);
    this.motion = find(root, ".page-motion", HTMLCanvasElement);
    this.overlay = new Overlay(root);
    this.pointer = new Pointer(root, this, {
      hover: (x, y, at, finger) => on.hover(this, x, y, at, finger),
      click: (x, y, at, still) => on.click(this, x, y, at, still),
      pinch: (factor, x, y, dx, dy) => this.move(factor, x, y, dx, dy),
      reset: () => this.reset(),
      touched: (x) => this.inset?.show(x),
      lifted: () => this.inset?.hide(),
    });
    /** @type {Inset | undefined} */
    this.inset = on.decoded && new Inset(root, on.decoded);
    root.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    root.addEventListener("pointerdown", (event) => this.grab(event));
    root.addEventListener("dblclick", () => on.release());
    root.addEventListener("pointerenter", () => {
      this.hovered = true;
    });
    root.addEventListener("pointerleave", () => {
      this.hovered = false;
    });
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(root);
  }

  // --- what is shown -----------------------------------------------------------------------------------------------

  /** @param {PaneFrame} probe */
  load(probe) {
    this.probe = probe;
    const { latent_dim: k, classes } = probe.meta;
    this.k = k;
    this.posteriors = new PosteriorCloud(probe.arrays.labels, classes.length);
    this.morph = new Morph();
    this.means = new NearestMean(new Float32Array(0), k, probe.arrays.labels);
    this.projection = k === 1 ? Projection.line() : Projection.axes(k, 0, 1);
    this.underlay = null;
    this.root.dataset.points = String(probe.arrays.labels.length);
  }

  /**
   * Takes the newest snapshot, towards which the points move from now on. Only for a pane whose points are a Morph.
   * @param {PosteriorsFrame} frame
   * @param {number} now
   */
  take(frame, now) {
    const { mu, logvar, axes } = frame.arrays;
    if (!this.probe || !this.means) return;
    if (this.k > 2)
      this.projection = new Projection(
        [axes.subarray(0, this.k), axes.subarray(this.k)],
        ["principal axis 1", "principal axis 2"],
      );
    if (!this.projection || !(this.morph instanceof Morph)) return;
    this.goal = projectAll(this.projection, mu, logvar, this.probe.arrays.labels.length);
    this.morph.target(this.goal, now);
    this.means.renew(mu);
    this.step = frame.meta.step;
    this.dirty = true;
  }

  /**
   * Lays the decoded plane beneath the points.
   * @param {ManifoldFrame} manifold
   */
  lay(manifold) {
    if (!this.probe) return;
    this.underlay = new Underlay(manifold, this.probe.meta.image_shape, rgb(theme(this.root).text));
    this.groundDirty = true;
  }

  /** The rectangle between the axes, in pixels of the map. */
  rectangle() {
    const { left, right, top, bottom } = MARGIN;
    const { clientWidth: width, clientHeight: height } = this.root;
    return { left, top, width: Math.max(50, width - left - right), height: Math.max(50, height - top - bottom) };
  }

  /**
   * Draws what has changed by the time `now`. Returns true while the points move.
   * @param {number} now
   * @param {boolean} moved whether the view has changed
   */
  paint(now, moved) {
    if (!this.camera.now) return false;
    const flows = this.morph.count > 0 && this.morph.advance(now);
    if (moved || this.groundDirty) this.view = this.camera.view(this.rectangle());
    if (moved || this.groundDirty) this.paintGround();
    if (moved || flows || this.dirty || this.groundDirty) this.paintMotion();
    this.dirty = this.groundDirty = false;
    this.root.dataset.step = String(this.step);
    return !this.morph.settled;
  }

  paintGround() {
    const { context } = prepareCanvas(this.ground);
    const colours = theme(this.root);
    const { view } = this;
    if (!view) return;
    const isLine = Boolean(this.projection?.isLine);
    context.save();
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    if (this.state.manifold) this.underlay?.draw(context, view);
    this.paintGrid(context, colours);
    drawRings(context, view, colours, isLine);
    context.restore();
    this.paintNumbers(context, colours);
    this.overlay.nameRings(view, isLine);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Colours} colours
   */
  paintGrid(context, colours) {
    if (this.view) drawGrid(context, this.view, colours, Boolean(this.projection?.isLine));
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Colours} colours
   */
  paintNumbers(context, colours) {
    if (this.view) drawNumbers(context, this.view, colours, this.axisNames(), this.k > 2);
  }

  /**
   * What lies to the right and what upwards.
   * @returns {string[]}
   */
  axisNames() {
    if (this.k === 1) return ["z₁", ""];
    if (this.k > 2) return ["principal axis 1", "axis 2"];
    return [subscript("z", 1), subscript("z", 2)];
  }

  paintMotion() {
    const { context } = prepareCanvas(this.motion);
    const { view, state } = this;
    if (!this.morph.count || !view) return;
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    this.posteriors?.draw(context, view, this.morph, {
      ...state,
      size: markerSize(this.morph.count, this.root.clientWidth),
    });
    if (this.marked) this.showMark();
  }

  /**
   * Shows the lens at z, and the zone of the data point `nearest` (−1 for none).
   * @param {Float64Array} z
   * @param {number} nearest
   */
  mark(z, nearest) {
    this.marked = { z, nearest };
    this.showMark();
  }

  showMark() {
    const { marked, view, projection, probe, morph } = this;
    if (!marked || !view || !projection || !probe) return;
    const [u, v] = projection.project(marked.z);
    const scene = {
      frame: probe,
      points: { us: morph.us, vs: morph.vs, labels: probe.arrays.labels },
      covariance: (/** @type {number} */ i) => morph.covariance(i),
      state: { zones: this.state.zones, scale: 1 },
    };
    this.overlay.show(view, scene, { u, v, nearest: morph.count ? marked.nearest : -1, ringed: this.k !== 2 });
  }

  /**
   * The visible data point that is shown nearest to (u, v), or −1.
   * @param {number} u
   * @param {number} v
   */
  nearest(u, v) {
    if (!this.morph.count || !this.probe) return -1;
    const { us, vs } = this.morph;
    const { labels } = this.probe.arrays;
    const { hidden } = this.state;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < us.length; i++) {
      const d = (us[i] - u) ** 2 + (vs[i] - v) ** 2;
      if (d < least && !hidden.includes(labels[i])) [best, least] = [i, d];
    }
    return best;
  }

  /**
   * The visible data point whose mean is nearest to z in the newest snapshot, in all latent dimensions; or −1.
   * @param {Float64Array} z
   */
  nearestMean(z) {
    return this.means ? this.means.now(z, this.state.hidden) : -1;
  }

  /**
   * The mean of a data point in the newest snapshot.
   * @param {number} i
   */
  meanOf(i) {
    const means = this.means?.means ?? new Float32Array(0);
    return means.subarray(i * this.k, (i + 1) * this.k);
  }

  /**
   * Where there are two maps: which run this one shows, and its numbers.
   * @param {string} text
   * @param {string} [numbers]
   */
  name(text, numbers) {
    const element = find(this.root, ".page-name");
    element.textContent = text;
    if (numbers) element.append(Object.assign(document.createElement("small"), { textContent: numbers }));
  }

  resized() {
    this.groundDirty = true;
    this.on.resized();
  }

  // --- input -------------------------------------------------------------------------------------------------------

  /** @param {WheelEvent} event */
  wheel(event) {
    if (!this.view) return;
    event.preventDefault();
    const [x, y] = this.pointer.at(event);
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.move(Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY * lines * WHEEL))), x, y, 0, 0);
  }

  /**
   * A drag with the mouse moves the map.
   * @param {PointerEvent} event
   */
  grab(event) {
    if (event.pointerType === "touch" || event.button !== 0 || !this.view) return;
    let last = this.pointer.at(event);
    const from = last;
    let dragging = false;
    const drag = (/** @type {PointerEvent} */ moving) => {
      const now = this.pointer.at(moving);
      dragging ||= Math.hypot(now[0] - from[0], now[1] - from[1]) > DRAG;
      if (!dragging) return;
      this.move(1, ...now, now[0] - last[0], now[1] - last[1]);
      last = now;
    };
    const drop = () => {
      window.removeEventListener("pointermove", drag);
      for (const type of RELEASES) window.removeEventListener(type, drop);
    };
    window.addEventListener("pointermove", drag);
    for (const type of RELEASES) window.addEventListener(type, drop);
  }

  /**
   * Zooms by `factor` about a pixel and shifts by (dx, dy) pixels.
   * @param {number} factor
   * @param {number} x
   * @param {number} y
   * @param {number} dx
   * @param {number} dy
   */
  move(factor, x, y, dx, dy) {
    if (!this.view) return;
    const view = this.camera.view(this.rectangle()); // several moves may come before the next frame
    const perPixel = 1 / view.pixelsPerUnit;
    this.on.move(factor, ...view.toData(x, y), dx * perPixel, -dy * perPixel);
  }

  /** Shows all points again; false where they are shown already. */
  reset() {
    if (this.camera.auto) return false;
    this.on.release();
    return true;
  }

  destroy() {
    this.inset?.hide();
    this.observer.disconnect();
  }
}
