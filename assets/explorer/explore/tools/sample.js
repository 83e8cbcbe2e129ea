// Sample: z drawn from the prior, from the aggregate posterior, or from one posterior, decoded. A seed stands for the
// draws: turning the temperature moves the same ones, and whoever has the seed sees them too.

import { LARGEST_SEED } from "../../core/link-fields.js";
import { Random } from "../../core/random.js";
import { Series } from "../../network/series.js";
import { disc } from "../../plot/chart.js";
import { faded, theme } from "../../plot/palette.js";
import { Picture } from "../../plot/picture.js";

const COUNT = 24;
const SOURCES = {
  prior: { name: "prior", formula: "z = T·ζ", said: "the prior N(0, I)" },
  aggregate: {
    name: "aggregate posterior",
    formula: "z = μ + T·σ·ζ of a data point, drawn each time",
    said: "the aggregate posterior",
  },
  posterior: {
    name: "one posterior",
    formula: "z = μ + T·σ·ζ of the data point beside the lens; a click on the map chooses",
    said: "one posterior",
  },
};

const LACKING = "All classes are hidden, so there is no posterior to draw from. Show one in the legend.";

const HTML = `
<div class="er-sources" role="group" aria-label="source of the draws">
  ${Object.entries(SOURCES)
    .map(([key, { name }]) => `<button data-source="${key}" aria-pressed="false">${name}</button>`)
    .join("")}
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
    this.explorer = explorer;
    this.root = root;
    this.looked = -1;
    root.innerHTML = HTML;
    this.$ = (selector) => root.querySelector(selector);
    for (const button of root.querySelectorAll("[data-source]"))
      button.addEventListener("click", () =>
        explorer.state.set({ source: button.dataset.source, posterior: explorer.nearestPoint() }),
      );
    const [temperature, seed] = [this.$(".er-temperature"), this.$(".er-seed")];
    temperature.addEventListener("input", () => explorer.state.set({ temperature: Number(temperature.value) }));
    seed.addEventListener(
      "input",
      () => seed.value !== "" && seed.validity.valid && explorer.state.set({ seed: Number(seed.value) }),
    );
    seed.addEventListener("change", () => (seed.value = explorer.state.seed));
    this.$(".er-new").addEventListener("click", () =>
      explorer.state.set({ seed: (explorer.state.seed + 1) % (LARGEST_SEED + 1) }),
    );
  }

  load(frame) {
    this.frame = frame;
    this.k = frame.meta.latent_dim;
    this.decoder = this.explorer.decoder;
    this.zs = new Float64Array(COUNT * this.k);
    this.buttons = Array.from({ length: COUNT }, (_, i) => this.button(i));
    this.pictures = this.buttons.map((button) => new Picture(button.firstChild, frame.meta.image_shape));
    this.$(".er-drawings").replaceChildren(...this.buttons);
    this.series = new Series(
      this.root,
      COUNT,
      (i) => this.z(i),
      (i, { pixels }) => this.pictures[i].paint(pixels),
    );
    for (const button of this.root.querySelectorAll("[data-source]"))
      button.disabled = !frame.count && button.dataset.source !== "prior";
  }

  get source() {
    return this.frame.count ? this.explorer.state.source : "prior";
  }

  button(i) {
    const button = document.createElement("button");
    button.append(document.createElement("canvas"));
    button.addEventListener("click", (event) => this.lookAt(i, event.timeStamp));
    for (const [type, looked] of [
      ["pointerenter", i],
      ["focus", i],
      ["pointerleave", -1],
      ["blur", -1],
    ])
      button.addEventListener(type, () => {
        this.looked = looked;
        this.explorer.tools.repaint();
      });
    return button;
  }

  z(i) {
    return this.zs.subarray(i * this.k, (i + 1) * this.k);
  }

  // The lens goes to a draw; whose posterior it was drawn from stays chosen.
  lookAt(i, at) {
    this.explorer.moveTo(this.z(i), at, "", this.source === "posterior" ? this.explorer.state.posterior : -1);
  }

  opened() {
    this.draw();
  }

  closed() {
    this.decoder.forget("sample");
  }

  // Draws, and has them decoded; the numbers that are drawn depend on the seed alone.
  draw() {
    const { k, explorer } = this;
    const { seed, temperature } = explorer.state;
    const random = new Random(seed);
    const chooses = this.chooser();
    this.lacks = !chooses;
    for (let i = 0; i < COUNT && chooses; i++) {
      const from = chooses(random.uniform());
      const zeta = random.normals(k);
      for (let d = 0; d < k; d++) this.zs[i * k + d] = this.drawn(from, d, temperature * zeta[d]);
    }
    this.present();
    if (this.lacks) this.decoder.forget("sample");
    else this.decoder.askAll("sample", this.series.renew());
    explorer.tools.repaint();
  }

  // Share of one → the data point whose posterior is drawn from, −1 for the prior; null where the map shows no point.
  chooser() {
    const { state } = this.explorer;
    if (this.source === "prior") return () => -1;
    if (this.source === "posterior") {
      if (state.posterior < 0) state.posterior = this.explorer.nearestPoint();
      return state.posterior < 0 ? null : () => state.posterior;
    }
    const { labels } = this.frame.arrays;
    const shown = Uint32Array.from(labels.keys()).filter((i) => !state.hidden.includes(labels[i]));
    return shown.length ? (share) => shown[Math.floor(share * shown.length)] : null;
  }

  drawn(point, d, e) {
    if (point < 0) return e;
    const { mu, logvar } = this.frame.arrays;
    return mu[point * this.k + d] + Math.exp(0.5 * logvar[point * this.k + d]) * e;
  }

  present() {
    const { seed, temperature } = this.explorer.state;
    for (const button of this.root.querySelectorAll("[data-source]"))
      button.setAttribute("aria-pressed", String(button.dataset.source === this.source));
    this.$(".er-formula").textContent = this.lacks ? LACKING : SOURCES[this.source].formula;
    this.$(".er-temperature").value = temperature;
    this.$(".er-sampling output").textContent = temperature.toFixed(2);
    if (document.activeElement !== this.$(".er-seed")) this.$(".er-seed").value = seed;
    this.$(".er-drawings").hidden = this.lacks;
    this.$(".er-drawings").ariaLabel =
      `${COUNT} draws from ${SOURCES[this.source].said}, seed ${seed}, temperature ${temperature}`;
    this.buttons.forEach((button, i) => {
      const z = Array.from(this.z(i).subarray(0, 6), (v) => v.toFixed(2)).join(", ");
      button.ariaLabel = `draw ${i + 1}, z = (${z}${this.k > 6 ? ", …" : ""})`;
    });
  }

  changed(changed) {
    const { state } = this.explorer;
    const has = (...names) => names.some((name) => changed.has(name));
    const another =
      has("pinned") &&
      !has("posterior") &&
      this.source === "posterior" &&
      this.explorer.nearestPoint() !== state.posterior;
    if (another) state.posterior = this.explorer.nearestPoint(); // the lens is nearest to another data point now
    if (another || has("source", "posterior", "seed", "temperature", "hidden")) this.draw();
  }

  retheme() {
    this.explorer.tools.repaint();
  }

  paint(context, view) {
    const { accent, background, text } = theme(this.explorer.root);
    const { projection } = this.explorer;
    for (let i = 0; i < COUNT && !this.lacks; i++) {
      const [x, y] = view.toPixel(...projection.project(this.zs, i * this.k));
      const looked = i === this.looked;
      disc(context, x, y, looked ? 9 : 5.5, looked ? accent : faded(background, 0.85), looked ? text : accent, 2.5);
    }
  }
}
