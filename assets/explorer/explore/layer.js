// A canvas above the map's points, for what a tool draws and seldom changes; it is painted again whenever the view changes.

/** @import { View } from "../map/view.js" */

import { contextOf } from "../core/dom.js";

/** @typedef {(context: CanvasRenderingContext2D, view: View) => void} PaintLayer */

export class Layer {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {PaintLayer | null} */
    this.draw = null;
    /** @type {View | null} */
    this.view = null;
    canvas.hidden = true;
  }

  /**
   * Paints with `draw` from now on, clipped to the axes' rectangle; for null nothing is painted.
   * @param {PaintLayer | null} draw
   */
  paintWith(draw) {
    this.draw = draw;
    this.canvas.hidden = !draw;
    this.paint();
  }

  /** @param {View} view */
  follow(view) {
    this.view = view;
    this.paint();
  }

  paint() {
    const { canvas, view } = this;
    const room = canvas.parentElement;
    if (!this.draw || !view || !room) return;
    const { clientWidth, clientHeight } = room;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = contextOf(canvas);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    context.save();
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    this.draw(context, view);
    context.restore();
  }
}
