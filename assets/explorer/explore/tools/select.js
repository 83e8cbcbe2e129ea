// Select: a box or a lasso around points of the map; what they look like, what the model makes of them, what they cost.

import { rounded, whole } from "../../core/format.js";
import { CORNERS } from "../../core/link-fields.js";
import { finished, Slices } from "../../core/slices.js";
import { afterPaint, measure } from "../../core/timing.js";
import { shownClasses } from "../../math/grid-index.js";
import { box, within } from "../../math/lasso.js";
import { cornersOf } from "../../math/outline.js";
import { subscript } from "../../math/projection.js";
import { csv, MEASURES, measuresOf, ROWS, sorted, summary } from "../../math/selection.js";
import { Series } from "../../network/series.js";
import { classColour, faded, theme } from "../../plot/palette.js";
import { Picture } from "../../plot/picture.js";
import { pointName } from "../capabilities.js";
import { ContactSheet, held } from "./contact-sheet.js";

const PAGE = 60; // pairs of images shown at a time
const EXACT = 0.7; // px that a lasso's corners may be off the line that was drawn
const STILL = 5; // px that a press may wander and still be a click
const RINGED = 600; // points that are ringed at most: more of them would hide their colours
const AT_ONCE = 8; // ms of a small network for the reconstructions that come first
const PARTS = 200; // of a table that are kept as text
const QUICK = 20_000; // points that a selection is looked at at once with

const HTML = `
<div class="er-row">
  <button data-mode="lasso" aria-pressed="true" title="draw a line around points">lasso</button>
  <button data-mode="box" title="drag a box over points">box</button>
  <button data-mode="move" title="drag the map">move map</button>
  <button class="er-clear" title="select nothing">clear</button>
</div>
<p class="er-hint">Drag on the map around the points to look at.</p>
<div class="er-selected" hidden>
  <p class="er-counted" role="status"></p>
  <div class="er-class-counts" role="img"></div>
  <dl class="er-means" title="means over the selection; distortion is −ln p(x|z) at one draw z from q(z|x)">
    <dt>distortion</dt><dd class="er-mean-distortion"></dd><dt>rate</dt><dd class="er-mean-rate"></dd><dt>elbo</dt><dd class="er-mean-elbo"></dd><dd class="er-unit">mean, nats</dd>
  </dl>
  <div class="er-rates" role="group" aria-label="mean rate per dimension, in nats"></div>
  <div class="er-row er-order">
    <label class="er-field"><span>by</span><select class="er-measure"></select></label>
    <button class="er-turn" title="turn the order round">worst first</button>
    <button class="er-csv" title="a row for every selected image">CSV</button>
    <button class="er-png">PNG</button>
  </div>
  <div class="er-pairs" role="group" aria-label="images over their reconstructions; a click finds the point on the map"></div>
  <button class="er-more"></button>
</div>`;

export class Select {
  constructor(explorer, root) {
    this.explorer = explorer;
    this.root = root;
    this.chosen = [];
    this.trail = null;
    this.saving = new Slices();
    this.looking = new Slices();
    root.innerHTML = HTML;
    this.$ = (selector) => root.querySelector(selector);
    const on = (selector, event, action) => this.$(selector).addEventListener(event, action);
    this.modes = [...root.querySelectorAll("[data-mode]")];
    for (const button of this.modes)
      button.addEventListener("click", () => explorer.state.set({ mode: button.dataset.mode }));
    on(".er-clear", "click", () => explorer.state.set({ shape: null }));
    on(".er-measure", "change", (event) => explorer.state.set({ by: event.target.value }));
    on(".er-turn", "click", () => explorer.state.set({ order: this.worstFirst ? "best" : "worst" }));
    on(".er-csv", "click", () => this.saving.run(this.table()));
    on(".er-png", "click", () => this.savePicture());
    on(".er-more", "click", () => this.showMore());
  }

  load(frame) {
    const { image_shape: shape } = frame.meta;
    this.frame = frame;
    this.imageShape = shape;
    this.size = shape.reduce((a, b) => a * b, 1);
    this.decoder = this.explorer.decoder;
    this.measures = measuresOf(frame.given);
    this.$(".er-measure").replaceChildren(...this.measures.map((name) => new Option(name, name.replace("−", ""))));
    for (const chooser of [this.$(".er-measure").parentElement, this.$(".er-turn")])
      chooser.hidden = !this.measures.length;
    this.$(".er-png").hidden = !(frame.given.images || this.decoder);
    this.chosen = [];
    this.state = null;
  }

