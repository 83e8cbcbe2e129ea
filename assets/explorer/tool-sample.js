// Sample: z drawn from the prior, from the aggregate posterior, or from one posterior, decoded. A seed stands for the
// draws: turning the temperature moves the same ones, and whoever has the seed sees them too.

import { Decoder } from "./network.js";
import { faded, theme } from "./palette.js";
import { Picture } from "./picture.js";
import { Random } from "./random.js";
import { Slices, pieces } from "./slices.js";

const COUNT = 24;
const LARGEST_SEED = 99999;
const SOURCES = {
  prior: { name: "prior", formula: "z = T·ζ", said: "the prior N(0, I)" },
  aggregate: { name: "aggregate posterior", formula: "z = mu + T·σ·ζ of a data point, drawn each time", said: "the aggregate posterior" },
  posterior: { name: "one posterior", formula: "z = mu + T·σ·ζ of the nearest data point; a click on the map chooses", said: "one posterior" },
};

const HTML = `
<div class="er-sources" role="group" aria-label="source of the draws">
  ${Object.entries(SOURCES).map(([key, { name }]) => `<button data-source="${key}" aria-pressed="false">${name}</button>`).join("")}
</div>
<p class="er-formula"></p>
<div class="er-sampling">
  <label>temperature T <input class="er-temperature" type="range" min="0" max="2" step="0.05" value="1"><output>1.00</output></label>
  <label>seed <input class="er-seed" type="number" min="0" max="${LARGEST_SEED}" step="1" value="1"></label>
  <button class="er-new">new draws</button>
</div>
<div class="er-drawings" role="group"></div>`;

export class Sample {
  constructor(explorer, root) {
    Object.assign(this, { explorer, root, source: "prior", seed: 1, temperature: 1, looked: -1, slices: new Slices() });
    root.innerHTML = HTML;
    this.$ = (selector) => root.querySelector(selector);
    for (const button of root.querySelectorAll("[data-source]"))
      button.addEventListener("click", () => this.choose({ source: button.dataset.source }));
    const [temperature, seed] = [this.$(".er-temperature"), this.$(".er-seed")];
    temperature.addEventListener("input", () => this.choose({ temperature: Number(temperature.value) }));
    seed.addEventListener("input", () => seed.value !== "" && seed.validity.valid && this.choose({ seed: Number(seed.value) }));
    seed.addEventListener("change", () => (seed.value = this.seed));
    this.$(".er-new").addEventListener("click", () => this.choose({ seed: (this.seed + 1) % (LARGEST_SEED + 1) }));
  }

  load(frame) {
    this.frame = frame;
    this.k = frame.meta.latent_dim;
    this.decoder = new Decoder(frame);
    this.zs = new Float64Array(COUNT * this.k);
    this.buttons = Array.from({ length: COUNT }, (_, i) => this.button(i));
    this.pictures = this.buttons.map((button) => new Picture(button.firstChild, frame.meta.image_shape));
    this.$(".er-drawings").replaceChildren(...this.buttons);
    for (const button of this.root.querySelectorAll("[data-source]")) button.disabled = !frame.count && button.dataset.source !== "prior";
    if (!frame.count) this.source = "prior";
  }

  button(i) {
    const button = document.createElement("button");
    button.append(document.createElement("canvas"));
    button.addEventListener("click", (event) => this.lookAt(i, event.timeStamp));
    for (const [type, looked] of [["pointerenter", i], ["focus", i], ["pointerleave", -1], ["blur", -1]])
      button.addEventListener(type, () => {
        this.looked = looked;
        this.explorer.tools.repaint();
      });
    return button;
  }

  // The lens goes to a draw; whose posterior it was drawn from stays chosen.
  lookAt(i, at) {
    const z = this.zs.subarray(i * this.k, (i + 1) * this.k);
    this.explorer.moveTo(z, at, "", this.source === "posterior" ? this.point : -1);
  }

  opened() {
    this.draw();
  }

  closed() {
    this.slices.stop();
  }

  choose(choice) {
    Object.assign(this, choice);
    this.draw();
  }

  // Draws, and has them decoded; the numbers that are drawn depend on the seed alone.
  draw() {
    const { frame, k, temperature, source } = this;
    const random = new Random(this.seed);
    const point = this.explorer.nearestPoint();
    for (let i = 0; i < COUNT; i++) {
      const share = random.uniform();
      const zeta = random.normals(k);
      const from = source === "prior" ? -1 : source === "posterior" ? point : Math.floor(share * frame.count);
      for (let d = 0; d < k; d++) this.zs[i * k + d] = this.drawn(from, d, temperature * zeta[d]);
    }
    this.point = point;
    this.present();
    this.left = COUNT;
    this.slices.run(pieces(() => this.decodeNext()));
    this.explorer.tools.repaint();
  }

  drawn(point, d, e) {
    if (point < 0) return e;
    const { mu, logvar } = this.frame.arrays;
    return mu[point * this.k + d] + Math.exp(0.5 * logvar[point * this.k + d]) * e;
  }

  present() {
    for (const button of this.root.querySelectorAll("[data-source]"))
      button.setAttribute("aria-pressed", String(button.dataset.source === this.source));
    this.$(".er-formula").textContent = SOURCES[this.source].formula;
    this.$(".er-sampling output").textContent = this.temperature.toFixed(2);
    if (document.activeElement !== this.$(".er-seed")) this.$(".er-seed").value = this.seed;
    this.$(".er-drawings").ariaLabel = `${COUNT} draws from ${SOURCES[this.source].said}, seed ${this.seed}, temperature ${this.temperature}`;
  }

  decodeNext() {
    const i = COUNT - this.left;
    const z = this.zs.subarray(i * this.k, (i + 1) * this.k);
    this.pictures[i].paint(this.decoder.decode(z));
    this.buttons[i].ariaLabel = `draw ${i + 1}, z = (${Array.from(z.subarray(0, 6), (v) => v.toFixed(2)).join(", ")}${this.k > 6 ? ", …" : ""})`;
    this.root.dataset.left = --this.left;
    return this.left > 0;
  }

  // Another data point is nearest to the lens, so its posterior is another.
  changed(changed) {
    if (this.source === "posterior" && changed.has("pinned") && this.explorer.nearestPoint() !== this.point) this.draw();
  }

  retheme() {
    this.explorer.tools.repaint();
  }

  paint(context, view) {
    const { accent, background, text } = theme(this.explorer.root);
    const { projection } = this.explorer;
    for (let i = 0; i < COUNT; i++) {
      const [x, y] = view.toPixel(...projection.project(this.zs, i * this.k));
      const looked = i === this.looked;
      context.beginPath();
      context.arc(x, y, looked ? 9 : 5.5, 0, 2 * Math.PI);
      context.fillStyle = looked ? accent : faded(background, 0.85);
      context.strokeStyle = looked ? text : accent;
      context.lineWidth = 2.5;
      context.fill();
      context.stroke();
    }
  }
}
