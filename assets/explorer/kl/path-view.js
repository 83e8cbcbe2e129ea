// The view of one path: its maps and everything that changes with beta, drawn in the elements of the page.

/** @import { Look } from "../core/link-fields.js" */
/** @import { Description } from "../core/view.js" */
/** @import { Kl } from "./kl.js" */
/** @import { Path } from "./path.js" */
/** @import { PathState } from "./state.js" */

import { between } from "../core/glide.js";
import { afterPaint, measure } from "../core/timing.js";
import { Camera } from "../map/camera.js";
import { theme } from "../plot/palette.js";
import { Legend } from "../widgets/legend.js";
import { KlControls } from "./controls.js";
import { Forces } from "./forces.js";
import { PathMap } from "./map.js";
import { MapPointer } from "./map-pointer.js";
import { Model } from "./model.js";
import { Why } from "./why.js";

const LATE = 28; // ms from one animation frame to the next
const SLICES = { usual: 6, late: 3 }; // ms for decoding the plane
const SLOW = 60; // ms between two drawings of the dimensions

export class PathView {
  /**
   * `start` has to be called next.
   * @param {Kl} page
   * @param {Path} path
   * @param {PathState} state
   */
  constructor(page, path, state) {
    this.page = page;
    this.path = path;
    this.state = state;
    path.colourBy(state.colour);
    this.colours = theme(page.root);
    this.model = new Model(path);
    /** Whether images, lens and numbers are out of date. */
    this.imagesDirty = this.lensDirty = this.numbersDirty = true;
    /**
     * Times of the first event that is not painted yet, and of its handling (ms).
     * @type {{ startedAt: number, handledAt: number } | null}
     */
    this.input = null;
    this.paintedAt = -Infinity; // ms
    this.sigmasAt = -Infinity; // ms: when the dimensions were drawn
    const wake = () => page.wake();
    const element = document.createElement("div");
    page.$(".page-maps").replaceChildren(element);
    const camera = new Camera();
    const pointer = new MapPointer(this);
    const decoded = () => [page.$(".kl-decoded", HTMLCanvasElement)];
    this.pane = new PathMap(element, camera, state, { ...pointer.handlersOf(camera), decoded }, wake);
    this.why = new Why(page.$(".kl-why"), path, state, (of) => pointer.handlersOf(of), wake);
    this.forces = path.forces && new Forces(path, path.forces, this.model, this.colours);
    this.legend = new Legend(page.$(".er-legend"), state);
    page.images.load(path);
    page.lens.load(path);
    page.slider.load(path);
    page.tradeoff.load(path);
    this.controls = new KlControls(this);
  }

  /** Shows the path; called once. */
  start() {
    const { page, state, forces } = this;
    this.place(state.looks);
    this.showLegend();
    state.subscribe((changed, at) => this.changed(changed, at));
    this.why.load(() => this.colours);
    this.pane.show(this.model);
    this.pane.decorate = (context, view) => {
      if (state.forces) forces?.draw(context, view, state);
    };
    page.slider.setSpeed(state.speed);
    page.retheme();
    this.changed(new Set(["position", "view", "zones", "hidden", "pinned"]), performance.now());
  }

  destroy() {
    this.controls.close();
    this.pane.destroy();
    this.why.destroy();
    this.model.close();
  }

  // --- going to another state -------------------------------------------------------------------------------------------

