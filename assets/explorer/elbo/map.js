// The latent plane of one image: heat and contours of its densities, the points of all held-out images, and q, which the
// pointer moves.

import { short } from "../core/format.js";
import { markerSize } from "../map/marker.js";
import { Morph, projectAll } from "../map/morph.js";
import { Pane } from "../map/pane.js";
import { PosteriorCloud } from "../map/posteriors.js";
import { homeRange } from "../map/view.js";
import { drawRings } from "../map/zones.js";
import { Projection } from "../math/projection.js";
import { prepareCanvas } from "../plot/chart.js";
import {
  drawContours,
  drawCurve,
  drawDraws,
  drawGaussian,
  drawHandles,
  drawModes,
  drawNormal,
  drawWay,
} from "./draw.js";
import { dragged, taken } from "./handles.js";
import { Heat } from "./heat.js";
import { DENSITIES } from "./state.js";

/** @import { Frame } from "../data/frame.js" */
/** @import { Camera, Place } from "../map/camera.js" */
/** @import { PaneHandlers } from "../map/pane.js" */
/** @import { Pixel, View } from "../map/view.js" */
/** @import { ElboColours } from "./colours.js" */
/** @import { Draws, Spread } from "./draw.js" */
/** @import { Gaussian } from "./gaussian.js" */
/** @import { Grip } from "./handles.js" */
/** @import { DensityName, Posterior } from "./posterior.js" */
/** @import { ElboState } from "./state.js" */

/** @typedef {"heat" | "lines" | "hand"} Layer a canvas of the map; "hand" has q and its handles */

/**
 * What the map calls, beside the handlers of every pane. `hold`: q is dragged. `rest`: the drag has ended. `point`: the image
 * of a row is under the pointer at a pixel of the map; −1: none is.
 * @typedef {PaneHandlers & { hold: (q: Gaussian, at: number) => void, rest: () => void,
 *   point: (row: number, x?: number, y?: number) => void }} PlaneHandlers
 */

const SNAP = 10; // px within which a click chooses a point
/** @type {Record<DensityName, string>} */
const NAMES = { prior: "p(z)", likelihood: "p(x|z)", posterior: "p(z|x)" };
/** @type {Layer[]} */
const LAYERS = ["heat", "lines", "hand"];

/** @extends {Pane<ElboState, PlaneHandlers>} */
export class PlaneMap extends Pane {
  /**
   * @param {HTMLElement} element
   * @param {Camera} camera
   * @param {ElboState} state
   * @param {PlaneHandlers} on
   * @param {ElboColours} colours
   */
  constructor(element, camera, state, on, colours) {
    super(element, camera, state, on);
    this.colours = colours;
    element.classList.add("eb-map");
    element.setAttribute(
      "aria-label",
      "latent plane: drag q by its mean or its axes, click a point to choose its image",
    );
    this.heat = layerCanvas("heat");
    this.lines = layerCanvas("lines");
    this.hand = layerCanvas("hand");
    this.ground.before(this.heat);
    this.motion.after(this.lines, this.hand);
    this.expired = new Set(LAYERS);
    /** @type {Map<string, Heat>} by density and scale */ this.heats = new Map();
    /** @type {PosteriorCloud | null} */ this.posteriors = null;
    /** @type {Posterior | null} */ this.posterior = null;
    /** @type {{ path: Gaussian[], step: number } | null} of an optimisation, up to a step */ this.way = null;
    /** @type {Draws | null} */ this.draws = null;
    /** @type {Grip | null} the part of q that is dragged */ this.held = null;
    /** The last press took one of q's handles. */
    this.tookHandle = false;
    /** The heat's legend. */
    this.key = "";
    this.step = "";
    element.addEventListener("pointermove", (event) => this.hover(event));
    element.addEventListener("pointerleave", () => this.on.point(-1));
  }

  /**
   * Shows the points of a model.
   * @param {Frame} frame
   */
  open(frame) {
    const { latent_dim: k, classes, pca_shares: shares } = frame.meta;
    const { mu, logvar, labels, pca } = frame.arrays;
    this.probe = frame;
    this.k = k;
    const morph = new Morph();
    this.morph = morph;
    this.posterior = null;
    this.way = null;
    this.draws = null;
    if (k === 1) this.projection = Projection.line();
    else this.projection = k === 2 ? Projection.axes(2, 0, 1) : Projection.pca(pca, shares, k);
    this.posteriors = new PosteriorCloud(labels, classes.length);
    morph.target(projectAll(this.projection, mu, logvar, labels.length), 0);
    this.root.dataset.points = String(labels.length);
    this.expire(...LAYERS);
    this.dirty = this.groundDirty = true;
  }

  /**
   * Shows the posterior of another image, or none.
   * @param {Posterior | null} posterior
   */
  show(posterior) {
    this.posterior = posterior;
    this.way = null;
    this.draws = null;
    this.heats.clear();
    this.expire(...LAYERS);
  }

