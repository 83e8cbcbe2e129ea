// One picture of many images over their reconstructions.

import { contextOf } from "../../core/dom.js";
import { finished, Slices } from "../../core/slices.js";
import { Series } from "../../network/series.js";
import { Picture } from "../../plot/picture.js";

/** @import { ImageShape, MapFrame } from "../../data/frame.js" */
/** @import { InferenceClient } from "../../network/inference-client.js" */

const MOST = 5000; // images of a picture
const MOST_PIXELS = 40e6; // of a picture: browsers keep canvases of this size in memory
const LEAST_COLUMNS = 16;
const GAP = 4; // px between images
const GREY = "#777";

/**
 * How many of `count` images a picture can hold.
 * @param {ImageShape} shape channels, height and width of an image
 * @param {number} count
 */
export const capacity = ([, height, width], count) =>
  Math.min(count, MOST, Math.floor(MOST_PIXELS / ((width + GAP) * 2 * (height + GAP))));

export class ContactSheet {
  /**
   * @param {MapFrame} frame
   * @param {InferenceClient<"decode"> | null} decoder without one the second row stays empty
   * @param {Uint32Array} points indices of the data points
   * @param {object} handlers
   * @param {(share: number) => void} handlers.progressed called with the share that is done, in [0, 1]
   * @param {(blob: Blob) => void} handlers.done called with the finished picture
   */
  constructor(frame, decoder, points, { progressed, done }) {
    this.frame = frame;
    this.decoder = decoder;
    this.points = points;
    this.progressed = progressed;
    this.done = done;
    this.slices = new Slices();
    const [, height, width] = frame.meta.image_shape;
    this.width = width + GAP;
    this.height = 2 * (height + GAP);
    const square = Math.ceil(Math.sqrt((points.length * this.height) / this.width));
    this.columns = Math.min(points.length, Math.max(LEAST_COLUMNS, square));
    this.canvas = new OffscreenCanvas(
      this.columns * this.width + GAP,
      Math.ceil(points.length / this.columns) * this.height + GAP,
    );
    this.context = contextOf(this.canvas);
    this.context.fillStyle = GREY;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.tile = new OffscreenCanvas(1, 1);
    this.picture = new Picture(this.tile, frame.meta.image_shape);
  }

  /** Starts the work, which runs in slices between frames. */
  make() {
    const {
      meta: { latent_dim: k, image_shape: shape },
      arrays,
    } = this.frame;
    const size = shape.reduce((a, b) => a * b, 1);
    /** @param {number} n */
    const original = (n) => this.put(n, 0, arrays.images, 1 / 255, this.points[n] * size);
    if (!this.decoder) return this.slices.run(this.originals(original));
    if (this.frame.given.images) finished(this.originals(original, () => {}));
    const series = new Series(
      { dataset: {} },
      0,
      (n) => arrays.mu.subarray(this.points[n] * k, (this.points[n] + 1) * k),
      (n, { pixels }) => {
        this.put(n, 1, pixels);
        this.progressed(1 - series.left / this.points.length);
        if (!series.left) this.end();
      },
    );
    this.decoder.askAll("sheet", series.grow(this.points.length));
  }

  stop() {
    this.slices.stop();
    this.decoder?.forget("sheet");
    this.done = () => {};
  }

  /**
   * Puts all images one after the other, then calls `end`.
   * @param {(n: number) => void} put
   */
  *originals(put, end = () => void this.end()) {
    for (let n = 0; n < this.points.length; n++) {
      put(n);
      if (n % 100 === 99) yield;
    }
    end();
  }

  /**
   * Draws image n; in row 1 its reconstruction.
   * @param {number} n
   * @param {number} row
   * @param {ArrayLike<number>} pixels
   */
  put(n, row, pixels, scale = 1, offset = 0) {
    this.picture.paint(pixels, scale, offset);
    const [x, y] = [GAP + (n % this.columns) * this.width, GAP + Math.floor(n / this.columns) * this.height];
    this.context.drawImage(this.tile, x, y + row * this.tile.height);
  }

  async end() {
    this.done(await this.canvas.convertToBlob({ type: "image/png" }));
  }
}
