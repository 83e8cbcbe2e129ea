// Painting at most once per frame of the browser, with the time from an input to its painting measured.

import { afterPaint, measure } from "../core/timing.js";

export class PaintQueue {
  /** @param {() => void} paint */
  constructor(paint) {
    this.paint = paint;
    /** An input has come that is not painted yet. */
    this.isWaiting = false;
  }

  /**
   * Paints once before the next frame of the browser, however many inputs arrive until then; the time is measured from the
   * first of them.
   * @param {number} startedAt when the input came, in ms
   */
  schedule(startedAt) {
    if (this.isWaiting) return;
    this.isWaiting = true;
    const handledAt = performance.now(); // browsers hold pointer events back until a frame begins: without that delay
    requestAnimationFrame(() => {
      this.isWaiting = false;
      this.paint();
      afterPaint(() => {
        measure("elbo-room:input-to-paint", startedAt);
        measure("elbo-room:handled-to-paint", handledAt);
      });
    });
  }
}