  // What points are sorted by: as the state says, where the frame knows it of them.
  get measure() {
    return this.measures.find((name) => name.replace("−", "") === this.explorer.state.by) ?? this.measures[0];
  }

  get worstFirst() {
    return this.explorer.state.order === "worst";
  }

  closed() {
    this.decoder?.forget("selection");
    this.sheet?.stop();
  }

  get fileName() {
    return `${this.frame.meta.name.replace(/[^\w.-]+/g, "-")}-selection`;
  }

  // What a drag on the map does.
  get mode() {
    return this.explorer.state.mode;
  }

  showMode() {
    for (const button of this.modes) button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
  }

  opened() {
    this.changed(new Set(["hidden"]));
  }

  // A line is gone with the plane that it was drawn on, and its points stay; but not where a link brings another state.
  changed(changed, at = performance.now()) {
    const { state } = this.explorer;
    this.askedAt = at;
    this.showMode();
    const has = (...names) => names.some((name) => changed.has(name));
    const cleared = has("shape") && !has("plane", "turn");
    if (state !== this.state || cleared || (state.shape && has("shape", "plane", "hidden"))) this.takeShape();
    else if (has("hidden")) this.take(this.chosen.filter((i) => this.visible(i)));
    else if (has("by", "order")) this.order();
    this.state = state;
  }

  // Selects what lies within the state's shape, as soon as the map shows the plane that it is of.
  takeShape() {
    const { state, map, showsPlane } = this.explorer;
    this.take(state.shape && showsPlane ? within(state.shape, map.scene.index, shownClasses(state.hidden)) : []);
  }

  visible(i) {
    return !this.explorer.state.hidden.includes(this.frame.arrays.labels[i]);
  }

  // --- the drag ----------------------------------------------------------------------------------------------------

  press(x, y) {
    if (this.mode === "move") return false;
    this.trail = [[x, y]];
    return true;
  }

  drag(x, y) {
    if (this.mode === "box") this.trail[1] = [x, y];
    else this.trail.push([x, y]);
    this.explorer.tools.repaint();
  }

  // A press that has not moved is a click, and goes to the lens; a second finger ends the line without a selection.
  drop(x, y, at, cancelled) {
    const moved =
      !cancelled && this.trail.some(([px, py]) => Math.hypot(px - this.trail[0][0], py - this.trail[0][1]) > STILL);
    const shape = moved && this.outline(cornersOf(this.trail, CORNERS, EXACT));
    this.trail = null;
    if (moved) return this.explorer.state.set({ shape }, at);
    this.explorer.tools.repaint();
    if (!cancelled) this.explorer.click(x, y, at, true);
  }

  // A trail of pixels on the plane, to a fiftieth of a pixel.
  outline(trail) {
    const { view } = this.explorer.map;
    const digits = Math.max(0, Math.min(9, Math.ceil(Math.log10(50 * view.pixelsPerUnit))));
    const corners = trail.map(([x, y]) => view.toData(x, y).map((v) => Number(v.toFixed(digits))));
    return this.mode === "box" ? box(corners[0], corners.at(-1)) : corners;
  }

  // --- the selection -----------------------------------------------------------------------------------------------

  take(chosen) {
    this.chosen = chosen;
    this.numbers = null;
    if (!chosen.length) this.$(".er-selected").hidden = true;
    this.$(".er-hint").textContent =
      this.explorer.state.shape && !chosen.length
        ? "No visible point lies within it."
        : "Drag on the map around the points to look at.";
    this.$(".er-hint").hidden = chosen.length > 0;
    this.order();
    this.explorer.tools.repaint();
  }

  // What the selection says, and what is in it: of many points in slices, and what was shown stands until then.
  order() {
    const work = this.look();
    this.looking.stop();
    if (this.chosen.length > QUICK) this.looking.run(work);
    else finished(work);
  }