  /**
   * Marks layers that have to be drawn again in the next frame of the display.
   * @param {Layer[]} layers
   */
  expire(...layers) {
    for (const layer of layers) this.expired.add(layer);
  }

  /**
   * Shows draws z (n, k) of q with their weights, projected onto this plane; null shows none.
   * @param {{ z: Float32Array, logW: Float32Array } | null} draws
   */
  showDraws(draws) {
    this.draws = null;
    if (draws && this.projection) {
      const [us, vs] = this.projection.projectAll(draws.z, draws.logW.length);
      this.draws = { us, vs, logW: draws.logW };
    }
    this.expire("hand");
  }

  // --- where to look -----------------------------------------------------------------------------------------------

  /**
   * Sets the camera's goal, unless the user has moved it.
   * @param {boolean} whole the whole plane, not the posterior
   */
  aim(whole) {
    const { camera } = this;
    const rectangle = this.rectangle();
    camera.fit(rectangle);
    if (!camera.auto && camera.now) return;
    camera.goal = this.place(whole);
    camera.now ??= { ...camera.goal };
  }

  /**
   * Where the camera looks by itself.
   * @param {boolean} whole at the whole plane, not the posterior
   * @returns {Place}
   */
  place(whole) {
    const rectangle = this.rectangle();
    if (this.posterior?.surface && !whole) return this.posterior.place(rectangle);
    const { x, y } = homeRange(this.morph, rectangle);
    return { u: (x[0] + x[1]) / 2, v: (y[0] + y[1]) / 2, unit: (x[1] - x[0]) / rectangle.width };
  }

