// Points and buffer zones of a map in motion, drawn again in every frame of the display.

import { contextOf } from "../core/dom.js";
import { classColour, faded } from "../plot/palette.js";

/** @import { Context2D } from "../plot/chart.js" */
/** @import { ShownPoints } from "./morph.js" */
/** @import { View } from "./view.js" */

/**
 * @typedef {object} PosteriorsOptions
 * @property {string} zones "all" draws the buffer zones; anything else only the points
 * @property {number[]} hidden the classes that are not drawn
 * @property {number} size diameter of a point, in pixels
 */

/**
 * The ellipse of a buffer zone, in pixels.
 * @typedef {object} Zone
 * @property {number} label class of the point
 * @property {number} x
 * @property {number} y
 * @property {number} major the longer semi-axis
 * @property {number} minor
 * @property {number} angle of the longer semi-axis, as canvases count it
 */

const AREA = 2e6; // pixels of zones that are filled in one frame; where there is more, the fills are drawn coarser
const LENGTH = 2.5e5; // pixels of outlines in one frame; where there is more, every second, third, … is drawn
const FILL = 0.1;
const LINE = 0.4;
const LEAST = 0.4; // px: the shortest semi-axis that a zone is drawn with

export class PosteriorCloud {
  /**
   * @param {ArrayLike<number>} labels the class of each point
   * @param {number} classes how many there are
   */
  constructor(labels, classes) {
    this.labels = labels;
    this.classes = classes;
    /** @type {Map<string, OffscreenCanvas>} */
    this.dots = new Map();
    /** @type {OffscreenCanvas | null} */
    this.coarse = null; // where the fills are drawn at a lower resolution
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {ShownPoints} morph
   * @param {PosteriorsOptions} options
   */
  draw(context, view, morph, { zones, hidden, size }) {
    if (zones === "all") this.drawZones(context, view, morph, hidden);
    this.drawPoints(context, view, morph, hidden, size);
  }

  /**
   * Draws fills and then outlines. Where zones are dense, both are fainter, so that the points stay visible.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {ShownPoints} morph
   * @param {number[]} hidden
   */
  drawZones(context, view, morph, hidden) {
    const zones = this.placed(view, morph, hidden);
    const crowd = Math.min(1, AREA / zones.reduce((sum, { major, minor }) => sum + Math.PI * major * minor, 0));
    this.fill(context, view, zones, crowd);
    const strokes = this.colours(LINE * (0.4 + 0.6 * crowd));
    const every = Math.ceil(zones.reduce((sum, { major, minor }) => sum + Math.PI * (major + minor), 0) / LENGTH);
    context.lineWidth = 0.8;
    for (let i = 0; i < zones.length; i += every) {
      outline(context, zones[i]);
      context.strokeStyle = strokes[zones[i].label];
      context.stroke();
    }
  }

  /** @param {number} alpha */
  colours(alpha) {
    return Array.from({ length: this.classes }, (_, c) => faded(classColour(c, this.classes), alpha));
  }

  /**
   * The zones that are in view.
   * @param {View} view
   * @param {ShownPoints} morph
   * @param {number[]} hidden
   */
  placed(view, morph, hidden) {
    const [us, vs, uu, uv, vv] = morph.shown;
    const pixels = view.pixelsPerUnit;
    /** @type {Zone[]} */
    const zones = [];
    for (let i = 0; i < morph.count; i++) {
      const label = this.labels[i];
      if (hidden.includes(label)) continue;
      const [x, y] = view.toPixel(us[i], vs[i]);
      const middle = (uu[i] + vv[i]) / 2;
      const half = Math.hypot((uu[i] - vv[i]) / 2, uv[i]);
      const major = Math.max(LEAST, Math.sqrt(middle + half) * pixels);
      const minor = Math.max(LEAST, Math.sqrt(Math.max(0, middle - half)) * pixels);
      if (
        x + major < view.left ||
        x - major > view.left + view.width ||
        y + major < view.top ||
        y - major > view.top + view.height
      )
        continue;
      zones.push({ label, x, y, major, minor, angle: -0.5 * Math.atan2(2 * uv[i], uu[i] - vv[i]) });
    }
    return zones;
  }

  /**
   * Fills the zones. The cost of a fill is its area: where that is too much for one frame, a smaller canvas is filled and
   * drawn enlarged.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Zone[]} zones
   * @param {number} crowd the area that can be afforded, as a share of the zones' area; at most 1
   */
  fill(context, view, zones, crowd) {
    const scale = Math.sqrt(crowd);
    if (scale > 0.95) return this.fillWith(context, zones);
    const [width, height] = [Math.ceil((view.left + view.width) * scale), Math.ceil((view.top + view.height) * scale)];
    if (this.coarse?.width !== width || this.coarse.height !== height) this.coarse = new OffscreenCanvas(width, height);
    const brush = contextOf(this.coarse);
    brush.setTransform(1, 0, 0, 1, 0, 0);
    brush.clearRect(0, 0, width, height);
    brush.scale(scale, scale);
    this.fillWith(brush, zones);
    context.globalAlpha = 0.4 + 0.6 * crowd;
    context.drawImage(this.coarse, 0, 0, width / scale, height / scale);
    context.globalAlpha = 1;
  }

  /**
   * @param {Context2D} context
   * @param {Zone[]} zones
   */
  fillWith(context, zones) {
    const fills = this.colours(FILL);
    for (const zone of zones) {
      outline(context, zone);
      context.fillStyle = fills[zone.label];
      context.fill();
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {ShownPoints} morph
   * @param {number[]} hidden
   * @param {number} size
   */
  drawPoints(context, view, morph, hidden, size) {
    const { us, vs } = morph;
    const side = Math.ceil(size) + 2;
    for (let i = 0; i < morph.count; i++) {
      const label = this.labels[i];
      if (hidden.includes(label)) continue;
      const [x, y] = view.toPixel(us[i], vs[i]);
      context.drawImage(this.dot(label, size, context), x - side / 2, y - side / 2, side, side);
    }
  }

  /**
   * A disc of the class's colour as an image, which is faster to draw than a path.
   * @param {number} label
   * @param {number} size
   * @param {CanvasRenderingContext2D} context
   */
  dot(label, size, context) {
    const ratio = context.getTransform().a;
    const key = `${label} ${size} ${ratio}`;
    const known = this.dots.get(key);
    if (known) return known;
    const side = Math.ceil(size) + 2;
    const canvas = new OffscreenCanvas(Math.ceil(side * ratio), Math.ceil(side * ratio));
    const brush = contextOf(canvas);
    brush.scale(canvas.width / side, canvas.height / side);
    brush.fillStyle = faded(classColour(label, this.classes), 0.9);
    brush.beginPath();
    brush.arc(side / 2, side / 2, size / 2, 0, 2 * Math.PI);
    brush.fill();
    this.dots.set(key, canvas);
    return canvas;
  }
}

/**
 * @param {Context2D} context
 * @param {Zone} zone
 */
function outline(context, { x, y, major, minor, angle }) {
  context.beginPath();
  context.ellipse(x, y, major, minor, angle, 0, 2 * Math.PI);
}
