// Select: the points within a box or a lasso on the map: their images, reconstructions, distortion and rate.

import { find, findAll } from "../../core/dom.js";
import { whole } from "../../core/format.js";
import { finished, Slices } from "../../core/slices.js";
import { afterPaint, measure } from "../../core/timing.js";
import { shownClasses } from "../../math/grid-index.js";
import { within } from "../../math/lasso.js";
import { MEASURES, measuresOf, sorted, summary } from "../../math/selection.js";
import { Series } from "../../network/series.js";
import { faded, theme } from "../../plot/palette.js";
import { ContactSheet, capacity } from "./contact-sheet.js";
import { download } from "./download.js";
import { imagePair } from "./image-pair.js";
import { csvFile } from "./selection-csv.js";
import { showNumbers } from "./selection-numbers.js";
import { ShapeDrag } from "./shape-drag.js";

/** @import { State } from "../state.js" */
/** @import { MapFrame } from "../../data/frame.js" */
/** @import { View } from "../../map/view.js" */
/** @import { Measure } from "../../math/selection.js" */
/** @import { InferenceClient } from "../../network/inference-client.js" */
/** @import { Picture } from "../../plot/picture.js" */
/** @import { ToolHost } from "../tool-host.js" */
/** @import { Summary } from "./selection-numbers.js" */
/** @import { Tool } from "./tool.js" */

/**
 * What this tool uses of its host.
 * @typedef {Pick<ToolHost, "click" | "costs" | "decoder" | "map" | "pinPoint" | "points" | "repaint" | "showsPlane" | "state">} SelectHost
 */

const PAGE = 60; // pairs of images shown at a time
const RINGED = 600; // points at most that get a ring: more rings would hide the colours of the points
const AT_ONCE = 8; // ms of a small network for the reconstructions that come first
const QUICK = 20_000; // points at most that are summed up and sorted at once, without slices

const HTML = `
<div class="er-row">
  <button data-mode="lasso" data-control="mode" aria-pressed="true" title="draw a line around points">lasso</button>
  <button data-mode="box" data-control="mode" title="drag a box over points">box</button>
  <button data-mode="move" data-control="mode" title="drag the map">move map</button>
  <button class="er-clear" data-control="clear" title="select nothing">clear</button>
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
    <label class="er-field" data-control="by"><span>by</span><select class="er-measure"></select></label>
    <button class="er-turn" data-control="order" title="turn the order round">worst first</button>
    <button class="er-csv" data-control="csv" title="a row for every selected image">CSV</button>
    <button class="er-png" data-control="png">PNG</button>
  </div>
  <div class="er-pairs" data-control="pairs" role="group" aria-label="images over their reconstructions; a click finds the point on the map"></div>
  <button class="er-more" data-control="more"></button>
</div>`;

/** @implements {Tool} */
export class Select {
  /**
   * @param {SelectHost} host
   * @param {HTMLElement} root
   */
  constructor(host, root) {
    this.host = host;
    this.root = root;
    /** @type {Uint32Array} indices of the selected points */
    this.chosen = new Uint32Array(0);
    /** @type {Uint32Array} the same, sorted by `measure` */
    this.ordered = new Uint32Array(0);
    this.shown = 0; // how many of `ordered` have their images in the panel
    /** @type {Summary | null} of `chosen`; null until it is computed */
    this.numbers = null;
    /** @type {ShapeDrag | null} */
    this.dragged = null;
    this.saving = new Slices(); // the CSV file
    this.looking = new Slices(); // summing up and sorting
    this.changedAt = 0; // time stamp of the newest change, in ms
    /** @type {Measure[]} what the open model's points can be sorted by */
    this.measures = [];
    /** @type {InferenceClient<"decode"> | null} */
    this.decoder = null;
    /** @type {Series | null} of the reconstructions */
    this.series = null;
    /** @type {Picture[]} of the reconstructions of `ordered`, as far as they are shown */
    this.reconstructions = [];
    /** @type {ContactSheet | null} */
    this.sheet = null;
    /** @type {number | null} the point that is marked among the images */
    this.marked = null;
    /** @type {MapFrame} the cast: `load` sets it before any other method runs */
    this.frame = /** @type {never} */ (null);
    root.innerHTML = HTML;
    this.modes = findAll(root, "[data-mode]");
    this.hint = find(root, ".er-hint");
    this.selected = find(root, ".er-selected");
    this.measureSelect = find(root, ".er-measure", HTMLSelectElement);
    this.turnButton = find(root, ".er-turn");
    this.csvButton = find(root, ".er-csv");
    this.pngButton = find(root, ".er-png");
    this.pairs = find(root, ".er-pairs");
    this.moreButton = find(root, ".er-more");
    this.listen();
  }

