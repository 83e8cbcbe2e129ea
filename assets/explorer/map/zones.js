// The canvas beneath the points: the density, the prior's rings, the buffer zones of a class or of all points.

import { contextOf } from "../core/dom.js";
import { whole } from "../core/format.js";
import { finished, Slices } from "../core/slices.js";
import { measure } from "../core/timing.js";
import { shownClasses } from "../math/grid-index.js";
import { ellipse } from "../math/projection.js";
import { classColour, faded, theme } from "../plot/palette.js";
import { DensityLayer, isFlat } from "./density-layer.js";
import { MOST, ZonesInView } from "./zones-in-view.js";

/** @import { GridIndex } from "../math/grid-index.js" */
/** @import { DensityMode } from "../math/density.js" */
/** @import { Covariance, MapProjection } from "../math/projection.js" */
/** @import { Box, Context2D } from "../plot/chart.js" */
/** @import { Colours } from "../plot/palette.js" */
/** @import { View } from "./view.js" */

/**
 * What `Zones` reads of the map that it draws on.
 * @typedef {object} ZonesScene
 * @property {{ meta: { classes: string[] } }} frame
 * @property {Pick<MapProjection, "invertible" | "isLine" | "spatial">} projection
 * @property {(i: number) => Covariance} covariance of a point's posterior, on the map
 * @property {{ us: Float32Array, vs: Float32Array, labels: ArrayLike<number> }} points
 * @property {GridIndex} index of those points
 * @property {{ density: "off" | DensityMode, hidden: number[], scale: number, zones: string }} state
 */

export const RINGS = [1, 2, 3]; // radii in σ of the prior
const SETTLED = 140; // ms without a change of view after which zones are drawn again
const QUICK = 6; // ms that drawing may take if it is done in every frame
const AT_ONCE = 1000; // zones that are drawn at once; more of them are drawn in slices …
const PIECE = 100; // … so many between two interruptions
const PATIENCE = 30; // ms that the density may take before everything else is drawn without it
const BEARS = 9; // zones over each other that do not hide what is beneath; where there are more, they are fainter

