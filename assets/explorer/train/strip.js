// Eight images of the test split, the same during the whole run, above their present reconstructions.

import { Picture } from "../plot/picture.js";

/** @import { Probe } from "./protocol.js" */

export class ReconstructionStrip {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.size = 0; // values of an image
    /** @type {Picture[]} of the reconstructions */
    this.pictures = [];
  }

  /** @param {Probe} probe */
  load(probe) {
    const { image_shape: shape } = probe.meta;
    const { shown, images } = probe.arrays;
    this.size = shape.reduce((a, b) => a * b, 1);
    this.root.replaceChildren();
    this.pictures = [...shown].map((row) => {
      const column = document.createElement("figure");
      const [original, reconstruction] = [0, 1].map(() => document.createElement("canvas"));
      column.append(original, reconstruction);
      this.root.append(column);
      new Picture(original, shape).paint(images, 1 / 255, row * this.size);
      return new Picture(reconstruction, shape);
    });
  }

  /** @param {Uint8Array} reconstructions (8, C, H, W) */
  show(reconstructions) {
    this.pictures.forEach((picture, i) => {
      picture.paint(reconstructions, 1 / 255, i * this.size);
    });
  }
}
