// The decoded plane, beneath the points. While beta moves, every animation frame renews some of its images, in an order that
// spreads them over the plane; once beta rests, the others follow within a few frames.

/** @import { View } from "../map/view.js" */
/** @import { Decoded } from "../network/network.js" */
/** @import { SeriesRequest } from "../network/series.js" */
/** @import { PathDecoder } from "./model.js" */
/** @import { PathMeta } from "./path.js" */

import { contextOf } from "../core/dom.js";
import { rgb, theme } from "../plot/palette.js";

const SIDE = 15; // images across and up
const REACH = 3; // their middles span ±this
const STRIDE = 97; // coprime to their number: neighbours in time are far apart in space

export class DecodedPlane {
  /** @param {HTMLElement} root an element that fills the map; the plane's canvas is put into it */
  constructor(root) {
    this.root = root;
    this.canvas = document.createElement("canvas");
    root.append(this.canvas);
    this.waiting = 0; // images that are not up to date
    this.next = 0; // number of the next image to be decoded
    this.channels = 1;
    this.height = 0; // of an image, in pixels
    this.width = 0;
    /** @type {number[]} */
    this.dimensions = [];
    /** @type {ImageData | null} */
    this.image = null;
    this.pixels = new Uint32Array(0); // those of `image`
    this.z = new Float64Array(0);
    this.ink = 0; // the colour of text, as the lower three bytes of a pixel
  }

  /**
   * @param {PathMeta} meta
   * @param {number[]} dimensions the two latent dimensions that the map shows
   */
  load({ image_shape: [channels, height, width], latent_dim: k }, dimensions) {
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.dimensions = dimensions;
    Object.assign(this.canvas, { width: SIDE * width, height: SIDE * height });
    this.image = new ImageData(SIDE * width, SIDE * height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.z = new Float64Array(k);
    this.retheme();
  }

  /** Grey images are drawn in the colour of the page's text. */
  retheme() {
    const [red, green, blue] = rgb(theme(this.root).text);
    this.ink = (blue << 16) | (green << 8) | red;
    this.expire();
  }

  /** The decoder has changed: all images have to be decoded again. */
  expire() {
    this.waiting = SIDE * SIDE;
  }

  /**
   * Moves the canvas to where the view shows the plane.
   * @param {View} view
   */
  place(view) {
    const half = REACH + REACH / (SIDE - 1); // the outermost images are centred on ±REACH
    const [x0, y0] = view.toPixel(-half, half);
    const [x1, y1] = view.toPixel(half, -half);
    const { style } = this.root;
    const edge = (/** @type {number} */ a, /** @type {number} */ b) => `${Math.max(0, a - b)}px`;
    Object.assign(style, { left: `${x0}px`, top: `${y0}px`, width: `${x1 - x0}px`, height: `${y1 - y0}px` });
    const [right, bottom] = [view.left + view.width, view.top + view.height];
    style.clipPath = `inset(${edge(view.top, y0)} ${edge(x1, right)} ${edge(y1, bottom)} ${edge(view.left, x0)})`;
  }

  /**
   * Decodes images for `budget` ms; a decoder in a worker gets one request after the other instead. True while images
   * wait for the next animation frame.
   * @param {PathDecoder} decoder
   * @param {number} budget
   */
  renew(decoder, budget) {
    if (!this.waiting) return false;
    if (decoder.isFar) {
      decoder.askAll("plane", this);
      return false;
    }
    const until = performance.now() + budget;
    while (performance.now() < until) {
      const question = this.question();
      if (!question) break;
      decoder.ask("plane", question.input, question.take);
    }
    return this.waiting > 0;
  }

  /**
   * The next image to be decoded, as a series has it (network/series.js); null where all are up to date.
   * @returns {SeriesRequest | null}
   */
  question() {
    const { width, height, z, image } = this;
    if (!this.waiting || !image) return null;
    const tile = (this.next * STRIDE) % (SIDE * SIDE);
    const [row, column] = [Math.floor(tile / SIDE), tile % SIDE];
    z[this.dimensions[0]] = REACH * ((2 * column) / (SIDE - 1) - 1);
    z[this.dimensions[1]] = REACH * (1 - (2 * row) / (SIDE - 1));
    this.next = (this.next + 1) % (SIDE * SIDE);
    this.waiting--;
    /** @param {Decoded} answer */
    const take = ({ pixels }) => {
      this.write(pixels, row, column);
      contextOf(this.canvas).putImageData(image, 0, 0, column * width, row * height, width, height);
    };
    return { input: z, take };
  }

  /**
   * @param {Float32Array} image pixel means in [0, 1] (channels, height, width)
   * @param {number} row
   * @param {number} column
   */
  write(image, row, column) {
    const { width, height, channels, pixels, ink } = this;
    const plane = width * height;
    const byte = (/** @type {number} */ value) => (255 * Math.min(1, Math.max(0, value)) + 0.5) | 0;
    for (let y = 0, from = 0; y < height; y++) {
      let to = (row * height + y) * SIDE * width + column * width;
      for (let x = 0; x < width; x++, from++, to++)
        pixels[to] =
          channels === 3
            ? (255 << 24) | (byte(image[from + 2 * plane]) << 16) | (byte(image[from + plane]) << 8) | byte(image[from])
            : (byte(image[from]) << 24) | ink;
    }
  }
}