  *look() {
    const { frame, chosen, explorer } = this;
    this.numbers ??= yield* summary(frame, explorer.costs, chosen);
    const ordered = yield* sorted(frame, explorer.costs, chosen, this.measure, this.worstFirst);
    if (chosen.length) this.showNumbers();
    this.showOrdered(ordered);
    this.$(".er-selected").hidden = !chosen.length;
    const { askedAt } = this;
    afterPaint(() => measure("elbo-room:selection", askedAt));
  }

  showNumbers() {
    const { frame, chosen } = this;
    const { classes, ordered } = frame.meta;
    const { byClass, ratePerDim, distortion, rate } = this.numbers;
    this.$(".er-counted").textContent =
      `${whole(chosen.length)} of ${whole(frame.count)} ${frame.given.images ? "images" : "points"}`;
    const counts = byClass.map((count, c) => ({ count, c })).filter(({ count }) => count);
    this.$(".er-class-counts").setAttribute(
      "aria-label",
      counts.map(({ count, c }) => `class ${classes[c]}: ${count}`).join(", "),
    );
    this.$(".er-class-counts").replaceChildren(
      ...counts.map(({ count, c }) => {
        const bar = document.createElement("span");
        bar.style.flexGrow = count;
        bar.style.setProperty("--class", classColour(c, classes.length, ordered));
        bar.title = `class ${classes[c]}: ${whole(count)}`;
        bar.dataset.count = count;
        bar.append(Object.assign(document.createElement("b"), { textContent: classes[c] }), ` ${whole(count)}`);
        return bar;
      }),
    );
    const nats = (value) => (value < 0 ? "−" : "") + Math.abs(value).toFixed(2);
    this.$(".er-mean-distortion").textContent = nats(distortion);
    this.$(".er-mean-rate").textContent = nats(rate);
    this.$(".er-mean-elbo").textContent = nats(-rounded(distortion, 2) - rounded(rate, 2)); // what is printed adds up
    const most = Math.max(...ratePerDim, 1e-9);
    this.$(".er-rates").replaceChildren(
      ...Array.from(ratePerDim, (value, d) => {
        const row = document.createElement("span");
        row.innerHTML = `<i style="width:${(100 * value) / most}%"></i><b>${subscript("z", d + 1)}</b> ${value.toFixed(2)} nats`;
        return row;
      }),
    );
  }

  // Shows the first of the points as they are sorted now.
  showOrdered(ordered) {
    this.ordered = ordered;
    this.$(".er-measure").value = this.measure;
    this.$(".er-turn").textContent = this.worstFirst ? "worst first" : "best first";
    this.decoder?.forget("selection");
    this.reconstructions = [];
    this.series = new Series(
      this.root,
      0,
      (n) => this.mu(this.ordered[n]),
      (n, { pixels }) => this.reconstructed(n, pixels),
    );
    this.shown = 0;
    this.sheet?.stop();
    this.namePicture();
    this.$(".er-pairs").replaceChildren();
    this.showMore();
  }

  showMore() {
    const more = this.ordered.subarray(this.shown, this.shown + PAGE);
    this.shown += more.length;
    this.$(".er-pairs").append(...Array.from(more, (i) => this.pair(i)));
    const left = this.ordered.length - this.shown;
    this.$(".er-more").hidden = !left;
    this.$(".er-more").textContent = `${whole(Math.min(PAGE, left))} more of ${whole(left)}`;
    this.marked = null;
    this.decoder?.askAll("selection", this.series.grow(more.length), AT_ONCE);
  }

  mu(i) {
    const k = this.frame.meta.latent_dim;
    return this.frame.arrays.mu.subarray(i * k, (i + 1) * k);
  }

  reconstructed(n, pixels) {
    this.reconstructions[n].paint(pixels);
  }

  // A point's image over its reconstruction, as a button that finds the point on the map.
  pair(i) {
    const { frame, explorer } = this;
    const value = this.measure && MEASURES[this.measure](frame, explorer.costs, i).toFixed(1);
    const button = document.createElement("button");
    button.className = "er-pair";
    button.dataset.point = i;
    button.title = `class ${frame.meta.classes[frame.arrays.labels[i]]}, ${pointName(frame, i)}${value ? `: ${this.measure} ${value} nats` : ""}`;
    button.ariaLabel = `${button.title}; the image and its reconstruction`;
    button.addEventListener("click", (event) => explorer.pinPoint(i, event.timeStamp));
    if (frame.given.images) this.picture(button).paint(frame.arrays.images, 1 / 255, i * this.size);
    if (this.decoder) this.reconstructions.push(this.picture(button));
    if (!button.firstChild) button.append(this.named(i));
    if (value) button.append(Object.assign(document.createElement("small"), { textContent: value }));
    return button;
  }

