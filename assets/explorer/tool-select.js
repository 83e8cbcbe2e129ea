// Select: a box or a lasso around points of the map; what they look like, what the model makes of them, what they cost.

import { shownClasses } from "./grid-index.js";
import { box, within } from "./lasso.js";
import { whole } from "./format.js";
import { pointName } from "./given.js";
import { Decoder } from "./network.js";
import { classColour, faded, theme } from "./palette.js";
import { Picture } from "./picture.js";
import { subscript } from "./projection.js";
import { MEASURES, csv, measuresOf, sorted, summary } from "./selection.js";
import { Slices, finished } from "./slices.js";

const PAGE = 60; // pairs of images shown at a time
const STILL = 5; // px that a press may wander and still be a click
const RINGED = 600; // points that are ringed at most: more of them would hide their colours
const DRAWN = 16; // pairs in a row of the picture that is saved
const GAP = 4; // px between them

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
    <button class="er-png" title="a picture of the images shown">PNG</button>
  </div>
  <div class="er-pairs" role="group" aria-label="images over their reconstructions; a click finds the point on the map"></div>
  <button class="er-more"></button>
</div>`;

export class Select {
  constructor(explorer, root) {
    Object.assign(this, { explorer, root, mode: "lasso", measure: "distortion", worstFirst: true, chosen: [], shape: null, saving: new Slices() });
    root.innerHTML = HTML;
    this.$ = (selector) => root.querySelector(selector);
    const on = (selector, event, action) => this.$(selector).addEventListener(event, action);
    this.modes = [...root.querySelectorAll("[data-mode]")];
    for (const button of this.modes) button.addEventListener("click", () => this.setMode(button.dataset.mode));
    on(".er-clear", "click", () => this.take([], null));
    on(".er-measure", "change", (event) => this.order({ measure: event.target.value }));
    on(".er-turn", "click", () => this.order({ worstFirst: !this.worstFirst }));
    on(".er-csv", "click", () => this.saving.run(this.table()));
    on(".er-png", "click", () => this.savePicture());
    on(".er-more", "click", () => this.showPairs(this.shown + PAGE));
  }

  load(frame) {
    const { image_shape: shape, plan } = frame.meta;
    Object.assign(this, { frame, imageShape: shape, size: shape.reduce((a, b) => a * b, 1) });
    this.decoder = plan.decoder.length ? new Decoder(frame) : null;
    const measures = measuresOf(frame.given);
    if (!measures.includes(this.measure)) this.measure = measures[0];
    this.$(".er-measure").replaceChildren(...measures.map((name) => new Option(name, name, false, name === this.measure)));
    for (const chooser of [this.$(".er-measure").parentElement, this.$(".er-turn")]) chooser.hidden = !measures.length;
    this.$(".er-png").hidden = !this.painters(0).length;
    this.take([], null);
  }

  get fileName() {
    return `${this.frame.meta.name.replace(/[^\w.-]+/g, "-")}-selection`;
  }

  setMode(mode) {
    this.mode = mode;
    for (const button of this.modes) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  }

  changed(changed) {
    if (changed.has("plane")) this.shape = this.kept = null; // its line belongs to the plane it was drawn on; its points stay
    if (changed.has("hidden")) this.take(this.chosen.filter((i) => this.visible(i)), this.shape);
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
    this.shape = this.outline();
    this.explorer.tools.repaint();
  }

  // A press that has not moved is a click, and goes to the lens.
  drop(x, y, at) {
    const trail = this.trail;
    this.trail = null;
    if (!trail.some(([px, py]) => Math.hypot(px - trail[0][0], py - trail[0][1]) > STILL)) {
      this.shape = this.kept ?? null;
      this.explorer.tools.repaint();
      return this.explorer.click(x, y, at, true);
    }
    this.take(within(this.shape, this.explorer.map.scene.index, shownClasses(this.explorer.state.hidden)), this.shape);
  }

  outline() {
    const corners = this.trail.map(([x, y]) => this.explorer.map.view.toData(x, y));
    return this.mode === "box" ? box(corners[0], corners.at(-1)) : corners;
  }

  // --- the selection -----------------------------------------------------------------------------------------------

  take(chosen, shape) {
    Object.assign(this, { chosen, shape, kept: shape });
    this.$(".er-selected").hidden = !chosen.length;
    this.$(".er-hint").textContent = shape && !chosen.length ? "No visible point lies within it." : "Drag on the map around the points to look at.";
    this.$(".er-hint").hidden = chosen.length > 0;
    if (chosen.length) this.showNumbers();
    if (chosen.length) this.order();
    this.explorer.tools.repaint();
  }

  showNumbers() {
    const { frame, chosen, explorer } = this;
    const { classes, ordered } = frame.meta;
    const { byClass, ratePerDim, distortion, rate } = finished(summary(frame, explorer.costs, chosen));
    this.$(".er-counted").textContent = `${whole(chosen.length)} of ${whole(frame.count)} images`;
    const counts = byClass.map((count, c) => ({ count, c })).filter(({ count }) => count);
    this.$(".er-class-counts").setAttribute("aria-label", counts.map(({ count, c }) => `class ${classes[c]}: ${count}`).join(", "));
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
    this.$(".er-mean-elbo").textContent = nats(-distortion - rate);
    const most = Math.max(...ratePerDim, 1e-9);
    this.$(".er-rates").replaceChildren(
      ...Array.from(ratePerDim, (value, d) => {
        const row = document.createElement("span");
        row.innerHTML = `<i style="width:${(100 * value) / most}%"></i><b>${subscript("z", d + 1)}</b> ${value.toFixed(2)} nats`;
        return row;
      }),
    );
  }

  // Sorts anew and shows the first of them.
  order(patch = {}) {
    Object.assign(this, patch);
    this.$(".er-turn").textContent = this.worstFirst ? "worst first" : "best first";
    this.ordered = finished(sorted(this.frame, this.explorer.costs, this.chosen, this.measure, this.worstFirst));
    this.showPairs(PAGE);
  }

  showPairs(count) {
    this.shown = Math.min(count, this.ordered.length);
    const pairs = Array.from(this.ordered.subarray(0, this.shown), (i) => this.pair(i));
    this.$(".er-pairs").replaceChildren(...pairs);
    this.$(".er-more").hidden = this.shown === this.ordered.length;
    this.$(".er-more").textContent = `${whole(Math.min(PAGE, this.ordered.length - this.shown))} more of ${whole(this.ordered.length - this.shown)}`;
    this.marked = null;
  }

  // A point's image over its reconstruction, as a button that finds the point on the map.
  pair(i) {
    const { frame, explorer } = this;
    const value = this.measure && MEASURES[this.measure](frame, explorer.costs, i).toFixed(1);
    const button = document.createElement("button");
    button.className = "er-pair";
    button.dataset.point = i;
    button.title = `class ${frame.meta.classes[frame.arrays.labels[i]]}, ${pointName(frame, i)}${value ? `: ${this.measure} ${value} nats` : ""}`;
    button.addEventListener("click", (event) => explorer.pinPoint(i, event.timeStamp));
    for (const paint of this.painters(i)) {
      const canvas = document.createElement("canvas");
      paint(new Picture(canvas, this.imageShape));
      button.append(canvas);
    }
    button.append(Object.assign(document.createElement("small"), { textContent: value ?? pointName(frame, i) }));
    return button;
  }

  // What paints point i: its image, where there is one, and where there is a decoder, its reconstruction at mu.
  painters(i) {
    const k = this.frame.meta.latent_dim;
    const { images, mu } = this.frame.arrays;
    const image = (picture) => picture.paint(images, 1 / 255, i * this.size);
    const again = (picture) => picture.paint(this.decoder.decode(mu.subarray(i * k, (i + 1) * k)));
    return [...(this.frame.given.images ? [image] : []), ...(this.decoder ? [again] : [])];
  }

  // The point under the lens is marked among the images.
  show(z, nearest) {
    if (this.marked === nearest) return;
    this.$(`.er-pair.er-here`)?.classList.remove("er-here");
    this.$(`.er-pair[data-point="${nearest}"]`)?.classList.add("er-here");
    this.marked = nearest;
  }

  // Written down between frames: of hundreds of thousands of points that takes seconds.
  *table() {
    const { fileName } = this;
    const button = this.$(".er-csv");
    button.textContent = "CSV …";
    const parts = [];
    for (const part of csv(this.frame, this.explorer.costs, this.ordered)) {
      parts.push(part);
      yield;
    }
    button.textContent = "CSV";
    save(new Blob(parts, { type: "text/csv" }), `${fileName}.csv`);
  }

  async savePicture() {
    const [, height, width] = this.imageShape;
    const points = this.ordered.slice(0, this.shown);
    const columns = Math.min(DRAWN, points.length);
    const canvas = new OffscreenCanvas(columns * (width + GAP) + GAP, Math.ceil(points.length / columns) * (2 * height + 2 * GAP) + GAP);
    const context = canvas.getContext("2d");
    context.fillStyle = "#777";
    context.fillRect(0, 0, canvas.width, canvas.height);
    const one = document.createElement("canvas");
    const picture = new Picture(one, this.imageShape);
    points.forEach((i, n) => {
      const [x, y] = [GAP + (n % columns) * (width + GAP), GAP + Math.floor(n / columns) * (2 * height + 2 * GAP)];
      this.painters(i).forEach((paint, row) => {
        paint(picture);
        context.drawImage(one, x, y + row * height);
      });
    });
    save(await canvas.convertToBlob({ type: "image/png" }), `${this.fileName}.png`);
  }

  // --- on the map --------------------------------------------------------------------------------------------------

  paint(context, view) {
    const colours = theme(this.root);
    const { us, vs } = this.explorer.points;
    if (this.shape) {
      context.beginPath();
      for (const [u, v] of this.shape) context.lineTo(...view.toPixel(u, v));
      context.closePath();
      Object.assign(context, { fillStyle: faded(colours.accent, 0.12), strokeStyle: colours.accent, lineWidth: 2, lineJoin: "round" });
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
