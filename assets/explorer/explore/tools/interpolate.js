// Interpolate: a path between two ends in the latent space (straight, spherical, or the least-cost path along the ridges of
// the aggregate posterior), decoded at even steps; next to it, the two end images mixed pixel by pixel.

import { find, findAll } from "../../core/dom.js";
import { Slices } from "../../core/slices.js";
import { Aggregate, counted } from "../../math/aggregate.js";
import { logPrior } from "../../math/gaussian.js";
import { mix, spherical, straight } from "../../math/interpolation.js";
import { Series } from "../../network/series.js";
import { theme } from "../../plot/palette.js";
import { Picture } from "../../plot/picture.js";
import { PathChart } from "./path-chart.js";
import { apart, endOf } from "./path-ends.js";
import { paintPath } from "./path-marks.js";
import { alongInWords, pathInWords } from "./path-words.js";
import { Playback } from "./playback.js";
import { RidgePath } from "./ridge-path.js";

/** @import { State } from "../state.js" */
/** @import { MapFrame } from "../../data/frame.js" */
/** @import { View } from "../../map/view.js" */
/** @import { InferenceClient } from "../../network/inference-client.js" */
/** @import { ToolHost } from "../tool-host.js" */
/** @import { Along } from "./path-chart.js" */
/** @import { End } from "./path-ends.js" */
/** @import { Tool } from "./tool.js" */

/**
 * What this tool uses of its host.
 * @typedef {Pick<ToolHost, "decoder" | "distance" | "map" | "points" | "projection" | "repaint" | "state">} InterpolateHost
 */

/** @typedef {State["path"]} Kind of a path */

const STEPS = 65; // of a path
const FILM = 9; // images along a path
const EVERY = (STEPS - 1) / (FILM - 1);
const GRAB = 14; // px around an end within which a press takes hold of it
const SNAP = 9; // px within which an end takes a data point
const AT_ONCE = 8; // ms of a small network for the film, before the next frame
const REST = 90; // ms without a change before the density along the path is computed

/** @type {[Kind, string][]} with the title of the button */
const KINDS = [
  ["straight", "the straight line"],
  ["spherical", "an arc around z = 0: the direction turns evenly"],
  ["ridge", "the least-cost path, where a step costs its length over q(z)"],
];

const HTML = `
<p class="er-hint">Click two spots or data points on the map, A then B, or drag the ends.</p>
<div class="er-ends">
  <button class="er-end" data-end="0" data-control="end-a"><canvas></canvas><span></span></button>
  <div class="er-kinds" data-control="path" role="group" aria-label="path"></div>
  <button class="er-end" data-end="1" data-control="end-b"><canvas></canvas><span></span></button>
</div>
<figure class="er-film"><div class="er-strip" role="img" aria-label="images decoded along the path"></div><figcaption>through z, decoded</figcaption></figure>
<figure class="er-film"><div class="er-strip" role="img" aria-label="images mixed pixel by pixel"></div><figcaption class="er-raw"></figcaption></figure>
<div class="er-row er-ride">
  <button class="er-play" data-control="play" title="go along the path">▶ play</button>
  <input type="range" class="er-t" data-control="t" min="0" max="1" step="any" value="0" aria-label="t, from A to B">
  <output class="er-t-value"></output>
</div>
<canvas class="er-along" role="img" aria-label="density along the path"></canvas>
<p class="er-path-numbers" role="status"></p>`;