export class Zones {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(about: "density" | "zones", text: string) => void} say called with what is not drawn completely, or with ""
   */
  constructor(canvas, say) {
    this.canvas = canvas;
    this.say = say;
    this.root = /** @type {HTMLElement} */ (canvas.parentElement); // the canvas is a part of the map
    this.slices = new Slices();
    this.spare = new OffscreenCanvas(1, 1);
    this.density = new DensityLayer();
    /** @type {View | null} */
    this.drawn = null; // the view that the canvas shows
    this.slow = false; // drawing takes too long to be done in every frame
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {ZonesScene | null} */
    this.scene = null;
    /** @type {ZonesInView | null} */
    this.inView = null;
    /** @type {Uint32Array} */
    this.chosen = new Uint32Array(0); // the points whose zones were drawn last
    this.depth = 0; // zones over each other, on average
  }

  /**
   * Another scene, or the same in other colours.
   * @param {ZonesScene} scene
   */
  show(scene) {
    this.drawn = null;
    if (scene === this.scene) return; // only the colours are other ones
    this.scene = scene;
    this.inView = new ZonesInView(scene);
    this.chosen = new Uint32Array(0);
    this.depth = 0;
    this.density.show(scene);
  }

  /** Other points are shown now, so the density has to be computed again. */
  forgetDensity() {
    this.density.forget();
  }

  /**
   * Where drawing is slow, the canvas is only moved and scaled while the view moves; once it rests, it is drawn again.
   * @param {View} view
   */
  follow(view) {
    if (!this.drawn || !this.slow) return this.draw(view);
    this.stop();
    this.move(view);
    this.root.dataset.zones = "in part";
    this.timer = setTimeout(() => this.slices.run(this.drawAll(view)), SETTLED);
  }

  stop() {
    clearTimeout(this.timer);
    this.slices.stop();
  }

  /**
   * Moves and scales the canvas, so that what it shows fits another view.
   * @param {View} view
   */
  move(view) {
    if (!this.drawn) return;
    const { x, y, width, height, left, top } = this.drawn;
    const scale = (x[1] - x[0]) / (view.x[1] - view.x[0]);
    const dx = ((x[0] - view.x[0]) / (view.x[1] - view.x[0])) * width;
    const dy = ((view.y[1] - y[1]) / (view.y[1] - view.y[0])) * height;
    this.canvas.style.transformOrigin = `${left}px ${top}px`;
    this.canvas.style.transform = `translate(${dx}px, ${dy}px) scale(${scale})`;
  }

  /**
   * Draws at once, where there are many zones only some of them; then all follow in slices. Where there are very many
   * points, those some are of the zones that were drawn last.
   * @param {View} view
   */
  draw(view) {
    if (!this.scene) return;
    const start = performance.now();
    this.stop();
    const {
      points: { us, labels },
    } = this.scene;
    const shown = this.zoned();
    const wanted = shown.includes(1);
    const few = !wanted || us.length <= MOST;
    if (few) finished(this.find(view));
    const chosen = few ? this.chosen : this.chosen.filter((i) => shown[labels[i]]);
    const part = Math.ceil(chosen.length / AT_ONCE);
    const summed = this.density.computeFor(PATIENCE);
    finished(
      this.paint(
        this.begin(this.canvas, view),
        view,
        chosen.filter((_, n) => n % part === 0),
      ),
    );
    this.settle(view);
    const more = !few || part > 1 || !summed;
    this.slow = more || performance.now() - start > QUICK;
    this.root.dataset.zones = more ? "in part" : "drawn";
    if (more) this.slices.run(this.drawAll(view));
    measure("elbo-room:zones", start);
  }

  /**
   * Draws all zones on a second canvas, which then replaces what the first one shows.
   * @param {View} view
   */
  *drawAll(view) {
    const start = performance.now();
    yield* this.density.compute();
    yield* this.find(view);
    const { spare, canvas } = this;
    const context = this.begin(spare, view, { willReadFrequently: true });
    for (const _ of this.paint(context, view, this.chosen)) {
      context.getImageData(0, 0, 1, 1); // without this, browsers would defer all of the drawing to the end
      yield;
    }
    Object.assign(canvas, { width: spare.width, height: spare.height });
    contextOf(canvas).drawImage(spare, 0, 0);
    this.settle(view);
    this.root.dataset.zones = "drawn";
    measure("elbo-room:all-zones", start);
  }

  /**
   * The canvas shows this view, without being moved.
   * @param {View} view
   */
  settle(view) {
    this.canvas.style.transform = "";
    this.drawn = view;
  }

  /**
   * Gives a canvas the map's size, empties it and clips it to a box. Returns its context.
   * @param {HTMLCanvasElement | OffscreenCanvas} canvas
   * @param {Box} box
   * @param {CanvasRenderingContext2DSettings} [options]
   */
  begin(canvas, { left, top, width, height }, options = {}) {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, this.root.clientWidth * ratio);
    canvas.height = Math.max(1, this.root.clientHeight * ratio);
    const context = contextOf(canvas, options);
    context.scale(ratio, ratio);
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    return context;
  }

  /**
   * @param {Context2D} context
   * @param {View} view
   * @param {Uint32Array} chosen the points whose zones are drawn
   */
  *paint(context, view, chosen) {
    const { scene } = this;
    if (!scene) return;
    const colours = theme(this.root);
    const {
      state: { density },
      projection,
    } = scene;
    const flat = isFlat(projection);
    this.root.dataset.density = flat || density === "holes" ? density : "off"; // the holes' numbers hold on any map
    const every = this.density.draw(context, view, colours);
    this.say("density", every > 1 ? `density from one in ${every} points` : "");
    if (!flat) return;
    drawRings(context, view, colours, projection.isLine);
    yield* this.drawEllipses(context, view, chosen, scene);
  }

  /**
   * @param {Context2D} context
   * @param {View} view
   * @param {Uint32Array} chosen
   * @param {ZonesScene} scene
   */
  *drawEllipses(context, view, chosen, { frame, covariance, points, state }) {
    const { zones, scale } = state;
    const { us, vs, labels } = points;
    const pixels = view.pixelsPerUnit * scale;
    const faint = Math.min(1, BEARS / this.depth);
    const fills = classColours(frame, faint * (zones === "all" ? 0.1 : 0.14));
    const strokes = classColours(frame, Math.sqrt(faint) * (zones === "all" ? 0.42 : 0.5));
    context.lineWidth = 0.8;
    for (let n = 0; n < chosen.length; n++) {
      const i = chosen[n];
      const { major, minor, angle } = ellipse(covariance(i));
      const [x, y] = view.toPixel(us[i], vs[i]);
      context.beginPath();
      context.ellipse(x, y, major * pixels, Math.max(0.4, minor * pixels), -angle, 0, 2 * Math.PI);
      context.fillStyle = fills[labels[i]];
      context.fill();
      context.strokeStyle = strokes[labels[i]];
      context.stroke();
      if (n % PIECE === PIECE - 1) yield;
    }
  }

  /**
   * Chooses the points whose zones are drawn in a view.
   * @param {View} view
   */
  *find(view) {
    const { scene, inView } = this;
    const shown = this.zoned();
    const none = { chosen: new Uint32Array(0), count: 0, depth: 0 };
    const { chosen, count, depth } =
      scene && inView && shown.includes(1) ? yield* inView.find(view, scene.state.scale, shown) : none;
    this.chosen = chosen;
    this.depth = depth;
    this.say(
      "zones",
      chosen.length < count ? `${whole(chosen.length)} of ${whole(count)} zones, fewer where they are many` : "",
    );
  }

  /** Class → whether its zones are drawn. */
  zoned() {
    if (!this.scene) return new Uint8Array(0);
    const {
      projection,
      state: { zones, hidden },
    } = this.scene;
    const asked = (/** @type {number} */ c) => isFlat(projection) && (zones === "all" || zones === String(c));
    return shownClasses(hidden).map((shown, c) => Number(shown && asked(c)));
  }
}

/**
 * The rings of 1, 2 and 3 σ of the prior; in one dimension, each is two lines across the map.
 * @param {Context2D} context
 * @param {View} view
 * @param {Pick<Colours, "text">} colours
 * @param {boolean} isLine
 */
export function drawRings(context, view, colours, isLine) {
  const [x, y] = view.toPixel(0, 0);
  context.strokeStyle = faded(colours.text, 0.5);
  context.setLineDash([5, 5]);
  for (const r of RINGS) {
    const away = r * view.pixelsPerUnit;
    context.beginPath();
    if (isLine)
      for (const at of [x - away, x + away]) {
        context.moveTo(at, view.top);
        context.lineTo(at, view.top + view.height);
      }
    else context.arc(x, y, away, 0, 2 * Math.PI);
    context.stroke();
  }
  context.setLineDash([]);
}

/**
 * @param {ZonesScene["frame"]} frame
 * @param {number} alpha
 */
const classColours = ({ meta: { classes } }, alpha) =>
  classes.map((_, c) => faded(classColour(c, classes.length), alpha));