  // Where there is no picture of a point, its class and its name.
  named(i) {
    const { meta, arrays } = this.frame;
    const dot = document.createElement("i");
    dot.style.background = classColour(arrays.labels[i], meta.classes.length, meta.ordered);
    const name = document.createElement("span");
    name.append(dot, pointName(this.frame, i));
    return name;
  }

  picture(button) {
    const canvas = document.createElement("canvas");
    button.append(canvas);
    return new Picture(canvas, this.imageShape);
  }

  // The point under the lens is marked among the images.
  show(z, nearest) {
    if (this.marked === nearest) return;
    this.$(`.er-pair.er-here`)?.classList.remove("er-here");
    this.$(`.er-pair[data-point="${nearest}"]`)?.classList.add("er-here");
    this.marked = nearest;
  }

  // Written down between frames: of a million points that takes seconds. What is written goes into blobs as it comes, for
  // the browser need not keep those in memory.
  *table() {
    const { fileName, ordered } = this;
    const button = this.$(".er-csv");
    const blobs = [];
    let parts = [];
    for (const part of csv(this.frame, this.explorer.costs, ordered)) {
      parts.push(part);
      if (parts.length === PARTS) {
        blobs.push(new Blob(parts));
        parts = [];
        button.textContent = `CSV ${Math.round((100 * blobs.length * PARTS * ROWS) / ordered.length)} %`;
      }
      yield;
    }
    button.textContent = "CSV";
    save(new Blob([...blobs, ...parts], { type: "text/csv" }), `${fileName}.csv`);
  }

  // One picture of all that is selected, or of the first of them as they are sorted, which its name and the button say.
  savePicture() {
    const { ordered, fileName } = this;
    const count = held(this.imageShape, ordered.length);
    const part = count < ordered.length ? `-first-${count}-of-${ordered.length}` : "";
    this.sheet?.stop();
    this.sheet = new ContactSheet(this.frame, this.decoder, ordered.subarray(0, count), {
      told: (share) => (this.$(".er-png").textContent = `PNG ${Math.floor(100 * share)} %`),
      done: (blob) => {
        this.namePicture();
        save(blob, `${fileName}${part}.png`);
      },
    });
    this.sheet.make();
  }

  // The button says how many images its picture holds.
  namePicture() {
    const count = held(this.imageShape, this.ordered.length);
    const all = count === this.ordered.length;
    this.$(".er-png").textContent = all ? "PNG" : `PNG: first ${whole(count)}`;
    this.$(".er-png").title = all
      ? `one picture of all ${whole(count)} images over their reconstructions`
      : `one picture of the first ${whole(count)} of ${whole(this.ordered.length)} images, as they are sorted: it holds no more`;
  }

  // --- on the map --------------------------------------------------------------------------------------------------

  paint(context, view) {
    const colours = theme(this.root);
    const { us, vs } = this.explorer.points;
    const shape = this.trail ? this.outline(this.trail) : this.explorer.state.shape;
    if (shape) {
      context.beginPath();
      for (const [u, v] of shape) context.lineTo(...view.toPixel(u, v));
      context.closePath();
      Object.assign(context, {
        fillStyle: faded(colours.accent, 0.12),
        strokeStyle: colours.accent,
        lineWidth: 2,
        lineJoin: "round",
      });
      context.fill("evenodd");
      context.stroke();
    }
    if (this.trail || this.chosen.length > RINGED) return;
    Object.assign(context, { strokeStyle: faded(colours.text, 0.75), lineWidth: 1 });
    context.beginPath();
    for (const i of this.chosen) {
      const [x, y] = view.toPixel(us[i], vs[i]);
      context.moveTo(x + 4, y);
      context.arc(x, y, 4, 0, 2 * Math.PI);
    }
    context.stroke();
  }
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