/** @implements {Tool} */
export class Interpolate {
  /**
   * @param {InterpolateHost} host
   * @param {HTMLElement} root
   */
  constructor(host, root) {
    this.host = host;
    this.root = root;
    this.next = 0; // the end that the next click on the map sets
    this.draggedEnd = 0; // the end that is dragged
    this.slices = new Slices();
    this.ridge = new RidgePath();
    this.playback = new Playback((t, now) => this.ride(t, now));
    /** @type {number | undefined} the timer until the density is computed */
    this.timer = undefined;
    this.k = 0;
    /** @type {[number, number]} the data points to begin with */
    this.apart = [-1, -1];
    /** @type {End[]} A and B */
    this.ends = [];
    /** @type {Float64Array[]} z at every step; empty until the tool was opened */
    this.path = [];
    /** @type {Along | null} null until it is computed for `path` */
    this.along = null;
    /** @type {Aggregate | null} of the classes shown; null until it is needed */
    this.aggregate = null;
    /** @type {Picture[][]} the film through z, and the one between the pixels */
    this.strips = [];
    /** @type {Picture[]} of the ends */
    this.thumbs = [];
    // The casts: `load` sets these before any other method runs.
    /** @type {MapFrame} */
    this.frame = /** @type {never} */ (null);
    /** @type {InferenceClient<"decode">} */
    this.decoder = /** @type {never} */ (null);
    /** @type {Series} */
    this.film = /** @type {never} */ (null);
    root.innerHTML = HTML;
    this.slider = find(root, ".er-t", HTMLInputElement);
    this.playButton = find(root, ".er-play");
    this.endButtons = findAll(root, ".er-end");
    const chart = find(root, ".er-along", HTMLCanvasElement);
    this.chart = new PathChart(chart);
    this.kindButtons = KINDS.map(([kind, title]) => {
      const button = Object.assign(document.createElement("button"), { textContent: kind, title });
      button.addEventListener("click", () => this.host.state.set({ path: kind }));
      return button;
    });
    find(root, ".er-kinds").append(...this.kindButtons);
    for (const button of this.endButtons)
      button.addEventListener("click", () =>
        this.setEnd(Number(button.dataset.end), this.host.state.z, this.host.state.point),
      );
    this.slider.addEventListener("input", (event) => this.ride(Number(this.slider.value), event.timeStamp));
    this.playButton.addEventListener("click", () => (this.playback.isPlaying ? this.stop() : this.play()));
    new ResizeObserver(() => this.frame && this.showT()).observe(chart);
  }

  /** @param {MapFrame} frame */
  load(frame) {
    const { image_shape: shape, latent_dim: k } = frame.meta;
    const { decoder } = this.host;
    if (!decoder) throw new Error("Paths need a decoder.");
    this.frame = frame;
    this.k = k;
    this.decoder = decoder;
    this.ridge.forget();
    this.strips = findAll(this.root, ".er-strip").map((strip) => {
      const canvases = Array.from({ length: FILM }, () => document.createElement("canvas"));
      strip.replaceChildren(...canvases);
      return canvases.map((canvas) => new Picture(canvas, shape));
    });
    this.film = new Series(
      this.root,
      FILM,
      (i) => this.path[i * EVERY],
      (i, { pixels }) => this.decoded(i, pixels),
    );
    this.thumbs = findAll(this.root, ".er-end canvas", HTMLCanvasElement).map((canvas) => new Picture(canvas, shape));
    for (const button of this.kindButtons.slice(1)) button.hidden = k === 1; // in one dimension all paths are the same
    this.apart = apart(frame);
  }

  /** @returns {Kind} */
  get kind() {
    return this.k === 1 ? "straight" : this.host.state.path;
  }

  /** The theme, the plane, the hidden classes and the ends may have changed while the tool was closed. */
  opened() {
    this.chart.retheme();
    this.forgetDensity();
    this.readEnds();
    this.renew();
  }

  isBusy() {
    return this.timer !== undefined || this.slices.work !== null;
  }

