// A lasso or a box that is being drawn on the map.

import { box } from "../../math/lasso.js";
import { cornersOf } from "../../math/outline.js";
import { CORNERS } from "../fields.js";

/** @import { Point, Shape } from "../../core/link-fields.js" */
/** @import { View } from "../../map/view.js" */

const EXACT = 0.7; // px by which a corner of a lasso may be off the line that was drawn
const STILL = 5; // px that the pointer may move in a click

export class ShapeDrag {
  /**
   * @param {boolean} isBox
   * @param {number} x px
   * @param {number} y px
   */
  constructor(isBox, x, y) {
    this.isBox = isBox;
    /** @type {Point[]} of the pointer, in pixels; for a box its first and its newest place only */
    this.trail = [[x, y]];
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  move(x, y) {
    if (this.isBox) this.trail[1] = [x, y];
    else this.trail.push([x, y]);
  }

  /** Whether this is more than a click. */
  get hasMoved() {
    const [[x0, y0]] = this.trail;
    return this.trail.some(([x, y]) => Math.hypot(x - x0, y - y0) > STILL);
  }

  /**
   * The shape on the map so far.
   * @param {View} view
   */
  drawn(view) {
    return this.outline(this.trail, view);
  }

  /**
   * The shape on the map with no more corners than a link can carry.
   * @param {View} view
   */
  simplified(view) {
    return this.outline(cornersOf(this.trail, CORNERS, EXACT), view);
  }

  /**
   * From pixels to the coordinates of the map, rounded to a fiftieth of a pixel.
   * @param {Point[]} trail
   * @param {View} view
   * @returns {Shape}
   */
  outline(trail, view) {
    const digits = Math.max(0, Math.min(9, Math.ceil(Math.log10(50 * view.pixelsPerUnit))));
    /** @param {number} v */
    const rounded = (v) => Number(v.toFixed(digits));
    const corners = trail.map(([x, y]) => {
      const [u, v] = view.toData(x, y);
      return /** @type {Point} */ ([rounded(u), rounded(v)]);
    });
    return this.isBox ? box(corners[0], corners[corners.length - 1]) : corners;
  }
}
