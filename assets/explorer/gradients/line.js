// The one-dimensional counterpart of the plane: the densities of target and q, and below them the gradients as arrows.

/** @import { Handle, Scene, SceneGradients } from "./plane.js" */
/** @import { Vector } from "./targets.js" */

import { View } from "../map/view.js";
import { Plot, prepareCanvas } from "../plot/chart.js";
import { faded, THEORY, theme } from "../plot/palette.js";
import { arrow, fan } from "./arrows.js";
import { Gaussian } from "./gaussian.js";
import { Plane } from "./plane.js";

const MARGIN = { left: 46, right: 8, top: 10, bottom: 26 };
const BENEATH = 0.36; // share of the height for the arrows
const NARROWEST = 0.008; // the smallest sigma, as a share of half the picture's width

export class Line extends Plane {
  /** @param {Scene} scene */
  paint(scene) {
    const { target } = this;
    this.q = scene.q;
    if (!target) return;
    this.colours = theme(this.root);
    prepareCanvas(this.ground);
    const { context, width, height } = prepareCanvas(this.motion);
    const [w, h] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
    if (w < 40 || h < 60) return;
    /** @param {number} z */
    const density = (z) => Math.exp(target.f([z]) - this.logTotal);
    const highest = Math.max(Math.exp(this.peak - this.logTotal), 1 / (scene.q.scale(0) * Math.sqrt(2 * Math.PI)), 0.3);
    /** @type {[number, number]} */
    const x = [this.middle[0] - this.half, this.middle[0] + this.half];
    const box = { left: MARGIN.left, top: MARGIN.top, width: w, height: h };
    /** @type {[number, number]} */
    const y = [(-BENEATH / (1 - BENEATH)) * 1.1 * highest, 1.1 * highest];
    const view = new View({ x, y }, box);
    this.view = view;
    const plot = new Plot(context, box, { x, y }, this.colours);
    plot.axes({ xName: "z", yFormat: (v) => (v < 0 ? "" : String(v)) });
    plot.clipped(() => {
      this.curve(plot, density, this.colours.text, 0.16);
      this.curve(plot, (z) => Math.exp(scene.q.logDensity([z])), this.colours.accent, 0.1);
      plot.path(
        2,
        (i) => x[i],
        () => 0,
        faded(this.colours.text, 0.5),
        1,
      );
      const { q, colour = this.colours.accent, draws, gradients } = scene;
      if (draws) this.paintDraws(context, view, draws, colour);
      if (gradients) this.paintArrows(plot, view, q, colour, gradients);
      this.paintHandles(context, view, q);
    });
  }

  /**
   * A density as a curve with a filled area.
   * @param {Plot} plot
   * @param {(z: number) => number} density
   * @param {string} colour
   * @param {number} fill opacity of the area
   */
  curve(plot, density, colour, fill) {
    const { context, xRange, box } = plot;
    const steps = Math.round(box.width / 2);
    /** @param {number} i */
    const at = (i) => xRange[0] + (i / steps) * (xRange[1] - xRange[0]);
    const heights = Float64Array.from({ length: steps + 1 }, (_, i) => density(at(i)));
    plot.path(steps + 1, at, (i) => heights[i], colour, 2.2);
    context.lineTo(plot.x(xRange[1]), plot.y(0));
    context.lineTo(plot.x(xRange[0]), plot.y(0));
    context.fillStyle = faded(colour, fill);
    context.fill();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Float64Array} draws
   * @param {string} colour
   */
  paintDraws(context, view, draws, colour) {
    context.fillStyle = faded(colour, 0.8);
    for (const z of draws) {
      const [x, y] = view.toPixel(z, 0);
      context.fillRect(x - 0.8, y - 4, 1.6, 8);
    }
  }

  /**
   * Arrows one below the other, all from mu: the exact gradient, the mean, then those of single draws.
   * @param {Plot} plot
   * @param {View} view
   * @param {Gaussian} q
   * @param {string} colour
   * @param {SceneGradients} gradients
   */
  paintArrows({ context, box }, view, q, colour, { rows, mean, exact, shown, unit }) {
    const [x, zero] = view.toPixel(q.mu[0], 0);
    const room = box.top + box.height - zero;
    const first = zero + 0.34 * room;
    for (let s = 0; s < shown && rows; s++)
      fan(
        context,
        x,
        first + ((s + 0.5) / shown) * 0.64 * room,
        [unit * rows[s * q.size], 0],
        faded(colour, shown > 40 ? 0.5 : 0.8),
      );
    const { background } = this.colours;
    arrow(context, x, zero + 0.12 * room, unit * exact[0], 0, THEORY, background, 5);
    if (rows) arrow(context, x, zero + 0.24 * room, unit * mean[0], 0, colour, background, 4);
  }

  /**
   * Pixels of the handles: the middle, and one sigma to its right on the density.
   * @param {View} view
   * @param {Gaussian} q
   */
  handles(view, q) {
    const height = Math.exp(q.logDensity([q.mu[0] + q.scale(0)]));
    return [view.toPixel(q.mu[0], 0), view.toPixel(q.mu[0] + q.scale(0), height)];
  }

  /**
   * @param {number} px
   * @param {number} py
   * @returns {Handle | null}
   */
  handleAt(px, py) {
    if (!this.view || !this.q) return null;
    const [[mx], [sx, sy]] = this.handles(this.view, this.q);
    if (Math.hypot(sx - px, sy - py) < 22) return { part: 1 };
    return Math.abs(px - mx) < Math.abs(sx - mx) ? { part: 0 } : null;
  }

  /**
   * @param {Gaussian} q
   * @param {number} part
   * @param {Vector} z
   * @param {Vector} offset
   */
  moved(q, part, z, offset) {
    const next = new Gaussian(q.mu, q.tril, q.full);
    if (part === 0) next.mu[0] = z[0] - offset[0];
    else next.tril[0] = Math.max(NARROWEST * this.half, z[0] - q.mu[0]);
    return next;
  }
}