  listen() {
    for (const button of this.modes)
      button.addEventListener("click", () => this.host.state.set({ mode: modeOf(button) }));
    find(this.root, ".er-clear").addEventListener("click", () => this.host.state.set({ shape: null }));
    this.measureSelect.addEventListener("change", () =>
      this.host.state.set({ by: /** @type {State["by"]} */ (this.measureSelect.value) }),
    );
    this.turnButton.addEventListener("click", () => this.host.state.set({ order: this.worstFirst ? "best" : "worst" }));
    this.csvButton.addEventListener("click", () => this.saving.run(this.table()));
    this.pngButton.addEventListener("click", () => this.savePicture());
    this.moreButton.addEventListener("click", () => {
      const { state } = this.host;
      state.set({ pages: state.pages + 1 });
    });
  }

  /** @param {MapFrame} frame */
  load(frame) {
    this.frame = frame;
    this.decoder = this.host.decoder;
    this.measures = measuresOf(frame.given);
    this.measureSelect.replaceChildren(...this.measures.map((name) => new Option(name, name.replace("−", ""))));
    for (const chooser of [find(this.root, ".er-field"), this.turnButton]) chooser.hidden = !this.measures.length;
    this.pngButton.hidden = !(frame.given.images || this.decoder);
    this.chosen = new Uint32Array(0);
  }

  /** What points are sorted by: the state's choice if the frame has it; undefined where it has none. */
  get measure() {
    return this.measures.find((name) => name.replace("−", "") === this.host.state.by) ?? this.measures[0];
  }

  get worstFirst() {
    return this.host.state.order === "worst";
  }

  isBusy() {
    return this.looking.work !== null;
  }

  closed() {
    this.decoder?.forget("selection");
    this.sheet?.stop();
  }

  get fileName() {
    return `${this.frame.meta.name.replace(/[^\w.-]+/g, "-")}-selection`;
  }

  /** What a drag on the map does. */
  get mode() {
    return this.host.state.mode;
  }

  showMode() {
    for (const button of this.modes) button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
  }

  opened() {
    this.showMode();
    this.takeShape();
  }

  /**
   * With another plane the shape is removed from the state, and the selected points stay.
   * @param {Set<string>} changed
   */
  changed(changed, at = performance.now()) {
    const { state } = this.host;
    this.changedAt = at;
    this.showMode();
    /** @param {string[]} names */
    const has = (...names) => names.some((name) => changed.has(name));
    if (!state.shape && !has("selected") && this.chosen.length && has("plane", "turn", "hidden")) {
      const selected = Array.from(this.chosen.filter((i) => this.visible(i)));
      if (String(selected) !== String(state.selected)) state.set({ selected: selected.sort((a, b) => a - b) });
    } else if (has("shape", "plane", "hidden", "selected")) this.takeShape();
    else if (has("by", "order")) this.order();
    else if (has("pages")) this.showPages();
  }

