// The plane decoded, beneath the points. While beta moves, every frame renews some of its images, in an order that
// spreads them over the plane; once it rests, the others follow within a few frames.

import { rgb, theme } from "../plot/palette.js";

const SIDE = 15; // images across and up
const REACH = 3; // their middles span ±this
const STRIDE = 97; // coprime to their number: neighbours in time are far apart in space

export class DecodedPlane {
  // `root` is an element that fills the map; the plane's canvas is put into it.
  constructor(root) {
    this.root = root;
    this.canvas = document.createElement("canvas");
    root.append(this.canvas);
    this.waiting = 0;
    this.next = 0;
  }

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

  // Grey images become ink of the page's own colour.
  retheme() {
    const [red, green, blue] = rgb(theme(this.root).text);
    this.ink = (blue << 16) | (green << 8) | red;
    this.expire();
  }

  // The decoder is another one now.
  expire() {
    this.waiting = SIDE * SIDE;
  }

  // Stands where the view has it.
  place(view) {
    const half = REACH + REACH / (SIDE - 1); // the outermost images are centred on ±REACH
    const [x0, y0] = view.toPixel(-half, half);
    const [x1, y1] = view.toPixel(half, -half);
    const { style } = this.root;
    const edge = (a, b) => `${Math.max(0, a - b)}px`;
    Object.assign(style, { left: `${x0}px`, top: `${y0}px`, width: `${x1 - x0}px`, height: `${y1 - y0}px` });
    const [right, bottom] = [view.left + view.width, view.top + view.height];
    style.clipPath = `inset(${edge(view.top, y0)} ${edge(x1, right)} ${edge(y1, bottom)} ${edge(view.left, x0)})`;
  }

  // Has the decoder asked for so many milliseconds, or one image after the other where it answers later; true while images
  // wait for the next frame.
  renew(decoder, budget) {
    if (!this.waiting) return false;
    if (decoder.isFar) {
      decoder.askAll("plane", this);
      return false;
    }
    const until = performance.now() + budget;
    while (this.waiting && performance.now() < until) {
      const { input, take } = this.question();
      decoder.ask("plane", input, take);
    }
    return this.waiting > 0;
  }

  // The next image, as of a series.
  question() {
    if (!this.waiting) return null;
    const { width, height, z } = this;
    const tile = (this.next * STRIDE) % (SIDE * SIDE);
    const [row, column] = [Math.floor(tile / SIDE), tile % SIDE];
    z[this.dimensions[0]] = REACH * ((2 * column) / (SIDE - 1) - 1);
    z[this.dimensions[1]] = REACH * (1 - (2 * row) / (SIDE - 1));
    this.next = (this.next + 1) % (SIDE * SIDE);
    this.waiting--;
    const take = ({ pixels }) => {
      this.write(pixels, row, column);
      this.canvas.getContext("2d").putImageData(this.image, 0, 0, column * width, row * height, width, height);
    };
    return { input: z, take };
  }

  write(image, row, column) {
    const { width, height, channels, pixels, ink } = this;
    const plane = width * height;
    const byte = (value) => (255 * Math.min(1, Math.max(0, value)) + 0.5) | 0;
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
