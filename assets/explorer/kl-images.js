// What the model at this beta draws: eight test images and its reconstructions of them, eight draws from the prior under
// the same ζ at every beta, and the lens.

import { signed } from "./format.js";
import { logPrior, standardNormal } from "./gaussian.js";
import { Picture } from "./picture.js";
import { measure } from "./timing.js";

const COUNT = 8;
const ROWS = [["x", "test images"], ["x̂", "their reconstructions, decoded at mu"], ["z ~ p", "draws from the prior, the same ζ at every beta"]];

export class Images {
  constructor(root) {
    this.root = root;
  }

  load({ frame, k, count }) {
    const { image_shape: shape } = frame.meta;
    const { images, labels } = frame.arrays;
    const size = shape.reduce((a, b) => a * b, 1);
    this.points = chosen(labels, count);
    const random = generator(1);
    this.draws = this.points.map(() => standardNormal(k, random));
    this.z = new Float64Array(k);
    const rows = ROWS.map(([name, title]) => {
      const label = Object.assign(document.createElement("span"), { textContent: name, title });
      return [label, ...this.points.map(() => document.createElement("canvas"))];
    });
    this.root.replaceChildren(...rows.flat());
    const pictures = rows.map(([, ...canvases]) => canvases.map((canvas) => new Picture(canvas, shape)));
    this.points.forEach((point, i) => pictures[0][i].paint(images, 1 / 255, point * size));
    [, this.reconstructions, this.samples] = pictures;
  }

  show(model) {
    this.points.forEach((point, i) => this.reconstructions[i].paint(model.decoder.decode(model.mean(point, this.z))));
    this.draws.forEach((z, i) => this.samples[i].paint(model.decoder.decode(z)));
  }
}

export class PathLens {
  constructor(root) {
    root.innerHTML = `
      <canvas class="kl-decoded" role="img" aria-label="image decoded at the lens"></canvas>
      <p class="kl-at"></p>`;
    this.canvas = root.querySelector("canvas");
    this.text = root.querySelector(".kl-at");
  }

  load({ frame }) {
    this.picture = new Picture(this.canvas, frame.meta.image_shape);
  }

  show(model, { z, pinned, point }) {
    const start = performance.now();
    const pixels = model.decoder.decode(z);
    measure("elbo-room:decode", start);
    this.picture.paint(pixels);
    const where = point >= 0 ? `test image ${model.path.frame.arrays.index[point]}, at its mu` : pinned ? "pinned: Escape releases" : "decoded at the pointer";
    this.text.textContent = `${where} · ln p(z) ${signed(logPrior(z), 1)} nats`;
  }
}

// Eight rows of the map's images, of as many classes as there are.
function chosen(labels, count) {
  const seen = new Map();
  const ranked = Array.from({ length: count }, (_, i) => {
    const before = seen.get(labels[i]) ?? 0;
    seen.set(labels[i], before + 1);
    return [before, labels[i], i];
  });
  return ranked.sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, COUNT).map(([, , i]) => i);
}

// Numbers in [0, 1) that are the same on every machine (mulberry32).
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