  /** Selects the points within the state's shape, once the map shows the plane of the shape; or those that the state names. */
  takeShape() {
    const { state, map, showsPlane } = this.host;
    const { shape, hidden, selected } = state;
    if (!shape) this.take(Uint32Array.from(selected).filter((i) => this.visible(i)));
    else this.take(showsPlane ? within(shape, map.scene.index, shownClasses(hidden)) : new Uint32Array(0));
  }

  /** @param {number} i */
  visible(i) {
    return !this.host.state.hidden.includes(this.frame.arrays.labels[i]);
  }

  // --- the drag ----------------------------------------------------------------------------------------------------

  /**
   * @param {number} x
   * @param {number} y
   */
  press(x, y) {
    if (this.mode === "move") return false;
    this.dragged = new ShapeDrag(this.mode === "box", x, y);
    return true;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  drag(x, y) {
    this.dragged?.move(x, y);
    this.host.repaint();
  }

  /**
   * A press that has not moved is a click, and goes to the lens. A second finger cancels the drag.
   * @param {number} x
   * @param {number} y
   * @param {number} at
   * @param {boolean} cancelled
   */
  drop(x, y, at, cancelled) {
    const { dragged, host } = this;
    this.dragged = null;
    if (!cancelled && dragged?.hasMoved) return host.state.set({ shape: dragged.simplified(host.map.view) }, at);
    host.repaint();
    if (!cancelled) host.click(x, y, at, true);
  }

  // --- the selection -----------------------------------------------------------------------------------------------

  /** @param {Uint32Array} chosen */
  take(chosen) {
    this.chosen = chosen;
    this.numbers = null;
    if (!chosen.length) this.selected.hidden = true;
    this.hint.textContent =
      this.host.state.shape && !chosen.length
        ? "No visible point lies within it."
        : "Drag on the map around the points to look at.";
    this.hint.hidden = chosen.length > 0;
    this.order();
    this.host.repaint();
  }

  /** Sums up and sorts the selection; of many points in slices, and until then the panel shows what it showed before. */
  order() {
    const work = this.look();
    this.looking.stop();
    if (this.chosen.length > QUICK) this.looking.run(work);
    else finished(work);
  }

  *look() {
    const { frame, chosen, host } = this;
    this.numbers ??= yield* summary(frame, host.costs, chosen);
    const ordered = yield* sorted(frame, host.costs, chosen, this.measure, this.worstFirst);
    if (chosen.length) showNumbers(this.root, frame, chosen.length, this.numbers);
    this.showOrdered(ordered);
    this.selected.hidden = !chosen.length;
    const { changedAt } = this;
    afterPaint(() => measure("elbo-room:selection", changedAt));
  }

  /**
   * Shows the first of the sorted points.
   * @param {Uint32Array} ordered
   */
  showOrdered(ordered) {
    this.ordered = ordered;
    this.measureSelect.value = String(this.measure);
    this.turnButton.textContent = this.worstFirst ? "worst first" : "best first";
    this.decoder?.forget("selection");
    this.reconstructions = [];
    this.series = new Series(
      this.root,
      0,
      (n) => this.mu(this.ordered[n]),
      (n, { pixels }) => this.reconstructions[n].paint(pixels),
    );
    this.shown = 0;
    this.sheet?.stop();
    this.namePicture();
    this.pairs.replaceChildren();
    this.showPages();
  }

  /** Shows as many pages of images as the state says; fewer are shown only of another order. */
  showPages() {
    const more = this.ordered.subarray(this.shown, Math.max(this.shown, PAGE * this.host.state.pages));
    this.shown += more.length;
    this.pairs.append(...Array.from(more, (i) => this.pair(i)));
    const left = this.ordered.length - this.shown;
    this.moreButton.hidden = !left;
    this.moreButton.textContent = `${whole(Math.min(PAGE, left))} more of ${whole(left)}`;
    this.marked = null;
    if (this.series) this.decoder?.askAll("selection", this.series.grow(more.length), AT_ONCE);
  }

  /** @param {number} i */
  mu(i) {
    const k = this.frame.meta.latent_dim;
    return this.frame.arrays.mu.subarray(i * k, (i + 1) * k);
  }

  /**
   * The image of point i over its reconstruction, as a button that moves the lens to the point.
   * @param {number} i
   */
  pair(i) {
    const { frame, host, measure } = this;
    const cost = measure ? { name: measure, value: MEASURES[measure](frame, host.costs, i).toFixed(1) } : null;
    const { button, reconstruction } = imagePair(frame, i, cost, Boolean(this.decoder));
    button.addEventListener("click", (event) => host.pinPoint(i, event.timeStamp));
    if (reconstruction) this.reconstructions.push(reconstruction);
    return button;
  }

  /**
   * Marks the point under the lens among the images.
   * @param {Float64Array} _z
   * @param {number} nearest
   */
  show(_z, nearest) {
    if (this.marked === nearest) return;
    this.root.querySelector(`.er-pair.er-here`)?.classList.remove("er-here");
    this.root.querySelector(`.er-pair[data-point="${nearest}"]`)?.classList.add("er-here");
    this.marked = nearest;
  }

  *table() {
    const { frame, host, ordered, csvButton, fileName } = this;
    const blob = yield* csvFile(frame, host.costs, ordered, (share) => {
      csvButton.textContent = `CSV ${Math.round(100 * share)} %`;
    });
    csvButton.textContent = "CSV";
    download(blob, `${fileName}.csv`);
  }

  /** Downloads one picture of all selected points, or of the first of them: the file name and the button then say so. */
  savePicture() {
    const { ordered, fileName, frame } = this;
    const count = capacity(frame.meta.image_shape, ordered.length);
    const part = count < ordered.length ? `-first-${count}-of-${ordered.length}` : "";
    this.sheet?.stop();
    this.sheet = new ContactSheet(frame, this.decoder, ordered.subarray(0, count), {
      progressed: (share) => {
        this.pngButton.textContent = `PNG ${Math.floor(100 * share)} %`;
      },
      done: (blob) => {
        this.namePicture();
        download(blob, `${fileName}${part}.png`);
      },
    });
    this.sheet.make();
  }

  /** Writes on the button how many images its picture holds. */
  namePicture() {
    const count = capacity(this.frame.meta.image_shape, this.ordered.length);
    const all = count === this.ordered.length;
    this.pngButton.textContent = all ? "PNG" : `PNG: first ${whole(count)}`;
    this.pngButton.title = all
      ? `one picture of all ${whole(count)} images over their reconstructions`
      : `one picture of the first ${whole(count)} of ${whole(this.ordered.length)} images, as they are sorted: it holds no more`;
  }

  // --- on the map --------------------------------------------------------------------------------------------------

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   */
  paint(context, view) {
    const colours = theme(this.root);
    const { us, vs } = this.host.points;
    const shape = this.dragged ? this.dragged.drawn(this.host.map.view) : this.host.state.shape;
    if (shape) {
      context.beginPath();
      for (const [u, v] of shape) context.lineTo(...view.toPixel(u, v));
      context.closePath();
      context.fillStyle = faded(colours.accent, 0.12);
      context.strokeStyle = colours.accent;
      context.lineWidth = 2;
      context.lineJoin = "round";
      context.fill("evenodd");
      context.stroke();
    }
    if (this.dragged || this.chosen.length > RINGED) return;
    context.strokeStyle = faded(colours.text, 0.75);
    context.lineWidth = 1;
    context.beginPath();
    for (const i of this.chosen) {
      const [x, y] = view.toPixel(us[i], vs[i]);
      context.moveTo(x + 4, y);
      context.arc(x, y, 4, 0, 2 * Math.PI);
    }
    context.stroke();
  }
}

/** @param {HTMLElement} button */
const modeOf = (button) => /** @type {State["mode"]} */ (button.dataset.mode); // one of those in HTML
