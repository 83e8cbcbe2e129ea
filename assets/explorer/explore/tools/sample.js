// Sample: z drawn from the prior, from the aggregate posterior, or from one posterior, decoded. The noise depends on the
// seed alone: another temperature scales the same draws, and the same seed gives the same draws to everyone.

import { find, findAll } from "../../core/dom.js";
import { Random } from "../../core/random.js";
import { Series } from "../../network/series.js";
import { disc } from "../../plot/chart.js";
import { faded, theme } from "../../plot/palette.js";
import { Picture } from "../../plot/picture.js";
import { LARGEST_SEED } from "../fields.js";

/** @import { State } from "../state.js" */
/** @import { ImageShape, MapFrame } from "../../data/frame.js" */
/** @import { View } from "../../map/view.js" */
/** @import { InferenceClient } from "../../network/inference-client.js" */
/** @import { ToolHost } from "../tool-host.js" */
/** @import { Tool } from "./tool.js" */

/**
 * What this tool uses of its host.
 * @typedef {Pick<ToolHost, "decoder" | "moveTo" | "nearestPoint" | "projection" | "repaint" | "state">} SampleHost
 */

/** @typedef {State["source"]} Source where draws come from */

const COUNT = 24;

/** @type {Record<Source, { name: string, formula: string, phrase: string }>} */
const SOURCES = {
  prior: { name: "prior", formula: "z = T·ζ", phrase: "the prior N(0, I)" },
  aggregate: {
    name: "aggregate posterior",
    formula: "z = μ + T·σ·ζ of a data point, drawn each time",
    phrase: "the aggregate posterior",
  },
  posterior: {
    name: "one posterior",
    formula: "z = μ + T·σ·ζ of the data point beside the lens; a click on the map chooses",
    phrase: "one posterior",
  },
};

const LACKING = "All classes are hidden, so there is no posterior to draw from. Show one in the legend.";

const HTML = `
<div class="er-sources" data-control="source" role="group" aria-label="source of the draws">
  ${Object.entries(SOURCES)
    .map(([key, { name }]) => `<button data-source="${key}" aria-pressed="false">${name}</button>`)
    .join("")}
</div>
<p class="er-formula"></p>
<div class="er-sampling">
  <label data-control="temperature">temperature T <input class="er-temperature" type="range" min="0" max="2" step="0.05" value="1"><output>1.00</output></label>
  <label data-control="seed">seed <input class="er-seed" type="number" min="0" max="${LARGEST_SEED}" step="1" value="1"></label>
  <button class="er-new" data-control="new-draws">new draws</button>
</div>
<div class="er-drawings" data-control="draws" role="group"></div>`;

/** @implements {Tool} */
export class Sample {
  /**
   * @param {SampleHost} host
   * @param {HTMLElement} root
   */
  constructor(host, root) {
    this.host = host;
    this.root = root;
    this.looked = -1; // the draw under the pointer or with the focus
    this.lacks = false; // there is no posterior to draw from
    this.k = 0;
    this.zs = new Float64Array(0); // all draws, one after the other
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
    /** @type {Picture[]} */
    this.pictures = [];
    // The casts: `load` sets these before any other method runs.
    /** @type {MapFrame} */
    this.frame = /** @type {never} */ (null);
    /** @type {InferenceClient<"decode">} */
    this.decoder = /** @type {never} */ (null);
    /** @type {Series} */
    this.series = /** @type {never} */ (null);
    root.innerHTML = HTML;
    this.sources = findAll(root, "[data-source]", HTMLButtonElement);
    this.temperature = find(root, ".er-temperature", HTMLInputElement);
    this.seed = find(root, ".er-seed", HTMLInputElement);
    this.drawings = find(root, ".er-drawings");
    this.listen();
  }

  listen() {
    const { host, temperature, seed } = this;
    for (const button of this.sources)
      button.addEventListener("click", () =>
        host.state.set({ source: sourceOf(button), posterior: host.nearestPoint() }),
      );
    temperature.addEventListener("input", () => host.state.set({ temperature: Number(temperature.value) }));
    seed.addEventListener("input", () => {
      if (seed.value !== "" && seed.validity.valid) host.state.set({ seed: Number(seed.value) });
    });
    seed.addEventListener("change", () => {
      seed.value = String(host.state.seed);
    });
    find(this.root, ".er-new").addEventListener("click", () =>
      host.state.set({ seed: (host.state.seed + 1) % (LARGEST_SEED + 1) }),
    );
  }

  /** @param {MapFrame} frame */
  load(frame) {
    const { decoder } = this.host;
    if (!decoder) throw new Error("Draws need a decoder.");
    this.frame = frame;
    this.k = frame.meta.latent_dim;
    this.decoder = decoder;
    this.zs = new Float64Array(COUNT * this.k);
    this.buttons = Array.from({ length: COUNT }, (_, i) => this.button(i));
    this.pictures = this.buttons.map((button) => pictureIn(button, frame.meta.image_shape));
    this.drawings.replaceChildren(...this.buttons);
    this.series = new Series(
      this.root,
      COUNT,
      (i) => this.z(i),
      (i, { pixels }) => this.pictures[i].paint(pixels),
    );
    for (const button of this.sources) button.disabled = !frame.count && button.dataset.source !== "prior";
  }

