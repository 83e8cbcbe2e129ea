// The lens: the decoded image of z, large, and beside it the nearest data point with its reconstruction and its costs.

/** @import { InferenceClient } from "../network/inference-client.js" */
/** @import { MapFrame } from "../data/frame.js" */
/** @import { Beside, PointCosts } from "./explorer.js" */

import { find } from "../core/dom.js";
import { signed } from "../core/format.js";
import { logPrior } from "../math/gaussian.js";
import { Picture } from "../plot/picture.js";
import { lensNote, pointName } from "./capabilities.js";

/** @type {Record<Beside["which"], string>} why this data point is shown beside the lens */
const WHICH = {
  "nearest in z": "of all visible data points the one whose mean μ is nearest to z, all dimensions of z counted",
  "pointed at": "the data point whose marker is under the pointer",
  chosen: "the data point that a click, a link or a posterior draw has chosen",
};

export class Lens {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.parts = {
      decoded: find(root, ".er-decoded", HTMLCanvasElement),
      lacking: find(root, ".er-lacking"),
      norm: find(root, ".er-norm"),
      prior: find(root, ".er-prior"),
      pin: find(root, ".er-pin"),
      original: find(root, ".er-original", HTMLCanvasElement),
      reconstruction: find(root, ".er-reconstruction", HTMLCanvasElement),
      nearest: find(root, ".er-nearest"),
      which: find(root, ".er-which"),
      class: find(root, ".er-class"),
      index: find(root, ".er-index"),
      away: find(root, ".er-away"),
      distortion: find(root, ".er-distortion"),
      rate: find(root, ".er-rate"),
    };
    /** @type {number | null} the data point that is shown; null when another model was loaded */
    this.shownPoint = null;
    /** @type {InferenceClient<"decode"> | null} */
    this.decoder = null;
    // The casts: these are set by `load`, which comes first.
    /** @type {MapFrame} */
    this.frame = /** @type {never} */ (null);
    /** @type {PointCosts} */
    this.costs = /** @type {never} */ (null);
    /** @type {Picture} */
    this.decoded = /** @type {never} */ (null);
    /** @type {Picture} */
    this.original = /** @type {never} */ (null);
    /** @type {Picture} */
    this.reconstruction = /** @type {never} */ (null);
  }

  /**
   * Takes over a model.
   * @param {MapFrame} frame
   * @param {PointCosts} costs
   * @param {InferenceClient<"decode"> | null} decoder latents alone have none
   */
  load(frame, costs, decoder) {
    this.frame = frame;
    this.costs = costs;
    this.decoder = decoder;
    const shape = frame.meta.image_shape;
    this.decoded = new Picture(this.parts.decoded, shape);
    this.original = new Picture(this.parts.original, shape);
    this.reconstruction = new Picture(this.parts.reconstruction, shape);
    this.shownPoint = null;
    this.parts.nearest.hidden = frame.count === 0;
    this.parts.lacking.textContent = lensNote(frame.given);
    this.parts.decoded.ariaLabel = this.decoder ? "image decoded at the lens" : "image of the nearest data point";
  }

  /**
   * Paints z decoded: at once, or as soon as the decoder answers.
   * @param {Float64Array} z
   * @param {boolean} pinned
   */
  show(z, pinned) {
    this.decoder?.ask("lens", z, ({ pixels }) => this.decoded.paint(pixels));
    const norm = Math.hypot(...z);
    this.parts.norm.textContent = `${norm.toFixed(2)} σ`;
    this.parts.prior.textContent = `${signed(logPrior(z))} nats`;
    this.parts.pin.textContent = pinned ? "pinned" : "click to pin";
  }

  /**
   * ‖z − mu‖ of data point i.
   * @param {number} i
   * @param {Float64Array} z
   */
  distance(i, z) {
    const { mu } = this.frame.arrays;
    return Math.sqrt(z.reduce((sum, v, d) => sum + (v - mu[i * z.length + d]) ** 2, 0));
  }

  /**
   * Shows data point i: its name and how far its mean lies from z; its image, its reconstruction E[x|z = mu], its class,
   * distortion and rate. Nothing for −1.
   * @param {number} i
   * @param {Beside["which"]} which
   * @param {Float64Array} z
   */
  showPoint(i, which, z) {
    this.parts.which.textContent = which;
    this.parts.which.title = WHICH[which];
    if (i >= 0) this.parts.away.textContent = this.distance(i, z).toFixed(2);
    if (i === this.shownPoint) return;
    this.shownPoint = i;
    this.parts.nearest.hidden = i < 0;
    if (i < 0) return;
    const { meta, arrays, given } = this.frame;
    const k = meta.latent_dim;
    const size = meta.image_shape.reduce((a, b) => a * b, 1);
    if (given.images) (this.decoder ? this.original : this.decoded).paint(arrays.images, 1 / 255, i * size);
    const mu = arrays.mu.subarray(i * k, (i + 1) * k);
    this.decoder?.ask("nearest", mu, ({ pixels }) => this.reconstruction.paint(pixels));
    this.parts.class.textContent = meta.classes[arrays.labels[i]];
    this.parts.index.textContent = pointName(this.frame, i);
    this.parts.distortion.textContent = `${signed(arrays.distortion[i], 1)}`;
    this.parts.rate.textContent = `${this.costs.rate[i].toFixed(2)}`;
  }
}
