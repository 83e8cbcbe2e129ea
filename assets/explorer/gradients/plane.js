// The latent plane: the target as a heat map with contours, q as ellipses with handles to drag, and gradients as arrows.

/** @import { Target, Vector } from "./targets.js" */

import { findAll } from "../core/dom.js";
import { Pointer } from "../map/pointer.js";
import { View } from "../map/view.js";
import { disc, prepareCanvas } from "../plot/chart.js";
import { faded, THEORY, theme } from "../plot/palette.js";
import { arrow, fan } from "./arrows.js";
import { Gaussian } from "./gaussian.js";
import { paintGrid, paintTarget } from "./ground.js";

const MARGIN = { left: 46, right: 8, top: 8, bottom: 26 };
const NARROWEST = 0.008; // the smallest sigma, as a share of half the picture's width
const GRIP = { mouse: 14, touch: 26 }; // px
const WAYS = new Map([
  ["ArrowLeft", [-1, 0]],
  ["ArrowRight", [1, 0]],
  ["ArrowUp", [0, 1]],
  ["ArrowDown", [0, -1]],
]);

/**
 * @typedef {object} SceneGradients
 * @property {Float64Array | null} rows gradients of single draws, row by row
 * @property {Float64Array} mean
 * @property {Float64Array} exact
 * @property {number} shown how many of the rows are drawn
 * @property {number} unit pixels per nat per unit of z
 */

/**
 * What is drawn in a frame.
 * @typedef {object} Scene
 * @property {Gaussian} q
 * @property {string} [colour] of draws and gradients
 * @property {Float64Array | null} [draws] points z, one after the other
 * @property {SceneGradients} [gradients]
 */

/**
 * Called while a person moves q.
 * @callback DragQ
 * @param {Gaussian} q
 * @returns {void}
 */

/**
 * A handle of q: 0 is its middle, 1 and 2 the ends of its axes; `body` where the ellipse itself was pressed.
 * @typedef {{ part: number, body?: boolean }} Handle
 */

