// Traverse: one row of images for each latent dimension, sorted by rate. Along a row only that coordinate of z changes; the
// others are those of the lens. Each row is also a slider for its coordinate: press, drag or use the arrow keys.

import { find, findAll } from "../../core/dom.js";
import { signed } from "../../core/format.js";
import { Swipe } from "../../core/swipe.js";
import { subscript } from "../../math/projection.js";
import { Series } from "../../network/series.js";
import { Picture } from "../../plot/picture.js";

/** @import { ImageShape, MapFrame } from "../../data/frame.js" */
/** @import { View } from "../../map/view.js" */
/** @import { InferenceClient } from "../../network/inference-client.js" */
/** @import { ToolHost } from "../tool-host.js" */
/** @import { Tool } from "./tool.js" */

/**
 * What this tool uses of its host.
 * @typedef {Pick<ToolHost, "decoder" | "map" | "projection" | "slide">} TraverseHost
 */

/** @typedef {{ d: number, element: HTMLElement, sweep: HTMLElement, pictures: Picture[] }} Row the row of dimension d */

const REACH = 3; // σ of the prior, to either side
const ACROSS = 9; // images in a row
const STEP = (2 * REACH) / (ACROSS - 1);
const ACTIVE_VARIANCE = 0.01; // of mu over the images: a dimension with less has collapsed (Burda et al. 2016)

/** @type {Record<string, number>} */
const KEYS = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 };

const HTML = `
<p>Each row moves one coordinate from −${REACH} to ${REACH} σ of the prior; the others stay as under the lens.</p>
<div class="er-rows" data-control="traversals"></div>
<p class="er-collapsed"></p>`;

/** @implements {Tool} */
export class Traverse {
  /**
   * @param {TraverseHost} host
   * @param {HTMLElement} root
   */
  constructor(host, root) {
    this.host = host;
    this.root = root;
    /** @type {number | null} the dimension whose way is marked on the map */
    this.way = null;
    this.z = new Float64Array(0);
    this.moved = new Float64Array(0); // reused for every z that differs from `z` in one coordinate
    this.shown = false; // the rows show `z`
    /** @type {Set<number>} */
    this.collapsed = new Set();
    /** @type {Row[]} */
    this.rows = [];
    // The casts: these are set before any other method runs, `marks` by explore/tools.js and the others by `load`.
    /** @type {SVGElement} */
    this.marks = /** @type {never} */ (null);
    /** @type {InferenceClient<"decode">} */
    this.decoder = /** @type {never} */ (null);
    /** @type {Series} */
    this.series = /** @type {never} */ (null);
    root.innerHTML = HTML;
  }

  /** @param {MapFrame} frame */
  load(frame) {
    const { latent_dim: k, rate_per_dim: rates } = frame.meta;
    const { decoder } = this.host;
    if (!decoder) throw new Error("Traversals need a decoder.");
    this.decoder = decoder;
    this.way = null;
    this.z = new Float64Array(k);
    this.moved = new Float64Array(k);
    const order = Array.from({ length: k }, (_, d) => d).sort((a, b) => rates[b] - rates[a]);
    this.collapsed = new Set(collapsedDims(frame));
    this.rows = order.map((d) => this.row(d, rates[d], frame.meta.image_shape));
    find(this.root, ".er-rows").replaceChildren(...this.rows.map((row) => row.element));
    this.series = new Series(
      this.root,
      k * ACROSS,
      (i) => this.sweptTo(i),
      (i, { pixels }) => this.pictureOf(i).paint(pixels),
    );
    const names = order.filter((d) => this.collapsed.has(d)).map((d) => subscript("z", d + 1));
    find(this.root, ".er-collapsed").textContent = names.length
      ? `Collapsed: ${names.join(", ")}. Their μ hardly varies over the images (variance under ${ACTIVE_VARIANCE}), so they carry no information.`
      : "";
  }