  axisNames() {
    if (this.k <= 2 || !this.projection) return super.axisNames();
    return this.projection.labels.map((name) => name.replace(/ \(.*/, ""));
  }

  // --- painting ----------------------------------------------------------------------------------------------------

  /**
   * Draws one frame of the display; true while the points move.
   * @param {number} now
   * @param {boolean} moved the view has
   */
  paint(now, moved) {
    if (!this.camera.now || !this.probe) return false;
    const all = moved || this.groundDirty;
    const flows = super.paint(now, moved);
    if (all && this.view) this.root.dataset.view = [...this.view.x, ...this.view.y].join(" ");
    for (const layer of LAYERS) if (all || this.expired.has(layer)) this.layer(layer);
    this.expired.clear();
    return flows;
  }

  /** @param {Layer} name */
  layer(name) {
    const { context } = prepareCanvas(this[name]);
    const { view, colours } = this;
    if (!view) return;
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    if (name === "heat") this.paintHeat(context, view, colours);
    else if (name === "lines") this.paintLines(context, view, colours);
    else this.paintHand(context, view, colours);
  }

  paintGround() {
    const { context } = prepareCanvas(this.ground);
    const { view } = this;
    if (!view) return;
    context.save();
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    this.paintGrid(context, this.colours);
    if (this.state.prior) drawRings(context, view, { ...this.colours, text: this.colours.prior }, this.k === 1);
    context.restore();
    this.paintNumbers(context, this.colours);
    this.overlay.nameRings(view, this.k === 1);
    for (const ring of this.overlay.rings) ring.classList.toggle("eb-off", !this.state.prior);
  }

  paintMotion() {
    const { context } = prepareCanvas(this.motion);
    const { view } = this;
    if (!this.state.points || !view) return;
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    this.posteriors?.drawPoints(context, view, this.morph, [], markerSize(this.morph.count, this.root.clientWidth));
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {ElboColours} colours
   */
  paintHeat(context, view, colours) {
    const { posterior } = this;
    const { heat: name, log } = this.state;
    this.key = "";
    if (!posterior?.surface || name === "none" || this.k === 1) return;
    const kind = `${name} ${log}`;
    const heat = this.heats.get(kind) ?? new Heat(posterior, name, log, colours[name]);
    this.heats.set(kind, heat);
    heat.draw(context, view);
    this.key = heat.reach
      ? `heat: ln ${NAMES[name]}, down to ${short(heat.reach)} nats under its peak`
      : `heat: ${NAMES[name]}`;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {ElboColours} colours
   */
  paintLines(context, view, colours) {
    const { posterior, state } = this;
    if (!posterior?.surface) return;
    if (this.k === 1) {
      for (const name of DENSITIES) if (state[name]) drawCurve(context, view, posterior, name, colours[name]);
      return;
    }
    for (const name of /** @type {const} */ (["likelihood", "posterior"]))
      if (state[name]) drawContours(context, view, posterior, name, colours[name]);
    if (state.posterior || state.heat === "posterior") drawModes(context, view, posterior.modes, colours);
  }

  /**
   * Draws q, with its handles once the posterior is known.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {ElboColours} colours
   */
  paintHand(context, view, colours) {
    const { posterior, draws, state, projection } = this;
    const { q } = state;
    if (!q) return;
    if (draws) drawDraws(context, view, draws, colours);
    if (this.k === 1) return this.paintLineHand(context, view, colours, q);
    if (this.k > 2 && projection)
      return drawGaussian(context, view, projected(q, projection), colours.q, { strong: true });
    if (this.way) drawWay(context, view, this.way.path, this.way.step, colours);
    if (posterior && state.moved)
      drawGaussian(context, view, posterior.ofEncoder, colours.q, { dashes: [5, 4], opacity: 0.8 });
    drawGaussian(context, view, q, colours.q, { strong: true });
    if (!posterior) return;
    drawHandles(context, view, q, state.full, colours, this.held);
  }

  /**
   * The same in one dimension.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {ElboColours} colours
   * @param {Gaussian} q
   */
  paintLineHand(context, view, colours, q) {
    const { posterior } = this;
    if (!posterior?.surface) return;
    if (this.state.moved) drawNormal(context, view, posterior.ofEncoder, posterior, colours.q, [5, 4]);
    drawNormal(context, view, q, posterior, colours.q);
    drawHandles(context, view, q, false, colours, this.held);
  }

  // --- pointer -----------------------------------------------------------------------------------------------------

  /**
   * The part of q under a pixel, or null.
   * @param {Pixel} pixel
   * @param {boolean} finger
   */
  over(pixel, finger) {
    const { q, full } = this.state;
    if (!this.view || this.k > 2 || !this.posterior?.surface || !q) return null;
    return taken(q, this.view, full, pixel, finger);
  }

  isLocked() {
    return this.root.closest("[inert]") !== null;
  }

  /**
   * A press on q takes it; anywhere else it takes the plane.
   * @param {PointerEvent} event
   */
  grab(event) {
    const at = this.pointer.at(event);
    const found = event.button === 0 ? this.over(at, event.pointerType === "touch") : null;
    this.tookHandle = found !== null && found.part !== "body"; // such a press does not click a point beneath
    const { q } = this.state;
    if (!found || !q || !this.view) return super.grab(event);
    event.preventDefault();
    const from = this.view.toData(...at);
    this.held = found;
    this.on.point(-1);
    const finger = event.pointerType === "touch";
    if (finger && this.tookHandle) this.pointer.keep();
    const drag = (/** @type {PointerEvent} */ moving) => {
      if (moving.pointerId !== event.pointerId || (finger && !this.pointer.swipe?.drags) || !this.view) return;
      if (!this.isLocked())
        this.on.hold(dragged(q, found, from, this.view.toData(...this.pointer.at(moving))), moving.timeStamp);
    };
    const drop = (/** @type {PointerEvent} */ { pointerId }) => {
      if (pointerId !== event.pointerId) return;
      window.removeEventListener("pointermove", drag);
      window.removeEventListener("pointerup", drop);
      window.removeEventListener("pointercancel", drop);
      this.held = null;
      this.on.rest();
    };
    window.addEventListener("pointermove", drag);
    window.addEventListener("pointerup", drop);
    window.addEventListener("pointercancel", drop);
    this.expire("hand");
  }

  /**
   * The row of the point that a click at a pixel chooses, or −1.
   * @param {number} x
   * @param {number} y
   */
  target(x, y) {
    if (!this.view || !this.state.points || !this.morph.count) return -1;
    const row = this.nearest(...this.view.toData(x, y));
    const [px, py] = this.view.toPixel(this.morph.us[row], this.morph.vs[row]);
    return Math.hypot(px - x, py - y) < SNAP ? row : -1;
  }

  /** @param {PointerEvent} event */
  hover(event) {
    if (event.pointerType === "touch" || event.buttons || this.held) return;
    const at = this.pointer.at(event);
    const found = this.over(at, false);
    this.root.style.cursor = found ? (found.part === "end" || found.part === "knob" ? "pointer" : "grab") : "";
    const held = found && found.part !== "body";
    this.on.point(held ? -1 : this.target(...at), ...at);
  }
}

const layerCanvas = (/** @type {Layer} */ name) =>
  Object.assign(document.createElement("canvas"), { className: `eb-${name}` });

/**
 * The exact projection of a Gaussian in k dimensions onto a plane through them.
 * @param {Gaussian} q
 * @param {Projection} projection
 * @returns {Spread}
 */
function projected(q, projection) {
  const { rows } = projection;
  /** @param {(d: number) => number} f */
  const sum = (f) => Array.from(q.mu, (_, d) => f(d)).reduce((a, b) => a + b, 0);
  return {
    mu: projection.project(q.mu),
    covariance: (a, b) => {
      const [p, r] = [rows[a], rows[b]];
      return p && r ? sum((i) => sum((j) => p[i] * q.covariance(i, j) * r[j])) : 0;
    },
  };
}
