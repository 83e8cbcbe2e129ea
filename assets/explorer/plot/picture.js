// Pixel means in [0, 1] (channels, height, width) onto a canvas of the image's own size; CSS scales it without smoothing.

import { contextOf } from "../core/dom.js";

/** @import { ImageShape } from "../data/frame.js" */

export class Picture {
  /**
   * @param {HTMLCanvasElement | OffscreenCanvas} canvas
   * @param {ImageShape} shape
   */
  constructor(canvas, [channels, height, width]) {
    canvas.width = width;
    canvas.height = height;
    this.context = contextOf(canvas);
    this.image = new ImageData(width, height);
    this.image.data.fill(255);
    this.channels = channels;
  }

  /**
   * @param {ArrayLike<number>} pixels
   * @param {number} [scale] 1 for means in [0, 1], 1/255 for bytes
   * @param {number} [offset] where the image starts in `pixels`
   */
  paint(pixels, scale = 1, offset = 0) {
    const plane = this.image.width * this.image.height;
    const data = this.image.data; // a clamped array: values outside 0–255 are cut
    for (let c = 0; c < 3; c++) {
      const from = offset + (this.channels === 3 ? c * plane : 0);
      for (let i = 0; i < plane; i++) data[4 * i + c] = 255 * scale * pixels[from + i];
    }
    this.context.putImageData(this.image, 0, 0);
  }

  clear() {
    this.context.clearRect(0, 0, this.image.width, this.image.height);
  }
}
