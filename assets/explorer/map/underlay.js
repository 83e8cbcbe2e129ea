// The decoded plane beneath the points of a live map, as one image.

import { canvasOf } from "../core/dom.js";

/** @import { ImageShape } from "../data/frame.js" */
/** @import { Rgb } from "../plot/palette.js" */
/** @import { View } from "./view.js" */

/**
 * The decoded plane: side × side images, of bytes, whose outermost ones are centred on ±reach.
 * @typedef {object} ManifoldFrame
 * @property {{ side: number, reach: number }} meta
 * @property {{ images: ArrayLike<number> }} arrays
 */

const OPACITY = 0.55;

export class Underlay {
  /**
   * @param {ManifoldFrame} manifold
   * @param {ImageShape} shape
   * @param {Rgb} ink the colour of grey images, whose values become its opacity
   */
  constructor({ meta: { side, reach }, arrays: { images } }, [channels, h, w], ink) {
    const image = new ImageData(side * w, side * h);
    for (let tile = 0; tile < side * side; tile++)
      for (let y = 0; y < h; y++)
        for (let x = 0; x < w; x++) {
          const from = tile * channels * h * w + y * w + x;
          const to = 4 * (((Math.floor(tile / side) * h + y) * side + (tile % side)) * w + x);
          if (channels === 3) image.data.set([images[from], images[from + h * w], images[from + 2 * h * w], 255], to);
          else image.data.set([...ink, images[from]], to);
        }
    this.canvas = canvasOf(image);
    this.half = reach + reach / (side - 1); // the outermost images are centred on ±reach
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   */
  draw(context, view) {
    const { canvas, half } = this;
    const [x0, y0] = view.toPixel(-half, half);
    const [x1, y1] = view.toPixel(half, -half);
    context.imageSmoothingEnabled = x1 - x0 < canvas.width;
    context.globalAlpha = OPACITY;
    context.drawImage(canvas, x0, y0, x1 - x0, y1 - y0);
    context.globalAlpha = 1;
  }
}
