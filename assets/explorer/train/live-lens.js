// The lens of the live page: z decoded with the newest weights that were fetched, and the nearest point beside it.

import { signed, whole } from "../core/format.js";
import { klPerDim, logPrior } from "../math/gaussian.js";
import { AskedNetwork } from "../network/inference-client.js";
import { Picture } from "../plot/picture.js";

const HTML = `
  <div class="lv-decoded"></div>
  <div class="lv-lensfacts">
    <dl>
      <dt>‖z‖</dt><dd class="lv-norm">–</dd>
      <dt>ln p(z)</dt><dd class="lv-prior">–</dd>
      <dt>weights</dt><dd class="lv-step">–</dd>
    </dl>
    <div class="lv-nearest">
      <figure><canvas class="lv-original" role="img" aria-label="x, the data point nearest in z"></canvas><figcaption>x, nearest in z</figcaption></figure>
      <figure><canvas class="lv-reconstruction" role="img" aria-label="its reconstruction, decoded at its μ"></canvas><figcaption>x̂ at μ</figcaption></figure>
    </div>
    <p class="lv-point"></p>
    <p class="lv-pin"></p>
  </div>`;

export class Glass {
  constructor(root) {
    this.root = root;
    root.innerHTML = HTML;
    this.$ = (name) => root.querySelector(`.lv-${name}`);
    this.views = [];
  }

  // One large picture for each of `count` runs.
  arrange(count) {
    this.$("decoded").replaceChildren(...Array.from({ length: count }, () => picture()));
    this.close();
    this.views = Array.from({ length: count }, () => null);
    this.point = null;
    for (const name of ["original", "reconstruction"]) this.$(name).width = 0;
    for (const name of ["point", "pin"]) this.$(name).textContent = "";
    for (const name of ["norm", "prior", "step"]) this.$(name).textContent = "–";
  }

  close() {
    for (const view of this.views) view?.decoder.close();
  }

  // New weights of run i.
  load(i, probe, weights) {
    const frame = { meta: probe.meta, arrays: weights.arrays };
    if (this.views[i]?.probe === probe) this.views[i].decoder.adopt(frame);
    else this.begin(i, probe, frame);
    this.views[i].step = weights.meta.step;
    this.point = null;
  }

  begin(i, probe, frame) {
    this.views[i]?.decoder.close();
    const picture = new Picture(this.$("decoded").children[i], probe.meta.image_shape);
    this.views[i] = { probe, decoder: new AskedNetwork("decode", frame), picture };
  }

  // Decodes and paints: `zs` holds z for every run.
  show(zs, pinned) {
    zs.forEach((z, i) => {
      const view = this.views[i];
      if (view?.probe.meta.latent_dim !== z.length) return;
      view.decoder.ask("lens", z, ({ pixels }) => view.picture.paint(pixels));
    });
    this.$("norm").textContent = `${Math.hypot(...zs[0]).toFixed(2)} σ`;
    this.$("prior").textContent = `${signed(logPrior(zs[0]))} nats`;
    const steps = this.views.filter(Boolean).map(({ step }) => whole(step));
    this.$("step").textContent = steps.length ? `of step ${[...new Set(steps)].join(" / ")}` : "–";
    this.$("pin").textContent = pinned ? "pinned: Escape releases" : "click to pin";
    this.root.classList.toggle("lv-pinned", pinned);
  }

  // Shows the data point of run i that is nearest to the lens: its image, its reconstruction at mu, its rate.
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
    new Picture(this.$("original"), image_shape).paint(images, 1 / 255, point * size);
    view.decoder.ask("nearest", mu.subarray(point * k, (point + 1) * k), ({ pixels }) => {
      if (this.point === key) new Picture(this.$("reconstruction"), image_shape).paint(pixels);
    });
    let rate = 0;
    for (let d = point * k; d < (point + 1) * k; d++) rate += klPerDim(mu[d], logvar[d]);
    this.$("point").innerHTML = "class <b></b> · rate <b></b> nats <small></small>";
    const [name, cost] = this.$("point").querySelectorAll("b");
    name.textContent = classes[labels[point]];
    cost.textContent = rate.toFixed(2);
    this.$("point").querySelector("small").textContent = `test image ${index[point]}`;
  }
}

function picture() {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "image decoded at the lens");
  return canvas;
}
