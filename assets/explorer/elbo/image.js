// The chosen image, the decoder's image at the mean of q, and their numbers.

import { find, findAll } from "../core/dom.js";
import { signed } from "../core/format.js";
import { InferenceClient } from "../network/inference-client.js";
import { Picture } from "../plot/picture.js";

/** @import { Frame } from "../data/frame.js" */
/** @import { Gaussian } from "./gaussian.js" */

const HTML = `
  <figure><canvas class="eb-x" role="img" aria-label="x, the chosen image"></canvas><figcaption>x</figcaption></figure>
  <figure><canvas class="eb-decoded" role="img" aria-label="what the decoder makes of μ of q"></canvas><figcaption>decoded at μ of q</figcaption></figure>
  <dl><dt>image</dt><dd class="eb-name">–</dd><dt>q: μ</dt><dd class="eb-mu">–</dd><dt>q: σ</dt><dd class="eb-sigma">–</dd><dt class="eb-plane-only">q: ρ</dt><dd class="eb-rho eb-plane-only">–</dd></dl>`;

const MOST = 4; // numbers of a vector that are written out

export class ChosenImage {
  /** @param {HTMLElement} root */
  constructor(root) {
    root.innerHTML = HTML;
    this.root = root;
    this.$ = (/** @type {string} */ name) => find(root, `.eb-${name}`);
    /** @type {InferenceClient<"decode"> | null} */ this.decoder = null;
    /** @type {Gaussian | null} whose mean is being decoded */ this.decoding = null;
    /** @type {Frame | null} */ this.frame = null;
    /** @type {Picture | null} */ this.x = null;
  }

  /**
   * Shows images of another model.
   * @param {Frame} frame
   */
  load(frame) {
    const { image_shape: shape, latent_dim: k } = frame.meta;
    this.frame = frame;
    this.decoding = null;
    this.decoder = new InferenceClient("decode", frame);
    this.decoded = new Picture(find(this.root, ".eb-decoded", HTMLCanvasElement), shape);
    this.x = new Picture(find(this.root, ".eb-x", HTMLCanvasElement), shape);
    for (const element of findAll(this.root, ".eb-plane-only")) element.hidden = k !== 2;
  }

  close() {
    this.decoder?.close();
  }

  /**
   * @param {number} image row of the frame, or −1 where the image was drawn
   * @param {Float32Array} [pixels] of the drawn image
   */
  show(image, pixels) {
    if (!this.frame || !this.x) return;
    const { arrays, meta } = this.frame;
    if (image >= 0) this.x.paint(arrays.images, 1 / 255, image * meta.image_shape.reduce((a, b) => a * b, 1));
    else if (pixels) this.x.paint(pixels);
    this.$("name").textContent =
      image < 0 ? "drawn by hand" : `test image ${arrays.index[image]}, class ${meta.classes[arrays.labels[image]]}`;
  }

  /** @param {Gaussian} q */
  showQ(q) {
    this.decoding = q;
    this.decoder?.ask("q", q.mu, ({ pixels }) => {
      if (this.decoding === q) this.decoding = null;
      this.decoded?.paint(pixels);
    });
    const sigmas = q.sigmas();
    /** @type {(values: ArrayLike<number>, digits: number) => string} */
    const list = (values, digits) =>
      Array.from(values)
        .slice(0, MOST)
        .map((v) => signed(v, digits))
        .join(", ") + (values.length > MOST ? ", …" : "");
    this.$("mu").textContent = list(q.mu, 3);
    this.$("sigma").textContent = list(sigmas, 4);
    if (q.k === 2) this.$("rho").textContent = list([q.covariance(0, 1) / (sigmas[0] * sigmas[1])], 2);
  }
}
