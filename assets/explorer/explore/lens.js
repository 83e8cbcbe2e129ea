// The lens: the decoded image of z, large, and beside it the nearest data point with its reconstruction and its costs.

import { logPrior } from "../math/gaussian.js";
import { Picture } from "../plot/picture.js";
import { lensNote, pointName } from "./capabilities.js";

// What says which data point is shown beside the lens.
const WHICH = {
  "nearest in z": "of all visible data points the one whose mean μ is nearest to z, all dimensions of z counted",
  "pointed at": "the data point whose marker is under the pointer",
  chosen: "the data point that a click, a link or a posterior draw has chosen",
};

const signed = (v, digits = 2) => (v < 0 ? "−" : "") + Math.abs(v).toFixed(digits);

export class Lens {
  constructor(root) {
    const parts =
      "decoded lacking norm prior pin original reconstruction nearest which class index away distortion rate";
    this.parts = Object.fromEntries(parts.split(" ").map((name) => [name, root.querySelector(`.er-${name}`)]));
  }

  // Takes over a model; `costs` are { rate } of every data point, `decoder` is an AskedNetwork, or null.
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

  // Paints z decoded: at once, or as soon as the decoder answers.
  show(z, pinned) {
    if (this.decoder) this.decode(z);
    const norm = Math.hypot(...z);
    this.parts.norm.textContent = `${norm.toFixed(2)} σ`;
    this.parts.prior.textContent = `${signed(logPrior(z))} nats`;
    this.parts.pin.textContent = pinned ? "pinned" : "click to pin";
  }

  // ‖z − mu‖ of data point i.
  distance(i, z) {
    const { mu } = this.frame.arrays;
    return Math.sqrt(z.reduce((sum, v, d) => sum + (v - mu[i * z.length + d]) ** 2, 0));
  }

  decode(z) {
    this.decoder.ask("lens", z, ({ pixels }) => this.decoded.paint(pixels));
  }

  reconstruct(mu) {
    this.decoder.ask("nearest", mu, ({ pixels }) => this.reconstruction.paint(pixels));
  }

  // Shows data point i: which one it is and how far its mean lies from z; its image, its reconstruction E[x|z = mu], its
  // class, distortion and rate. Nothing for −1.
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
    if (this.decoder) this.reconstruct(arrays.mu.subarray(i * k, (i + 1) * k));
    this.parts.class.textContent = meta.classes[arrays.labels[i]];
    this.parts.index.textContent = pointName(this.frame, i);
    this.parts.distortion.textContent = `${signed(arrays.distortion[i], 1)}`;
    this.parts.rate.textContent = `${this.costs.rate[i].toFixed(2)}`;
  }
}
