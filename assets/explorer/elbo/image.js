// The chosen image, what the decoder makes of the mean of q, and both in words.

import { AskedNetwork } from "../network/inference-client.js";
import { Picture } from "../plot/picture.js";

const HTML = `
  <figure><canvas class="eb-x" role="img" aria-label="x, the chosen image"></canvas><figcaption>x</figcaption></figure>
  <figure><canvas class="eb-decoded" role="img" aria-label="what the decoder makes of μ of q"></canvas><figcaption>decoded at μ of q</figcaption></figure>
  <dl><dt>image</dt><dd class="eb-name">–</dd><dt>q: μ</dt><dd class="eb-mu">–</dd><dt>q: σ</dt><dd class="eb-sigma">–</dd><dt class="eb-plane-only">q: ρ</dt><dd class="eb-rho eb-plane-only">–</dd></dl>`;

const MOST = 4; // numbers of a vector that are written out

export class ChosenImage {
  constructor(root) {
    root.innerHTML = HTML;
    this.root = root;
    this.$ = (name) => root.querySelector(`.eb-${name}`);
  }

  load(frame) {
    this.frame = frame;
    this.decoder = new AskedNetwork("decode", frame);
    this.decoded = new Picture(this.$("decoded"), frame.meta.image_shape);
    this.x = new Picture(this.$("x"), frame.meta.image_shape);
    for (const element of this.root.querySelectorAll(".eb-plane-only")) element.hidden = frame.meta.latent_dim !== 2;
  }

  close() {
    this.decoder?.close();
  }

  // `image` is a row, or −1 for drawn `pixels`.
  show(image, pixels) {
    const { arrays, meta } = this.frame;
    if (image < 0) this.x.paint(pixels);
    else this.x.paint(arrays.images, 1 / 255, image * meta.image_shape.reduce((a, b) => a * b, 1));
    this.$("name").textContent =
      image < 0 ? "drawn by hand" : `test image ${arrays.index[image]}, class ${meta.classes[arrays.labels[image]]}`;
  }

  showQ(q) {
    this.decoder.ask("q", q.mu, ({ pixels }) => this.decoded.paint(pixels));
    const sigmas = q.sigmas();
    const list = (values, digits) =>
      Array.from(values)
        .slice(0, MOST)
        .map((v) => v.toFixed(digits).replace("-", "−"))
        .join(", ") + (values.length > MOST ? ", …" : "");
    this.$("mu").textContent = list(q.mu, 3);
    this.$("sigma").textContent = list(sigmas, 4);
    if (q.k === 2) this.$("rho").textContent = list([q.covariance(0, 1) / (sigmas[0] * sigmas[1])], 2);
  }
}
