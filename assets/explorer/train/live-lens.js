// The lens of the live page: z decoded with the newest weights that the page has, and the data point nearest to z.

import { find, findAll } from "../core/dom.js";
import { signed, whole } from "../core/format.js";
import { klPerDim, logPrior } from "../math/gaussian.js";
import { InferenceClient } from "../network/inference-client.js";
import { Picture } from "../plot/picture.js";

/** @import { DecoderWeights, Probe } from "./protocol.js" */
/** @import { Session } from "./session.js" */

const HTML = `
  <div class="page-decoded"></div>
  <div class="page-lensfacts">
    <dl>
      <dt>‖z‖</dt><dd class="page-norm">–</dd>
      <dt>ln p(z)</dt><dd class="page-prior">–</dd>
      <dt>weights</dt><dd class="page-step">–</dd>
    </dl>
    <div class="page-nearest">
      <figure><canvas class="page-original" role="img" aria-label="x, the data point nearest in z"></canvas><figcaption>x, nearest in z</figcaption></figure>
      <figure><canvas class="page-reconstruction" role="img" aria-label="its reconstruction, decoded at its μ"></canvas><figcaption>x̂ at μ</figcaption></figure>
    </div>
    <p class="page-point"></p>
    <p class="page-pin"></p>
  </div>`;

/**
 * The decoder of one run.
 * @typedef {object} DecoderView
 * @property {Probe} probe
 * @property {InferenceClient<"decode">} decoder
 * @property {Picture} picture of z, decoded
 * @property {number} step of the weights
 */

/**
 * A run with its data point that is nearest to the lens, −1 where there is none.
 * @typedef {{ i: number, session: Session, point: number }} NearestPoint
 */

export class LiveLens {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    root.innerHTML = HTML;
    this.$ = (/** @type {string} */ name) => find(root, `.page-${name}`);
    /** @type {(DecoderView | null)[]} of every run; null before its first weights */
    this.views = [];
    /** @type {string | null} which data point is shown, of which snapshot and weights */
    this.point = null;
    /** @type {Set<string>} what a decoder in a worker has not answered yet */
    this.pending = new Set();
  }

  get isBusy() {
    return this.pending.size > 0;
  }

  /** @param {"original" | "reconstruction"} name */
  canvas(name) {
    return find(this.root, `.page-${name}`, HTMLCanvasElement);
  }

  /**
   * One large picture for each of `count` runs.
   * @param {number} count
   */
  arrange(count) {
    this.$("decoded").replaceChildren(...Array.from({ length: count }, () => picture()));
    this.close();
    this.views = Array.from({ length: count }, () => null);
    this.point = null;
    this.canvas("original").width = 0;
    this.canvas("reconstruction").width = 0;
    for (const name of ["point", "pin"]) this.$(name).textContent = "";
    for (const name of ["norm", "prior", "step"]) this.$(name).textContent = "–";
  }

  close() {
    this.pending.clear();
    for (const view of this.views) view?.decoder.close();
  }

  /**
   * New weights of run i.
   * @param {number} i
   * @param {Probe} probe
   * @param {DecoderWeights} weights
   */
  load(i, probe, weights) {
    const frame = { meta: probe.meta, arrays: weights.arrays };
    const { step } = weights.meta;
    const view = this.views[i];
    if (view?.probe === probe) {
      view.decoder.adopt(frame);
      view.step = step;
    } else {
      view?.decoder.close();
      const picture = new Picture(findAll(this.$("decoded"), "canvas", HTMLCanvasElement)[i], probe.meta.image_shape);
      this.views[i] = { probe, decoder: new InferenceClient("decode", frame), picture, step };
    }
    this.point = null;
  }

  /**
   * Decodes and paints.
   * @param {Float64Array[]} zs z in the latent space of every run
   * @param {boolean} pinned
   */
  show(zs, pinned) {
    zs.forEach((z, i) => {
      const view = this.views[i];
      if (view?.probe.meta.latent_dim !== z.length) return;
      this.decode(i, "lens", z, (pixels) => view.picture.paint(pixels));
    });
    this.$("norm").textContent = `${Math.hypot(...zs[0]).toFixed(2)} σ`;
    this.$("prior").textContent = `${signed(logPrior(zs[0]))} nats`;
    const steps = this.views.flatMap((view) => (view ? [whole(view.step)] : []));
    this.$("step").textContent = steps.length ? `of step ${[...new Set(steps)].join(" / ")}` : "–";
    this.$("pin").textContent = pinned ? "pinned: Escape releases" : "click to pin";
    this.root.classList.toggle("page-pinned", pinned);
  }

  /**
   * Decodes with the network of run i.
   * @param {number} i
   * @param {"lens" | "nearest"} name of the request, which replaces one of the same name
   * @param {Float32Array | Float64Array} z
   * @param {(pixels: Float32Array) => void} paint
   */
  decode(i, name, z, paint) {
    const key = `${name} ${i}`;
    this.pending.add(key);
    this.views[i]?.decoder.ask(name, z, ({ pixels }) => {
      this.pending.delete(key);
      paint(pixels);
    });
  }

  /**
   * Shows the data point of run i that is nearest to the lens: its image, its reconstruction at mu, its rate.
   * @param {NearestPoint} nearest
   */
  showPoint({ i, session, point }) {
    const view = this.views[i];
    if (!view || point < 0 || !session.frame) return;
    const { mu, logvar } = session.frame.arrays;
    const { image_shape, latent_dim: k, classes } = view.probe.meta;
    const { images, labels, index } = view.probe.arrays;
    const key = `${i} ${point} ${session.frame.meta.step} ${view.step}`;
    if (key === this.point) return;
    this.point = key;
    const size = image_shape.reduce((a, b) => a * b, 1);
    new Picture(this.canvas("original"), image_shape).paint(images, 1 / 255, point * size);
    this.decode(i, "nearest", mu.subarray(point * k, (point + 1) * k), (pixels) => {
      if (this.point === key) new Picture(this.canvas("reconstruction"), image_shape).paint(pixels);
    });
    let rate = 0;
    for (let d = point * k; d < (point + 1) * k; d++) rate += klPerDim(mu[d], logvar[d]);
    this.$("point").innerHTML = "class <b></b> · rate <b></b> nats <small></small>";
    const [name, cost] = findAll(this.$("point"), "b");
    name.textContent = classes[labels[point]];
    cost.textContent = rate.toFixed(2);
    find(this.$("point"), "small").textContent = `test image ${index[point]}`;
  }
}

function picture() {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "image decoded at the lens");
  return canvas;
}