  /**
   * @param {number} d
   * @param {number} rate nats
   * @param {ImageShape} shape of an image
   * @returns {Row}
   */
  row(d, rate, shape) {
    const name = subscript("z", d + 1);
    const element = document.createElement("div");
    element.className = "er-traversal";
    element.classList.toggle("er-dead", this.collapsed.has(d));
    element.innerHTML = `
      <span>${name}</span>
      <div class="er-sweep" tabindex="0" role="slider" aria-label="${name}, ${ACROSS} images decoded from −${REACH} to ${REACH} σ" aria-valuemin="${-REACH}" aria-valuemax="${REACH}">${"<canvas></canvas>".repeat(ACROSS)}<i></i></div>
      <span title="rate of ${name}, mean over the test images">${this.collapsed.has(d) ? "collapsed" : `${rate.toFixed(2)} nats`}</span>`;
    const sweep = find(element, ".er-sweep");
    /** @param {MouseEvent} event */
    const to = (event) => this.moveTo(d, this.valueAt(sweep, event), event.timeStamp);
    /** @type {Swipe | null} of a finger, which may scroll the page instead of moving the slider */
    let swipe = null;
    sweep.addEventListener("pointerdown", (event) => {
      sweep.setPointerCapture(event.pointerId);
      swipe = event.pointerType === "touch" ? new Swipe(event.clientX, event.clientY, event.timeStamp, Infinity) : null;
      if (!swipe) to(event);
    });
    sweep.addEventListener("pointermove", (event) => {
      if (event.buttons && (!swipe || swipe.move(event.clientX, event.clientY, event.timeStamp))) to(event);
    });
    sweep.addEventListener("click", (event) => {
      if (swipe) to(event); // a tap
    });
    sweep.addEventListener("keydown", (event) => this.key(event, d));
    for (const type of ["pointerenter", "focus"]) sweep.addEventListener(type, () => this.mark(d));
    for (const type of ["pointerleave", "blur"]) sweep.addEventListener(type, () => this.mark(null));
    const pictures = findAll(sweep, "canvas", HTMLCanvasElement).map((canvas) => new Picture(canvas, shape));
    return { d, element, sweep, pictures };
  }

  /**
   * The coordinate under the pointer. The images are at −3, …, 3, so −3 is at the middle of the first image.
   * @param {HTMLElement} sweep
   * @param {MouseEvent} event
   */
  valueAt(sweep, event) {
    const box = sweep.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const value = -REACH - STEP / 2 + share * (2 * REACH + STEP);
    return Math.max(-REACH, Math.min(REACH, value));
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} d
   */
  key(event, d) {
    const step = KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    const at = this.z[d] + step * (event.shiftKey ? STEP : STEP / 10);
    this.moveTo(d, Math.max(-REACH, Math.min(REACH, at)), event.timeStamp);
  }

  /**
   * @param {number} d
   * @param {number} value
   * @param {number} at
   */
  moveTo(d, value, at) {
    this.host.slide(d, value, at);
  }

  // --- decoding, image by image ----------------------------------------------------------------------------------------

  /** @param {Float64Array} z */
  show(z) {
    const same = this.shown && z.every((v, d) => v === this.z[d]);
    this.z.set(z);
    for (const { d, sweep } of this.rows) {
      sweep.style.setProperty("--at", String((z[d] + REACH + STEP / 2) / (2 * REACH + STEP)));
      sweep.setAttribute("aria-valuenow", Math.max(-REACH, Math.min(REACH, z[d])).toFixed(2));
      sweep.setAttribute("aria-valuetext", `${signed(z[d])} σ`);
    }
    if (same) return;
    this.shown = true;
    this.decoder.askAll("traverse", this.series.renew());
    if (this.way !== null) this.mark(this.way);
  }

  /**
   * z of the i-th image, counted row by row. The array is overwritten by the next call.
   * @param {number} i
   */
  sweptTo(i) {
    this.moved.set(this.z);
    this.moved[this.rows[Math.floor(i / ACROSS)].d] = -REACH + (i % ACROSS) * STEP;
    return this.moved;
  }

  /** @param {number} i */
  pictureOf(i) {
    return this.rows[Math.floor(i / ACROSS)].pictures[i % ACROSS];
  }

  opened() {
    this.shown = false;
  }

  closed() {
    this.decoder.forget("traverse");
  }

  // --- where the row runs on the map ---------------------------------------------------------------------------------

  /** @param {number | null} d */
  mark(d) {
    this.way = d;
    const { view } = this.host.map;
    if (view) this.place(view);
  }

  /** @param {View} view */
  place(view) {
    if (!this.marks.querySelector(".er-way")) this.marks.innerHTML = '<line class="er-way"/>';
    const line = find(this.marks, ".er-way", SVGElement);
    const { way } = this;
    line.style.display = way === null ? "none" : "";
    if (way === null) return;
    const { projection } = this.host;
    [-REACH, REACH].forEach((value, end) => {
      this.moved.set(this.z);
      this.moved[way] = value;
      const [x, y] = view.toPixel(...projection.project(this.moved));
      line.setAttribute(`x${end + 1}`, String(x));
      line.setAttribute(`y${end + 1}`, String(y));
    });
  }
}

/**
 * Dimensions whose mu hardly varies over the images; without images, those with almost no rate.
 * @param {MapFrame} frame
 */
function collapsedDims(frame) {
  const { latent_dim: k, rate_per_dim: rates } = frame.meta;
  const { mu } = frame.arrays;
  return Array.from({ length: k }, (_, d) => d).filter((d) => {
    if (!frame.count) return rates[d] < ACTIVE_VARIANCE;
    let [sum, squares] = [0, 0];
    for (let i = d; i < mu.length; i += k) {
      sum += mu[i];
      squares += mu[i] ** 2;
    }
    return squares / frame.count - (sum / frame.count) ** 2 <= ACTIVE_VARIANCE;
  });
}