  /**
   * Goes to a state of the path: beta, the lens and the cameras move as the returned function says (see `Page.go`).
   * @param {Description} description
   */
  go(description) {
    const { page, state, allPanes } = this;
    const { position, z, point, looks, ...others } = state.read(description);
    const from = { position: state.position, z: this.z, fixed: state.fixed, panes: this.panes };
    const to = { position, z: point < 0 ? z : this.meanOf(point, position) };
    page.slider.play(false);
    state.set(others);
    const ways = allPanes.map((pane, i) => {
      const { camera } = pane;
      const follows = !looks[i] && camera.auto && !camera.held && state.fixed === from.fixed;
      const isSeen = from.panes.includes(pane) && this.panes.includes(pane) && pane.isShown;
      const way = isSeen && !follows ? pane.cameraTo(looks[i], position, state.fixed) : null;
      if (way) way(0);
      else if (!follows) camera.begin(looks[i]);
      return way;
    });
    return (/** @type {number} */ share) => {
      if (share === 1) {
        this.place(looks);
        state.set({ position, z, point, looks });
      } else {
        for (const way of ways) way?.(share);
        state.set({
          position: between(from.position, to.position, share),
          z: between(from.z, to.z, share),
          point: state.point === point ? point : -1,
          looks: this.looks,
        });
      }
      page.lookDirty = true;
      page.wake();
    };
  }

  /**
   * Places all cameras.
   * @param {(Look | null)[]} looks
   */
  place(looks) {
    this.allPanes.forEach(({ camera }, i) => {
      camera.begin(looks[i] ?? null);
    });
  }

  /** Whether something that was requested is not painted yet. */
  get isBusy() {
    const { model, why, panes, state } = this;
    const waits = state.view === "why" ? why.isBusy : this.imagesDirty || this.lensDirty || model.isBusy;
    return waits || panes.some(({ isCoarse }) => isCoarse);
  }

  /** z of the lens: where it was moved to, or the mean of the data point that it is pinned to. */
  get z() {
    const { z, point, position } = this.state;
    return point < 0 ? z : this.meanOf(point, position);
  }

  /**
   * @param {number} point
   * @param {number} position of the slider
   */
  meanOf(point, position) {
    return this.path.row(this.path.frame.arrays.mu, point, position, new Float64Array(this.path.k));
  }

  // --- changes --------------------------------------------------------------------------------------------------------------

  /**
   * Moves to a position of the slider.
   * @param {number} position
   * @param {number} at
   */
  moveTo(position, at) {
    if (position !== this.state.position) this.state.set({ position }, at);
    else this.page.slider.show(position);
  }

  /**
   * A person moves the cameras.
   * @param {() => void} move
   */
  look(move) {
    this.page.look(() => {
      move();
      this.state.set({ looks: this.looks });
    });
  }

  /** Shows all points again. */
  release() {
    this.look(() => {
      for (const { camera } of this.panes) camera.release();
    });
  }

  resized() {
    for (const pane of this.panes) pane.groundDirty = true;
    this.numbersDirty = true;
  }

  // --- painting ------------------------------------------------------------------------------------------------------------

  /**
   * @param {Set<string>} changed names of what was set
   * @param {number} at time of the event that has caused it
   */
  changed(changed, at) {
    const { page, state } = this;
    const has = (/** @type {string[]} */ ...names) => names.some((name) => changed.has(name));
    if (has("position")) {
      page.slider.show(state.position);
      this.numbersDirty = this.imagesDirty = page.lookDirty = true;
      this.pane.plane.expire();
    }
    if (has("colour")) this.recolour();
    if (has("hidden")) this.legend.show();
    if (has("folded", "search")) this.controls.showFound();
    if (has("speed")) page.slider.setSpeed(state.speed);
    if (has("view", "zones", "manifold", "forces", "fixed", "hidden", "pair")) {
      this.controls.show();
      for (const pane of this.panes) pane.dirty = pane.groundDirty = true;
      page.lookDirty = this.imagesDirty = this.numbersDirty = true;
    }
    if (has("z", "point", "pinned")) {
      this.lensDirty = true;
      if (state.forces) this.pane.dirty = true;
    }
    page.root.classList.toggle("er-pinned", state.pinned);
    // browsers delay events until the next animation frame: the time of handling does not include that delay
    this.input ??= { startedAt: at, handledAt: performance.now() };
    page.link.save();
    page.wake();
  }

  /** The colours show another factor, or the classes. */
  recolour() {
    const { page, path, state, model, why } = this;
    path.colourBy(state.colour);
    model.recolour();
    why.recolour();
    for (const pane of this.allPanes) pane.recolour();
    this.showLegend();
    this.imagesDirty = this.lensDirty = page.lookDirty = true;
  }

