// What the model at this beta draws: eight test images and its reconstructions of them, eight draws from the prior under
// the same ζ at every beta, and the lens.

import { signed } from "../core/format.js";
import { Random } from "../core/random.js";
import { klPerDim, logPrior } from "../math/gaussian.js";
import { Series } from "../network/series.js";
import { Picture } from "../plot/picture.js";

const COUNT = 8;
const SEED = 1;
const ROWS = [
  ["x", "test images"],
  ["x̂", "their reconstructions, decoded at μ"],
  ["z ~ p", "draws from the prior, the same ζ at every beta"],
];

export class Images {
  constructor(root) {
    this.root = root;
  }

  load({ frame, k, count }) {
    const { image_shape: shape } = frame.meta;
    const { images, labels } = frame.arrays;
    const size = shape.reduce((a, b) => a * b, 1);
    this.points = chosen(labels, count);
    const random = new Random(SEED);
    this.draws = this.points.map(() => random.normals(k));
    this.z = new Float64Array(k);
    const rows = ROWS.map(([name, title]) => {
      const label = Object.assign(document.createElement("span"), { textContent: name, title });
      return [label, ...this.points.map(() => document.createElement("canvas"))];
    });
    this.root.replaceChildren(...rows.flat());
    const pictures = rows.map(([, ...canvases]) => canvases.map((canvas) => new Picture(canvas, shape)));
    this.points.forEach((point, i) => pictures[0][i].paint(images, 1 / 255, point * size));
    const decoded = [...pictures[1], ...pictures[2]];
    this.series = new Series(
      this.root,
      decoded.length,
      (i) => this.spot(i),
      (i, { pixels }) => decoded[i].paint(pixels),
    );
  }

  // z of decoded picture i: the mean of an image, then the draws.
  spot(i) {
    return i < this.points.length ? this.model.mean(this.points[i], this.z) : this.draws[i - this.points.length];
  }

  show(model) {
    this.model = model;
    model.decoder.askAll("images", this.series.renew(), Infinity);
  }
}

export class PathLens {
  // `root` is for the lens, `beside` for the data point that is nearest to it.
  constructor(root, beside) {
    root.innerHTML = `
      <canvas class="kl-decoded" role="img" aria-label="image decoded at the lens"></canvas>
      <p class="kl-at"></p>`;
    beside.innerHTML = `
      <figure><canvas role="img" aria-label="x, the data point beside the lens"></canvas><figcaption>x</figcaption></figure>
      <figure><canvas role="img" aria-label="its reconstruction, decoded at its μ"></canvas><figcaption>x̂ at μ</figcaption></figure>
      <p></p>`;
    this.canvases = [root.querySelector("canvas"), ...beside.querySelectorAll("canvas")];
    this.text = root.querySelector(".kl-at");
    this.note = beside.querySelector("p");
  }

  load({ frame, k }) {
    const { image_shape: shape } = frame.meta;
    [this.picture, this.original, this.reconstruction] = this.canvases.map((canvas) => new Picture(canvas, shape));
    this.size = shape.reduce((a, b) => a * b, 1);
    [this.mean, this.lnVariance] = [new Float64Array(k), new Float64Array(k)];
    this.point = -1;
  }

  // z decoded; beside it the image of the point `nearest`, and what the model makes of it.
  show(model, { z, pinned, point }, nearest) {
    model.decoder.ask("lens", z, ({ pixels }) => this.picture.paint(pixels));
    const where = point >= 0 ? "pinned to a data point" : pinned ? "pinned: Escape releases" : "decoded at the pointer";
    this.text.textContent = `${where} · ln p(z) ${signed(logPrior(z), 1)} nats`;
    if (nearest >= 0) this.showPoint(model, nearest, point >= 0 ? "chosen" : "nearest in z");
  }

  showPoint(model, point, which) {
    const { images, labels, index } = model.path.frame.arrays;
    if (point !== this.point) this.original.paint(images, 1 / 255, point * this.size);
    this.point = point;
    model.decoder.ask("nearest", model.mean(point, this.mean), ({ pixels }) => this.reconstruction.paint(pixels));
    model.logvar(point, this.lnVariance);
    let rate = 0;
    this.mean.forEach((mu, d) => (rate += klPerDim(mu, this.lnVariance[d])));
    this.note.textContent = `${which}\n${model.path.kind} ${model.path.classes[labels[point]]}\nrate ${rate.toFixed(2)} nats\ntest image ${index[point]}`;
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
  return ranked
    .sort((a, b) => a[0] - b[0] || a[1] - b[1])
    .slice(0, COUNT)
    .map(([, , i]) => i);
}
