// Traverse: one row a latent dimension, ordered by rate. Every image of a row is decoded with that one coordinate moved,
// and all others as they are under the lens. A row is a slider too: press, drag or use the arrow keys, and z moves there.

import { signed } from "../../core/format.js";
import { Swipe } from "../../core/swipe.js";
import { subscript } from "../../math/projection.js";
import { Series } from "../../network/series.js";
import { Picture } from "../../plot/picture.js";

const REACH = 3; // σ of the prior, to either side
const ACROSS = 9; // images in a row
const STEP = (2 * REACH) / (ACROSS - 1);
const ACTIVE_VARIANCE = 0.01; // of mu over the images: less is a dimension that has collapsed (Burda et al. 2016)
const KEYS = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 };

const HTML = `
<p>Each row moves one coordinate from −${REACH} to ${REACH} σ of the prior; the others stay as under the lens.</p>
<div class="er-rows"></div>
<p class="er-collapsed"></p>`;

export class Traverse {
  constructor(explorer, root) {
    this.explorer = explorer;
    this.root = root;
    root.innerHTML = HTML;
    this.$ = (selector) => root.querySelector(selector);
  }

  load(frame) {
    const { latent_dim: k, rate_per_dim: rates } = frame.meta;
    this.decoder = this.explorer.decoder;
    this.way = null;
    this.z = new Float64Array(k);
    this.moved = new Float64Array(k);
    const order = Array.from({ length: k }, (_, d) => d).sort((a, b) => rates[b] - rates[a]);
    this.collapsed = new Set(collapsedDims(frame));
    this.rows = order.map((d) => this.row(d, rates[d], frame.meta.image_shape));
    this.$(".er-rows").replaceChildren(...this.rows.map((row) => row.element));
    this.series = new Series(
      this.root,
      k * ACROSS,
      (i) => this.sweptTo(i),
      (i, { pixels }) => this.pictureOf(i).paint(pixels),
    );
    const names = order.filter((d) => this.collapsed.has(d)).map((d) => subscript("z", d + 1));
    this.$(".er-collapsed").textContent = names.length
      ? `Collapsed: ${names.join(", ")}. Their μ hardly varies over the images (variance under ${ACTIVE_VARIANCE}), so nothing is told through them.`
      : "";
  }

  row(d, rate, shape) {
    const name = subscript("z", d + 1);
    const element = document.createElement("div");
    element.className = "er-traversal";
    element.classList.toggle("er-dead", this.collapsed.has(d));
    element.innerHTML = `
      <span>${name}</span>
      <div class="er-sweep" tabindex="0" role="slider" aria-label="${name}, ${ACROSS} images decoded from −${REACH} to ${REACH} σ" aria-valuemin="${-REACH}" aria-valuemax="${REACH}">${"<canvas></canvas>".repeat(ACROSS)}<i></i></div>
      <span title="rate of ${name}, mean over the test images">${this.collapsed.has(d) ? "collapsed" : `${rate.toFixed(2)} nats`}</span>`;
    const sweep = element.querySelector(".er-sweep");
    const to = (event) => this.moveTo(d, this.valueAt(sweep, event), event.timeStamp);
    let swipe = null; // of a finger, which may be about to scroll the page
    sweep.addEventListener("pointerdown", (event) => {
      sweep.setPointerCapture(event.pointerId);
      swipe = event.pointerType === "touch" ? new Swipe(event.clientX, event.clientY, event.timeStamp, Infinity) : null;
      if (!swipe) to(event);
    });
    sweep.addEventListener("pointermove", (event) => {
      if (event.buttons && (!swipe || swipe.move(event.clientX, event.clientY, event.timeStamp))) to(event);
    });
    sweep.addEventListener("click", (event) => swipe && to(event)); // a tap
    sweep.addEventListener("keydown", (event) => this.key(event, d));
    for (const [type, way] of [
      ["pointerenter", d],
      ["focus", d],
      ["pointerleave", null],
      ["blur", null],
    ])
      sweep.addEventListener(type, () => this.mark(way));
    return {
      d,
      element,
      sweep,
      pictures: [...sweep.querySelectorAll("canvas")].map((canvas) => new Picture(canvas, shape)),
    };
  }

  // Images stand at −3, …, 3, so that the middle of the first is −3.
  valueAt(sweep, event) {
    const box = sweep.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const value = -REACH - STEP / 2 + share * (2 * REACH + STEP);
    return Math.max(-REACH, Math.min(REACH, value));
  }

  key(event, d) {
    const step = KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    const at = this.z[d] + step * (event.shiftKey ? STEP : STEP / 10);
    this.moveTo(d, Math.max(-REACH, Math.min(REACH, at)), event.timeStamp);
  }

  moveTo(d, value, at) {
    this.explorer.slide(d, value, at);
  }

  // --- decoding, image by image ----------------------------------------------------------------------------------------

  show(z) {
    if (!this.rows) return;
    const same = this.shown && z.every((v, d) => v === this.z[d]);
    this.z.set(z);
    for (const { d, sweep } of this.rows) {
      sweep.style.setProperty("--at", (z[d] + REACH + STEP / 2) / (2 * REACH + STEP));
      sweep.setAttribute("aria-valuenow", Math.max(-REACH, Math.min(REACH, z[d])).toFixed(2));
      sweep.setAttribute("aria-valuetext", `${signed(z[d])} σ`);
    }
    if (same) return;
    this.shown = true;
    this.decoder.askAll("traverse", this.series.renew());
    if (this.way !== null) this.mark(this.way);
  }

  // z of the i-th image, row by row.
  sweptTo(i) {
    this.moved.set(this.z);
    this.moved[this.rows[Math.floor(i / ACROSS)].d] = -REACH + (i % ACROSS) * STEP;
    return this.moved;
  }

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

  mark(d) {
    this.way = d;
    const { view } = this.explorer.map;
    if (view) this.place(view);
  }

  place(view) {
    if (!this.marks.querySelector(".er-way")) this.marks.innerHTML = '<line class="er-way"/>';
    const line = this.marks.querySelector(".er-way");
    line.style.display = Number.isInteger(this.way) ? "" : "none";
    if (!Number.isInteger(this.way)) return;
    const { projection } = this.explorer;
    [-REACH, REACH].forEach((value, end) => {
      this.moved.set(this.z);
      this.moved[this.way] = value;
      const [x, y] = view.toPixel(...projection.project(this.moved));
      line.setAttribute(`x${end + 1}`, x);
      line.setAttribute(`y${end + 1}`, y);
    });
  }
}

// Dimensions whose mu hardly varies over the images; where there are none, those without a rate.
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
