// Images over their reconstructions, many of them in one picture.

import { finished, Slices } from "../../core/slices.js";
import { Series } from "../../network/series.js";
import { Picture } from "../../plot/picture.js";

const MOST = 5000; // images of a picture …
const MOST_PIXELS = 40e6; // … whose pixels a browser keeps at hand
const LEAST_COLUMNS = 16;
const GAP = 4; // px between images
const GREY = "#777";

// How many images of a shape, of `count`, a picture holds.
export const held = ([, height, width], count) =>
  Math.min(count, MOST, Math.floor(MOST_PIXELS / ((width + GAP) * 2 * (height + GAP))));

export class ContactSheet {
  // Of the data points `points` of a frame; without a decoder there is no second row. `told(share)` hears how far it is,
  // `done(blob)` gets the picture.
  constructor(frame, decoder, points, { told, done }) {
    this.frame = frame;
    this.decoder = decoder;
    this.points = points;
    this.told = told;
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
    this.context = this.canvas.getContext("2d");
    this.context.fillStyle = GREY;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.tile = new Picture(new OffscreenCanvas(1, 1), frame.meta.image_shape);
  }

  // Begins; nothing under the pointer waits for it.
  make() {
    const {
      meta: { latent_dim: k, image_shape: shape },
      arrays,
    } = this.frame;
    const size = shape.reduce((a, b) => a * b, 1);
    const original = (n) => this.put(n, 0, arrays.images, 1 / 255, this.points[n] * size);
    if (!this.decoder) return this.slices.run(this.originals(original));
    if (this.frame.given.images) finished(this.originals(original, () => {}));
    const mu = (n) => arrays.mu.subarray(this.points[n] * k, (this.points[n] + 1) * k);
    const series = new Series({ dataset: {} }, 0, mu, (n, { pixels }) => {
      this.put(n, 1, pixels);
      this.told(1 - series.left / this.points.length);
      if (!series.left) this.end();
    });
    this.decoder.askAll("sheet", series.grow(this.points.length));
  }

  stop() {
    this.slices.stop();
    this.decoder?.forget("sheet");
    this.done = () => {};
  }

  *originals(put, end = () => this.end()) {
    for (let n = 0; n < this.points.length; n++) {
      put(n);
      if (n % 100 === 99) yield;
    }
    end();
  }

  // Image n, or in row 1 its reconstruction.
  put(n, row, pixels, scale = 1, offset = 0) {
    this.tile.paint(pixels, scale, offset);
    const [x, y] = [GAP + (n % this.columns) * this.width, GAP + Math.floor(n / this.columns) * this.height];
    const { canvas } = this.tile.context;
    this.context.drawImage(canvas, x, y + row * canvas.height);
  }

  async end() {
    this.done(await this.canvas.convertToBlob({ type: "image/png" }));
  }
}