  closed() {
    this.stop();
    this.slices.stop();
    this.decoder.forget("film");
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  forgetDensity() {
    this.ridge.forget();
    this.aggregate = null;
  }

  /** @param {Set<string>} changed */
  changed(changed) {
    /** @param {string[]} names */
    const has = (...names) => names.some((name) => changed.has(name));
    if (has("pinned") && !this.host.state.pinned) this.stop();
    if (has("hidden")) this.forgetDensity();
    if (has("turn")) this.ridge.forget();
    if (has("from", "to")) this.readEnds();
    if (has("plane", "hidden", "path", "from", "to") || (has("turn") && this.kind === "ridge")) this.renew();
    else if (has("t")) this.showT();
  }

  retheme() {
    this.chart.retheme();
  }

  // --- the ends ----------------------------------------------------------------------------------------------------

  /** Takes A and B from the state; an end that is not set is a data point to begin with. */
  readEnds() {
    const { from, to } = this.host.state;
    this.ends = [from, to].map((end, i) => endOf(this.frame, end ?? { point: this.apart[i] }));
  }

  /**
   * @param {number} which 0 for A, 1 for B
   * @param {Float64Array} z
   * @param {number} point
   */
  setEnd(which, z, point) {
    this.next = 1 - which;
    this.stop();
    const end = { z: Float64Array.from(z), point };
    this.host.state.set(which ? { to: end } : { from: end });
  }

  /**
   * The end at a pixel of the map: a data point, or the z there on the plane through the lens.
   * @param {number} x
   * @param {number} y
   */
  spot(x, y) {
    const { map, projection, state } = this.host;
    const [u, v] = map.view.toData(x, y);
    const nearest = map.nearest(u, v);
    if (nearest >= 0 && (this.host.distance(nearest, x, y) < SNAP || !projection.invertible))
      return endOf(this.frame, { point: nearest });
    const z = Float64Array.from(state.z);
    projection.lift(z, u, v);
    return { z, point: -1 };
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} _at
   * @param {boolean} still
   */
  click(x, y, _at, still) {
    if (!still) return false;
    const { z, point } = this.spot(x, y);
    this.setEnd(this.next, z, point);
    return true;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  press(x, y) {
    const { map, projection } = this.host;
    const away = this.ends.map(({ z }) => {
      const [px, py] = map.view.toPixel(...projection.project(z));
      return Math.hypot(px - x, py - y);
    });
    this.draggedEnd = away[0] <= away[1] ? 0 : 1;
    return away[this.draggedEnd] < GRAB;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  drag(x, y) {
    const { z, point } = this.spot(x, y);
    this.setEnd(this.draggedEnd, z, point);
  }

  // --- the path ----------------------------------------------------------------------------------------------------

  /** Path and film are updated at once; the ridge and the density, which take longer, after a pause in the input. */
  renew() {
    for (const button of this.kindButtons)
      button.setAttribute("aria-pressed", String(button.textContent === this.kind));
    const [a, b] = this.ends.map(({ z }) => z);
    this.path = this.kind === "spherical" ? spherical(a, b, STEPS) : straight(a, b, STEPS);
    this.along = null;
    this.root.dataset.path = "";
    this.slices.stop();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.slices.run(this.look());
    }, REST);
    this.showEnds();
    this.showPath();
  }

  /** The work that takes longer, in pieces. */
  *look() {
    const { frame } = this;
    if (this.kind === "ridge" && this.host.projection.invertible) {
      const [a, b] = this.ends.map(({ z }) => z);
      this.path = yield* this.ridge.find(this.host, frame, a, b, STEPS);
      yield;
      this.showPath();
    }
    const { labels } = frame.arrays;
    const hidden = this.host.state.hidden;
    this.aggregate ??= new Aggregate(frame.arrays, counted(frame, hidden), this.k);
    if (!this.aggregate.count) return;
    /** @type {Along} */
    const along = { q: [], p: [], shares: [] };
    for (const z of this.path) {
      along.q.push(this.aggregate.log(z));
      along.p.push(logPrior(z));
      yield;
      along.shares.push(this.aggregate.shares(z, labels, frame.meta.classes.length));
      yield;
    }
    this.along = along;
    this.showAlong();
    this.root.dataset.path = this.kind;
  }

  showEnds() {
    const { classes } = this.frame.meta;
    const { labels } = this.frame.arrays;
    const names = this.ends.map(({ point }, i) => `${"AB"[i]}: ${point >= 0 ? classes[labels[point]] : "spot"}`);
    this.endButtons.forEach((button, i) => {
      find(button, "span").textContent = names[i];
      button.title = `${names[i]}, put it where the lens is`;
      button.ariaLabel = button.title;
    });
    const [film, mixed] = findAll(this.root, ".er-strip");
    film.ariaLabel = `${FILM} images decoded along the ${this.kind} path from ${names.join(" to ")}`;
    mixed.ariaLabel = `${FILM} images mixed pixel by pixel from ${names.join(" to ")}`;
    const both = this.ends.every(({ point }) => point >= 0);
    find(this.root, ".er-raw").textContent = both
      ? "between the pixels of the images themselves"
      : "between the pixels of both ends, decoded where no image is";
    this.showMixed();
  }

  showPath() {
    this.decoder.askAll("film", this.film.renew(), AT_ONCE);
    this.showAlong();
    this.host.repaint();
  }

  /**
   * Image i of the film was decoded.
   * @param {number} i
   * @param {Float32Array} pixels
   */
  decoded(i, pixels) {
    this.strips[0][i].paint(pixels);
    if (i > 0 && i < FILM - 1) return;
    const end = this.ends[i === 0 ? 0 : 1];
    if (end.point >= 0) return;
    end.pixels = Float64Array.from(pixels);
    this.showMixed();
  }

  /** Shows the images of the ends and their mixtures, if known yet. */
  showMixed() {
    const [a, b] = this.ends.map(({ pixels }) => pixels);
    if (a) this.thumbs[0].paint(a);
    if (b) this.thumbs[1].paint(b);
    if (a && b) this.strips[1].forEach((picture, i) => void picture.paint(mix(a, b, i / (FILM - 1))));
  }

  showAlong() {
    this.showT();
    find(this.root, ".er-path-numbers").textContent = this.words();
    find(this.root, ".er-along").ariaLabel = this.along ? alongInWords(this.along) : "density along the path";
    this.host.repaint();
  }

  showT() {
    const { t } = this.host.state;
    if (this.along) this.chart.show({ along: this.along, classes: this.frame.meta.classes, t });
    else this.chart.clear();
    this.slider.value = String(t);
    find(this.root, ".er-t-value").textContent = `t = ${t.toFixed(2)}`;
  }

  words() {
    const { along, aggregate } = this;
    if (!along || !aggregate) return "";
    const isStraight = this.kind === "ridge" && !this.host.projection.invertible;
    const kind = isStraight ? "straight, for a ridge needs a plane · " : "";
    return kind + pathInWords(this.path, along, this.frame, aggregate.count);
  }

  // --- going along it ----------------------------------------------------------------------------------------------

  /**
   * Moves the lens to a place on the path.
   * @param {number} t in [0, 1]
   * @param {number} at
   */
  ride(t, at) {
    this.host.state.set({ z: this.zAt(t), pinned: true, t }, at);
  }

  /**
   * z at a place on the path.
   * @param {number} t in [0, 1]
   */
  zAt(t) {
    const step = t * (STEPS - 1);
    const i = Math.min(STEPS - 2, Math.floor(step));
    return mix(this.path[i], this.path[i + 1], step - i);
  }

  halt() {
    this.stop();
  }

  play() {
    this.playButton.textContent = "❚❚ pause";
    this.playback.start(this.host.state.t);
  }

  stop() {
    this.playback.stop();
    this.playButton.textContent = "▶ play";
  }

  // --- on the map --------------------------------------------------------------------------------------------------

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   */
  paint(context, view) {
    if (!this.path.length) return;
    const { projection } = this.host;
    const spots = this.path.map((z) => view.toPixel(...projection.project(z)));
    paintPath(context, spots, EVERY, theme(this.root));
  }
}