  /** Without data points there is the prior only. */
  get source() {
    return this.frame.count ? this.host.state.source : "prior";
  }

  /**
   * The button of draw i; the draw is marked on the map while the button has the pointer or the focus.
   * @param {number} i
   */
  button(i) {
    const button = document.createElement("button");
    button.append(document.createElement("canvas"));
    button.addEventListener("click", (event) => this.lookAt(i, event.timeStamp));
    /** @param {number} looked */
    const mark = (looked) => {
      this.looked = looked;
      this.host.repaint();
    };
    for (const type of ["pointerenter", "focus"]) button.addEventListener(type, () => mark(i));
    for (const type of ["pointerleave", "blur"]) button.addEventListener(type, () => mark(-1));
    return button;
  }

  /** @param {number} i */
  z(i) {
    return this.zs.subarray(i * this.k, (i + 1) * this.k);
  }

  /**
   * Moves the lens to draw i. The data point whose posterior it was drawn from stays chosen.
   * @param {number} i
   * @param {number} at
   */
  lookAt(i, at) {
    this.host.moveTo(this.z(i), at, this.source === "posterior" ? this.host.state.posterior : -1);
  }

  opened() {
    if (!this.choosePoint()) this.draw();
  }

  /**
   * Where draws are from one posterior and none is chosen, or `another` is to be, chooses that of the data point beside the
   * lens. Returns whether the state has changed, after which `draw` was called.
   * @param {boolean} [another]
   */
  choosePoint(another = false) {
    const { state } = this.host;
    if (this.source !== "posterior" || (state.posterior >= 0 && !another)) return false;
    const posterior = this.host.nearestPoint();
    if (posterior === state.posterior) return false;
    state.set({ posterior });
    return true;
  }

  closed() {
    this.decoder.forget("sample");
  }

  /** Makes all draws anew and has them decoded; the random numbers depend on the seed alone. */
  draw() {
    const { k, host } = this;
    const { seed, temperature } = host.state;
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
    host.repaint();
  }

  /**
   * Chooses the data point whose posterior is drawn from, by a random share in [0, 1); −1 stands for the prior. Null where
   * the map shows no point.
   * @returns {((share: number) => number) | null}
   */
  chooser() {
    const { state } = this.host;
    if (this.source === "prior") return () => -1;
    if (this.source === "posterior") return state.posterior < 0 ? null : () => state.posterior;
    const { labels } = this.frame.arrays;
    const shown = Uint32Array.from(labels.keys()).filter((i) => !state.hidden.includes(labels[i]));
    return shown.length ? (share) => shown[Math.floor(share * shown.length)] : null;
  }

  /**
   * Coordinate d of a draw from the posterior of a data point, or from the prior for −1.
   * @param {number} point
   * @param {number} d
   * @param {number} e scaled noise
   */
  drawn(point, d, e) {
    if (point < 0) return e;
    const { mu, logvar } = this.frame.arrays;
    return mu[point * this.k + d] + Math.exp(0.5 * logvar[point * this.k + d]) * e;
  }

  present() {
    const { seed, temperature } = this.host.state;
    for (const button of this.sources)
      button.setAttribute("aria-pressed", String(button.dataset.source === this.source));
    find(this.root, ".er-formula").textContent = this.lacks ? LACKING : SOURCES[this.source].formula;
    this.temperature.value = String(temperature);
    find(this.root, ".er-sampling output").textContent = temperature.toFixed(2);
    if (document.activeElement !== this.seed) this.seed.value = String(seed);
    this.drawings.hidden = this.lacks;
    this.drawings.ariaLabel = `${COUNT} draws from ${SOURCES[this.source].phrase}, seed ${seed}, temperature ${temperature}`;
    this.buttons.forEach((button, i) => {
      const z = Array.from(this.z(i).subarray(0, 6), (v) => v.toFixed(2)).join(", ");
      button.ariaLabel = `draw ${i + 1}, z = (${z}${this.k > 6 ? ", …" : ""})`;
    });
  }

  /** @param {Set<string>} changed */
  changed(changed) {
    /** @param {string[]} names */
    const has = (...names) => names.some((name) => changed.has(name));
    const moved = has("pinned") && !has("posterior"); // the lens may be nearest to another data point now
    if (this.choosePoint(moved)) return;
    if (has("source", "posterior", "seed", "temperature", "hidden")) this.draw();
  }

  retheme() {
    this.host.repaint();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   */
  paint(context, view) {
    const { accent, background, text } = theme(this.root);
    const { projection } = this.host;
    for (let i = 0; i < COUNT && !this.lacks; i++) {
      const [x, y] = view.toPixel(...projection.project(this.zs, i * this.k));
      const looked = i === this.looked;
      disc(context, x, y, looked ? 9 : 5.5, looked ? accent : faded(background, 0.85), looked ? text : accent, 2.5);
    }
  }
}

/** @param {HTMLButtonElement} button */
const sourceOf = (button) => /** @type {Source} */ (button.dataset.source); // the keys of SOURCES, see HTML

/**
 * @param {HTMLElement} button
 * @param {ImageShape} shape
 */
const pictureIn = (button, shape) => new Picture(find(button, "canvas", HTMLCanvasElement), shape);