export class Plane {
  /**
   * @param {HTMLElement} root
   * @param {DragQ} drag
   * @param {string} name for screen readers
   */
  constructor(root, drag, name) {
    this.root = root;
    this.drag = drag;
    this.dirty = true;
    /** @type {Target | null} */
    this.target = null;
    this.peak = 0;
    this.logTotal = 0; // ln of the integral of exp(f)
    this.half = 1;
    /** @type {number[]} */
    this.middle = [0, 0];
    /** @type {Gaussian | null} */
    this.q = null;
    /** @type {View | null} */
    this.view = null;
    /** @type {{ part: number, offset: number[], last: Gaussian } | null} */
    this.held = null;
    this.hearsKeys = () => true;
    /** @type {(() => void) | null} called when the picture has to be drawn again */
    this.onRenew = null;
    root.classList.add("gr-plane");
    root.tabIndex = 0;
    root.setAttribute("role", "application");
    root.setAttribute(
      "aria-label",
      `${name}: drag q by its middle or by the ends of its axes; arrow keys move its middle`,
    );
    root.innerHTML = "<canvas></canvas><canvas></canvas>";
    const [ground, motion] = findAll(root, "canvas", HTMLCanvasElement);
    this.ground = ground;
    this.motion = motion;
    this.colours = theme(root);
    this.pointer = new Pointer(root, this, {
      hover: (x, y, _at, finger) => {
        if (!finger) root.style.cursor = this.handleAt(x, y, GRIP.mouse) ? "grab" : "";
      },
      click: () => {},
      press: (x, y, _at, finger) => this.press(x, y, finger ? GRIP.touch : GRIP.mouse),
      drag: (x, y) => this.pull(x, y),
      drop: () => this.drop(),
    });
    root.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.renew()).observe(root);
  }

  /**
   * Shows another target.
   * @param {Target} target
   * @param {number} peak its largest value
   * @param {number} half half the width of the picture, in units of z
   * @param {number[]} [middle] middle of the picture
   */
  load(target, peak, half, middle = [0, 0]) {
    this.target = target;
    this.peak = peak;
    this.half = half;
    this.middle = middle;
    this.renew();
  }

  renew() {
    this.dirty = true;
    this.onRenew?.();
  }

  /** @param {Scene} scene */
  paint(scene) {
    this.q = scene.q;
    if (!this.target) return;
    if (this.dirty) this.paintGround();
    const { context, width, height } = prepareCanvas(this.motion);
    if (!this.view || width < 60 || height < 60) return;
    context.save();
    context.beginPath();
    context.rect(this.view.left, this.view.top, this.view.width, this.view.height);
    context.clip();
    const colours = this.colours;
    const { q, colour = colours.accent, draws, gradients } = scene;
    if (draws) this.paintDraws(context, this.view, draws, colour);
    if (gradients) this.paintSingles(context, this.view, q, colour, gradients);
    this.paintQ(context, this.view, q);
    if (gradients) this.paintMeans(context, this.view, q, colour, gradients);
    this.paintHandles(context, this.view, q);
    context.restore();
  }

  paintGround() {
    this.dirty = false;
    const { context, width, height } = prepareCanvas(this.ground);
    this.colours = theme(this.root);
    const [w, h] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
    if (w < 40 || h < 40) return;
    const unit = (2 * this.half) / Math.min(w, h);
    /**
     * @param {number} middle
     * @param {number} pixels
     * @returns {[number, number]}
     */
    const around = (middle, pixels) => [middle - (unit * pixels) / 2, middle + (unit * pixels) / 2];
    this.view = new View(
      { x: around(this.middle[0], w), y: around(this.middle[1], h) },
      { left: MARGIN.left, top: MARGIN.top, width: w, height: h },
    );
    if (this.target) paintTarget(context, this.view, this.target, this.peak, this.colours);
    paintGrid(context, this.view, this.colours);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Float64Array} draws
   * @param {string} colour
   */
  paintDraws(context, view, draws, colour) {
    context.fillStyle = faded(colour, 0.55);
    for (let s = 0; s < draws.length; s += 2) {
      const [x, y] = view.toPixel(draws[s], draws[s + 1]);
      context.fillRect(x - 1.5, y - 1.5, 3, 3);
    }
  }

  /**
   * The gradients of single draws as thin arrows.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Gaussian} q
   * @param {string} colour
   * @param {SceneGradients} gradients
   */
  paintSingles(context, view, q, colour, { rows, shown, unit }) {
    if (!rows) return;
    const [x, y] = view.toPixel(q.mu[0], q.mu[1]);
    const arrows = new Float64Array(2 * shown);
    for (let s = 0; s < shown; s++) {
      arrows[2 * s] = unit * rows[s * q.size];
      arrows[2 * s + 1] = -unit * rows[s * q.size + 1];
    }
    fan(context, x, y, arrows, faded(colour, shown > 40 ? 0.45 : 0.75));
  }

  /**
   * The exact gradient and the mean as thick arrows.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Gaussian} q
   * @param {string} colour
   * @param {SceneGradients} gradients
   */
  paintMeans(context, view, q, colour, { rows, mean, exact, unit }) {
    const [x, y] = view.toPixel(q.mu[0], q.mu[1]);
    arrow(context, x, y, unit * exact[0], -unit * exact[1], THEORY, this.colours.background, 7);
    if (rows) arrow(context, x, y, unit * mean[0], -unit * mean[1], colour, null, 3);
  }

  /**
   * The ellipses of one and two standard deviations.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Gaussian} q
   */
  paintQ(context, view, q) {
    const { accent } = this.colours;
    const turn = Array.from({ length: 73 }, (_, i) => [Math.cos((i * Math.PI) / 36), Math.sin((i * Math.PI) / 36)]);
    for (const [radius, alpha, width] of [
      [2, 0.6, 1.4],
      [1, 1, 2.6],
    ]) {
      context.beginPath();
      for (const [c, s] of turn) {
        const [x, y] = this.pixelAt(view, q, [radius * c, radius * s]);
        context.lineTo(x, y);
      }
      context.fillStyle = faded(accent, 0.07);
      context.fill();
      Object.assign(context, { strokeStyle: faded(accent, alpha), lineWidth: width });
      context.stroke();
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Gaussian} q
   */
  paintHandles(context, view, q) {
    const { accent, background } = this.colours;
    this.handles(view, q).forEach(([x, y], i) => {
      disc(context, x, y, i ? 6 : 7, i ? background : accent, i ? accent : background, 2.4);
    });
  }

  /**
   * Pixel of z = mu + L·zeta.
   * @param {View} view
   * @param {Gaussian} q
   * @param {number[]} zeta
   */
  pixelAt(view, q, zeta) {
    const z = q.at(zeta, [0, 0]);
    return view.toPixel(z[0], z[1]);
  }

  /**
   * Pixels of the handles: the middle, and mu + the columns of L.
   * @param {View} view
   * @param {Gaussian} q
   */
  handles(view, q) {
    return [
      [0, 0],
      [1, 0],
      [0, 1],
    ].map((zeta) => this.pixelAt(view, q, zeta));
  }

  // --- dragging ---------------------------------------------------------------------------------------------------------------

  /**
   * The handle at a pixel, or null.
   * @param {number} px
   * @param {number} py
   * @param {number} reach pixels around a handle that belong to it
   * @returns {Handle | null}
   */
  handleAt(px, py, reach) {
    if (!this.view || !this.q) return null;
    const away = this.handles(this.view, this.q).map(([x, y], i) => ({
      i,
      d: Math.hypot(x - px, y - py) - (i ? 2 : 0),
    }));
    const nearest = away.reduce((best, one) => (one.d < best.d ? one : best));
    if (nearest.d < reach) return { part: nearest.i };
    const zeta = this.q.whitened(this.view.toData(px, py), [0, 0]);
    return Math.hypot(...zeta) < 1 ? { part: 0, body: true } : null; // a press anywhere in the ellipse moves all of q
  }

  /**
   * Begins a drag. A handle is dragged in any direction; in the ellipse, a finger that swipes up or down scrolls the page.
   * @param {number} x
   * @param {number} y
   * @param {number} reach
   * @returns {boolean | "across"}
   */
  press(x, y, reach) {
    const { view, q } = this;
    const found = this.handleAt(x, y, reach);
    if (!found || !view || !q) return false;
    const offset = view.toData(x, y).map((v, i) => v - q.mu[i]);
    this.held = { part: found.part, offset, last: q };
    return found.body ? "across" : true;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  pull(x, y) {
    const { held, view, q } = this;
    if (!held || !view || !q) return;
    held.last = this.moved(q, held.part, view.toData(x, y), held.offset);
    this.drag(held.last);
  }

  drop() {
    if (!this.held) return;
    const { last } = this.held;
    this.held = null;
    this.drag(last);
  }

  /**
   * q with one of its handles moved to `z`.
   * @param {Gaussian} q
   * @param {number} part
   * @param {Vector} z
   * @param {Vector} offset of the pressed point from mu
   */
  moved(q, part, z, offset) {
    const { mu, tril, full } = q;
    const next = new Gaussian(mu, tril, full);
    if (part === 0) for (let i = 0; i < 2; i++) next.mu[i] = z[i] - offset[i];
    else next.tril[part === 1 ? 0 : 3] = Math.max(NARROWEST * this.half, z[part - 1] - mu[part - 1]);
    if (part === 1 && full) next.tril[2] = z[1] - mu[1];
    return next;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const way = WAYS.get(event.key);
    if (!way || !this.q || !this.hearsKeys()) return;
    event.preventDefault();
    const next = new Gaussian(this.q.mu, this.q.tril, this.q.full);
    for (let i = 0; i < next.k; i++) next.mu[i] += 0.02 * this.half * way[i];
    this.drag(next);
  }
}
