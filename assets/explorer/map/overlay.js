// The SVG above the points: the lens, the buffer zone of the nearest point, the names of the rings. All of it is small, so
// that little has to be painted again when the pointer moves.

import { find, findAll } from "../core/dom.js";
import { ellipse } from "../math/projection.js";
import { classColour } from "../plot/palette.js";
import { RINGS } from "./zones.js";

/** @import { Covariance } from "../math/projection.js" */
/** @import { View } from "./view.js" */

/**
 * The lens at (u, v); `nearest` is the data point whose zone is shown, or −1. With `ringed`, a ring is drawn around that
 * point: where the plane is not all of z, it need not be the point that is drawn nearest to the lens.
 * @typedef {{ u: number, v: number, nearest: number, ringed: boolean }} Mark
 */

/**
 * @typedef {object} MarkedPoints
 * @property {ArrayLike<number>} us
 * @property {ArrayLike<number>} vs
 * @property {ArrayLike<number>} labels
 */

/**
 * What the overlay needs of a scene.
 * @typedef {object} MarkedScene
 * @property {{ meta: { classes: string[], ordered?: boolean } }} frame
 * @property {(i: number) => Covariance} covariance
 * @property {MarkedPoints} points
 * @property {{ zones: string, scale: number }} state `scale`: semi-axes of a zone, in σ
 */

export class Overlay {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.marker = find(root, ".er-marker", SVGElement);
    this.zone = find(root, ".er-zone", SVGElement);
    this.point = find(root, ".er-point", SVGElement);
    this.rings = findAll(root, ".er-ring", SVGElement);
  }

  /**
   * @param {View} view
   * @param {MarkedScene} scene
   * @param {Mark} mark
   */
  show(view, scene, { u, v, nearest, ringed }) {
    const [x, y] = view.toPixel(u, v);
    const inside = view.contains(x, y);
    this.marker.style.display = inside ? "" : "none";
    if (inside) this.marker.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    const shown = nearest >= 0 && scene.state.zones !== "none";
    this.zone.style.display = shown ? "" : "none";
    if (shown) this.placeZone(view, scene, nearest);
    this.placePoint(view, scene.points, ringed ? nearest : -1);
  }

  /**
   * @param {View} view
   * @param {MarkedPoints} points
   * @param {number} i the point with a ring around it, or −1 for none
   */
  placePoint(view, { us, vs }, i) {
    const [x, y] = i >= 0 ? view.toPixel(us[i], vs[i]) : [NaN, NaN];
    const inside = i >= 0 && view.contains(x, y);
    this.point.style.display = inside ? "" : "none";
    if (inside) this.point.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }

  /**
   * @param {View} view
   * @param {MarkedScene} scene
   * @param {number} i
   */
  placeZone(view, { frame, covariance, points, state }, i) {
    const { us, vs, labels } = points;
    const { major, minor, angle } = ellipse(covariance(i));
    const [x, y] = view.toPixel(us[i], vs[i]);
    const scale = view.pixelsPerUnit * state.scale;
    const colour = classColour(labels[i], frame.meta.classes.length, frame.meta.ordered);
    const degrees = (-angle * 180) / Math.PI;
    this.zone.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${degrees.toFixed(2)})`);
    this.zone.setAttribute("rx", Math.max(1, major * scale).toFixed(2));
    this.zone.setAttribute("ry", Math.max(1, minor * scale).toFixed(2));
    this.zone.setAttribute("fill", colour);
    this.zone.setAttribute("stroke", colour);
  }

  /**
   * Names the rings of 1, 2 and 3 σ, at their upper left; in one dimension, where a ring is two lines, at the upper end of
   * the left one.
   * @param {View} view
   * @param {boolean} isLine
   */
  nameRings(view, isLine, hidden = false) {
    const [u, v] = view.toPixel(0, 0);
    this.rings.forEach((text, i) => {
      const away = RINGS[i] * view.pixelsPerUnit;
      const [x, y] = isLine ? [u - away, view.top + 14] : [u - away * Math.SQRT1_2, v - away * Math.SQRT1_2];
      text.textContent = `${RINGS[i]}σ`;
      text.setAttribute("x", String(x));
      text.setAttribute("y", String(y));
      text.style.display = !hidden && view.contains(x, y) ? "" : "none";
    });
  }
}