  showLegend() {
    const { path, state } = this;
    this.legend.load(path.classes, path.ordered);
    this.controls.select.value = String(state.colour);
    this.controls.showFound();
  }

  get allPanes() {
    return [this.pane, ...this.why.panes];
  }

  /** Where each of them looks; null where a camera follows the points. */
  get looks() {
    return this.allPanes.map(({ camera }) => camera.describe());
  }

  /** The panes that are shown. */
  get panes() {
    return this.state.view === "why" ? this.why.panes : [this.pane];
  }

  /**
   * One animation frame: draws everything that has changed with beta at once.
   * @param {number} now
   */
  paint(now) {
    const { page, model } = this;
    const plays = page.slider.advance(now);
    const { input, state } = this;
    this.input = null;
    model.to(state.position);
    if (state.view === "why") this.why.to(state.position);
    const moved = this.aim();
    for (const pane of this.panes) pane.paint(now, moved);
    this.showImages();
    let waits = false;
    const budget = this.slice(now, input !== null);
    for (const pane of this.panes) waits = pane.renewPlane(budget) || waits;
    waits = this.showNumbers(now) || waits;
    if (input)
      afterPaint(() => {
        measure("elbo-room:input-to-paint", input.startedAt);
        measure("elbo-room:handled-to-paint", input.handledAt);
      });
    if (plays || waits) page.wake();
  }

  /**
   * Time for decoding the plane in this animation frame, in ms: less where the frames come late.
   * @param {number} now
   * @param {boolean} moving
   */
  slice(now, moving) {
    const late = now - this.paintedAt > LATE;
    this.paintedAt = now;
    return moving && late ? SLICES.late : SLICES.usual;
  }

  /** Points the cameras at the points, or where a person has moved the map; true where that has changed. */
  aim() {
    const { page, panes } = this;
    if (!page.lookDirty) return false;
    page.lookDirty = false;
    for (const pane of panes) pane.aim(this.state.fixed);
    page.$(".page-fit").hidden = panes.every(({ camera }) => camera.auto);
    return true;
  }

  showImages() {
    const { page, state, model } = this;
    if (state.view === "why") return this.why.show(); // images without a decoder follow when that arrives
    if (!this.imagesDirty && !this.lensDirty) return;
    const decoder = model.prepare();
    const { z } = this;
    const nearest = state.point >= 0 ? state.point : model.nearest(z, state.hidden);
    this.pane.mark(z, nearest);
    if (!decoder) return;
    if (this.imagesDirty && !state.forces) page.images.show(model, decoder);
    page.lens.show(model, decoder, z, state, nearest);
    this.imagesDirty = this.lensDirty = false;
  }

  /**
   * True where something remains to be drawn.
   * @param {number} now
   */
  showNumbers(now) {
    const { page, state, model, path } = this;
    if (state.forces && this.forces) page.pull.show(this.forces, state.point);
    if (!this.numbersDirty) return false;
    if (state.view === "map") page.tradeoff.show(state.position);
    if (now - this.sigmasAt < SLOW) return true;
    this.sigmasAt = now;
    this.numbersDirty = false;
    const sigmas = model.sigmas();
    const mean = sigmas.reduce((sum, all) => sum + all.reduce((a, b) => a + b, 0), 0) / (path.k * path.count);
    const alive = path.deaths.map((death) => death === null || death > state.position);
    page.numbers.show(model, mean);
    if (state.view === "map") page.dimensions.show({ path, rates: path.numbers(state.position).rates, sigmas, alive });
    return false;
  }

  /** The theme has changed: everything in the page's colours is drawn again. */
  retheme() {
    const { page } = this;
    this.colours = theme(page.root);
    if (this.forces) this.forces.colours = this.colours;
    this.pane.retheme();
    this.why.retheme();
    for (const chart of [page.slider, page.tradeoff, page.dimensions]) chart.retheme();
    this.numbersDirty = true;
  }
}
