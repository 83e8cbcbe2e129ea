// Images of the model at this beta: eight test images and their reconstructions, eight draws from the prior with the same ζ at
// every beta, and the lens.

/** @import { Model, PathDecoder } from "./model.js" */
/** @import { Path } from "./path.js" */
/** @import { PathState } from "./state.js" */

import { find, findAll } from "../core/dom.js";
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
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /**
     * Rows of the eight test images on the map.
     * @type {number[]}
     */
    this.points = [];
    /** @type {Float64Array[]} */
    this.draws = [];
    this.z = new Float64Array(0);
    /** @type {Model | null} */
    this.model = null;
    /** @type {Series | null} */
    this.series = null;
  }

  /** @param {Path} path */
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
      return { label, canvases: this.points.map(() => document.createElement("canvas")) };
    });
    this.root.replaceChildren(...rows.flatMap(({ label, canvases }) => [label, ...canvases]));
    const pictures = rows.map(({ canvases }) => canvases.map((canvas) => new Picture(canvas, shape)));
    this.points.forEach((point, i) => {
      pictures[0][i].paint(images, 1 / 255, point * size);
    });
    const decoded = [...pictures[1], ...pictures[2]];
    this.series = new Series(
      this.root,
      decoded.length,
      (i) => this.spot(i),
      (i, { pixels }) => decoded[i].paint(pixels),
    );
  }

  /**
   * z of decoded picture i: first the means of the images, then the draws from the prior.
   * @param {number} i
   */
  spot(i) {
    const { model, points, draws } = this;
    return model && i < points.length ? model.mean(points[i], this.z) : draws[i - points.length];
  }

  /**
   * @param {Model} model
   * @param {PathDecoder} decoder that of the model
   */
  show(model, decoder) {
    if (!this.series) return;
    this.model = model;
    decoder.askAll("images", this.series.renew(), Infinity);
  }
}

/**
 * What the lens shows of one path: pictures in the size of its images.
 * @typedef {object} LensPictures
 * @property {Picture} decoded
 * @property {Picture} original
 * @property {Picture} reconstruction
 * @property {number} size numbers of an image
 * @property {Float64Array} mean
 * @property {Float64Array} lnVariance
 */

export class PathLens {
  /**
   * @param {HTMLElement} root for the image decoded at the lens
   * @param {HTMLElement} beside for the data point nearest to the lens
   */
  constructor(root, beside) {
    root.innerHTML = `
      <canvas class="kl-decoded" role="img" aria-label="image decoded at the lens"></canvas>
      <p class="kl-at"></p>`;
    beside.innerHTML = `
      <figure><canvas role="img" aria-label="x, the data point beside the lens"></canvas><figcaption>x</figcaption></figure>
      <figure><canvas role="img" aria-label="its reconstruction, decoded at its μ"></canvas><figcaption>x̂ at μ</figcaption></figure>
      <p></p>`;
    this.canvas = find(root, "canvas", HTMLCanvasElement);
    this.besides = findAll(beside, "canvas", HTMLCanvasElement);
    this.text = find(root, ".kl-at");
    this.note = find(beside, "p");
    /** @type {LensPictures | null} */
    this.pictures = null;
    this.point = -1; // the data point whose image is shown
  }

  /** @param {Path} path */
  load({ frame, k }) {
    const { image_shape: shape } = frame.meta;
    const [original, reconstruction] = this.besides.map((canvas) => new Picture(canvas, shape));
    this.pictures = {
      decoded: new Picture(this.canvas, shape),
      original,
      reconstruction,
      size: shape.reduce((a, b) => a * b, 1),
      mean: new Float64Array(k),
      lnVariance: new Float64Array(k),
    };
    this.point = -1;
  }

  /**
   * Decodes z, and shows the data point `nearest` (−1: none) with its reconstruction beside it.
   * @param {Model} model
   * @param {PathDecoder} decoder that of the model
   * @param {Float64Array} z
   * @param {PathState} state
   * @param {number} nearest
   */
  show(model, decoder, z, { pinned, point }, nearest) {
    const { pictures } = this;
    if (!pictures) return;
    decoder.ask("lens", z, ({ pixels }) => pictures.decoded.paint(pixels));
    const where = point >= 0 ? "pinned to a data point" : pinned ? "pinned: Escape releases" : "decoded at the pointer";
    this.text.textContent = `${where} · ln p(z) ${signed(logPrior(z), 1)} nats`;
    if (nearest >= 0) this.showPoint(model, decoder, pictures, nearest, point >= 0 ? "chosen" : "nearest in z");
  }

  /**
   * @param {Model} model
   * @param {PathDecoder} decoder
   * @param {LensPictures} pictures
   * @param {number} point
   * @param {string} which
   */
  showPoint(model, decoder, pictures, point, which) {
    const { images, labels, index } = model.path.frame.arrays;
    const { mean, lnVariance } = pictures;
    if (point !== this.point) pictures.original.paint(images, 1 / 255, point * pictures.size);
    this.point = point;
    decoder.ask("nearest", model.mean(point, mean), ({ pixels }) => pictures.reconstruction.paint(pixels));
    model.logvar(point, lnVariance);
    const rate = mean.reduce((sum, mu, d) => sum + klPerDim(mu, lnVariance[d]), 0);
    this.note.textContent = `${which}\n${model.path.factor} ${model.path.classes[labels[point]]}\nrate ${rate.toFixed(2)} nats\ntest image ${index[point]}`;
  }
}

/**
 * Rows of eight images on the map, of as many different classes as there are.
 * @param {Int32Array} labels
 * @param {number} count
 */
function chosen(labels, count) {
  const seen = new Map();
  const ranked = Array.from({ length: count }, (_, i) => {
    const before = seen.get(labels[i]) ?? 0;
    seen.set(labels[i], before + 1);
    return { before, label: labels[i], i };
  });
  return ranked
    .sort((a, b) => a.before - b.before || a.label - b.label)
    .slice(0, COUNT)
    .map(({ i }) => i);
}
