// The lens: the decoded image of z, large, and beside it the nearest data point with its reconstruction and its costs.

import { logPrior } from "./gaussian.js";
import { lensNote, pointName } from "./given.js";
import { Picture } from "./picture.js";

const signed = (v, digits = 2) => (v < 0 ? "−" : "") + Math.abs(v).toFixed(digits);

export class Lens {
  constructor(root) {
    const parts = "decoded lacking norm prior pin original reconstruction nearest class index distortion rate";
    this.parts = Object.fromEntries(parts.split(" ").map((name) => [name, root.querySelector(`.er-${name}`)]));
  }

  // Takes over a model; `costs` are { rate } of every data point, `decoder` is an AskedNetwork, or null.
  load(frame, costs, decoder) {
    Object.assign(this, { frame, costs, decoder });
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

  decode(z) {
    this.decoder.ask("lens", z, ({ pixels }) => this.decoded.paint(pixels));
  }

  reconstruct(mu) {
    this.decoder.ask("nearest", mu, ({ pixels }) => this.reconstruction.paint(pixels));
  }

  // Shows data point i: its image, its reconstruction E[x|z = mu], its class, distortion and rate. Nothing for −1.
  showPoint(i) {
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
