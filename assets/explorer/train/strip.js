// Eight images that stay the same, over what the model makes of them at this moment.

import { Picture } from "../plot/picture.js";

export class Strip {
  constructor(root) {
    this.root = root;
  }

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

  show(reconstructions) {
    this.pictures?.forEach((picture, i) => picture.paint(reconstructions, 1 / 255, i * this.size));
  }
}
