// Why buffer zones: the same two images in three models along the path, and what is decoded on the straight line between them.

/** @import { PaneHandlers } from "../map/pane.js" */
/** @import { View } from "../map/view.js" */
/** @import { Colours } from "../plot/palette.js" */
/** @import { Path } from "./path.js" */
/** @import { PathState } from "./state.js" */

import { find } from "../core/dom.js";
import { Camera } from "../map/camera.js";
import { Series } from "../network/series.js";
import { disc, line } from "../plot/chart.js";
import { classColour } from "../plot/palette.js";
import { Picture } from "../plot/picture.js";
import { PathMap } from "./map.js";
import { Model } from "./model.js";
import { betaText } from "./numbers.js";

const STEPS = 9; // images along the line, both ends among them

/**
 * A model with its map and its line of images. `fixed` is its position on the path, null where it follows the slider; `shown`
 * says what the numbers and images were made from.
 * @typedef {object} Column
 * @property {string} name
 * @property {number | null} fixed
 * @property {HTMLElement} element
 * @property {PathMap} pane
 * @property {Model | null} model
 * @property {Series | null} series
 * @property {string | null} shown
 */

export class Why {
  /**
   * A view is made for one path.
   * @param {HTMLElement} root
   * @param {Path} path
   * @param {PathState} state
   * @param {(camera: Camera) => PaneHandlers} handlersOf
   * @param {() => void} wake asks for another animation frame
   */
  constructor(root, path, state, handlersOf, wake) {
    this.path = path;
    this.state = state;
    root.replaceChildren();
    const { collapse } = path;
    const last = collapse === null ? path.stops - 1 : path.positions.findIndex((at) => at >= collapse);
    const columns = [
      { name: "an autoencoder", fixed: path.positions[0] },
      { name: "", fixed: null },
      { name: "collapse", fixed: path.positions[last] },
    ];
    /** @type {Column[]} */
    this.columns = columns.map(({ name, fixed }) => {
      const element = document.createElement("div");
      element.className = "kl-column";
      element.innerHTML = `<h3>β = <b></b> <small></small></h3><div></div><div class="kl-line" role="img" aria-label="images decoded along the line between the pair"></div><p class="kl-zones"></p>`;
      root.append(element);
      const camera = new Camera();
      const pane = new PathMap(find(element, "div"), camera, state, handlersOf(camera), wake);
      return { name, fixed, element, pane, model: null, series: null, shown: null };
    });
    this.ends = [new Float64Array(path.k), new Float64Array(path.k)];
    this.z = new Float64Array(path.k);
  }

  /**
   * Shows the path; called once.
   * @param {() => Colours} colours those of the page's theme at the time of the call
   */
  load(colours) {
    const { path } = this;
    const shape = path.frame.meta.image_shape;
    for (const column of this.columns) {
      const { element, pane } = column;
      const model = new Model(path);
      column.model = model;
      pane.show(model);
      pane.decorate = (context, view) => this.drawLine(context, view, model, colours());
      const canvases = Array.from({ length: STEPS }, () => document.createElement("canvas"));
      const film = find(element, ".kl-line");
      film.replaceChildren(...canvases);
      const pictures = canvases.map((canvas) => new Picture(canvas, shape));
      column.series = new Series(
        film,
        STEPS,
        (i) => this.between(model, i / (STEPS - 1)),
        (i, { pixels }) => pictures[i].paint(pixels),
      );
    }
  }

  get panes() {
    return this.columns.map(({ pane }) => pane);
  }

  /**
   * Moves the column that follows the slider.
   * @param {number} position
   */
  to(position) {
    for (const { model, pane, fixed } of this.columns) {
      const at = fixed ?? position;
      if (!model) continue;
      if (at !== model.position) pane.plane.expire();
      model.to(at);
    }
  }

  /** Writes the numbers and requests the images that are not up to date and whose decoders have arrived. */
  show() {
    for (const column of this.columns) {
      const { model, series } = column;
      if (!model || !series) continue;
      const key = this.keyOf(model);
      if (column.shown === key) continue;
      const decoder = model.prepare();
      if (!decoder) continue;
      this.write(column, model);
      decoder.askAll("line", series.renew(), Infinity);
      column.shown = key;
    }
  }

  /**
   * What numbers and images are made from.
   * @param {Model} model
   */
  keyOf(model) {
    return `${model.position} ${this.state.pair}`;
  }

  /** Whether something that was requested is not painted yet. */
  get isBusy() {
    return this.columns.some(({ model, shown }) => model && (shown !== this.keyOf(model) || model.isBusy));
  }

  /** Handles labels that have changed with what the colours show. */
  recolour() {
    for (const { model } of this.columns) model?.recolour();
  }

  /**
   * @param {Column} column
   * @param {Model} model
   */
  write({ element, name, fixed }, model) {
    const middle =
      this.path.place(model.position).t === 0 ? "where the slider stands" : "where the slider stands, interpolated";
    find(element, "h3 b").textContent = betaText(this.path.betaAt(model.position));
    find(element, "h3 small").textContent = fixed === null ? middle : name;
    find(element, ".kl-zones").textContent = zoneFacts(this.path, model.position);
  }

  /**
   * z on the line between the means of the pair; the next call overwrites it.
   * @param {Model} model
   * @param {number} share 0: the first of the pair, 1: the second
   */
  between(model, share) {
    const [a, b] = this.ends.map((end, e) => model.mean(this.state.pair[e], end));
    for (let d = 0; d < a.length; d++) this.z[d] = a[d] + share * (b[d] - a[d]);
    return this.z;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Model} model
   * @param {Colours} colours
   */
  drawLine(context, view, model, { text, background }) {
    const { pair } = this.state;
    const { labels } = this.path.frame.arrays;
    const [a, b] = pair.map((i) => view.toPixel(model.us[i], model.vs[i]));
    const stroke = (/** @type {string} */ colour, /** @type {number} */ width) => {
      Object.assign(context, { strokeStyle: colour, lineWidth: width });
      line(context, ...a, ...b);
    };
    stroke(background, 5);
    stroke(text, 2);
    for (let i = 0; i < STEPS; i++) {
      const share = i / (STEPS - 1);
      const end = i === 0 || i === STEPS - 1;
      const fill = end ? classColour(labels[pair[i ? 1 : 0]], this.path.classes.length, this.path.ordered) : text;
      disc(
        context,
        a[0] + share * (b[0] - a[0]),
        a[1] + share * (b[1] - a[1]),
        end ? 7 : 3,
        fill,
        end ? text : background,
        1.5,
      );
    }
  }

  retheme() {
    for (const { pane } of this.columns) pane.retheme();
  }

  destroy() {
    for (const { pane, model } of this.columns) {
      pane.destroy();
      model?.close();
    }
  }
}

/**
 * Two images of different classes, drawn at random.
 * @param {Path} path
 * @returns {[number, number]}
 */
export function anotherPair({ frame, count }) {
  const { labels } = frame.arrays;
  const draw = () => Math.floor(Math.random() * count);
  const a = draw();
  for (let tries = 0; tries < 1000; tries++) {
    const b = draw();
    if (labels[b] !== labels[a]) return [a, b];
  }
  return [a, (a + 1) % count];
}

/**
 * The share of the prior that is empty and how far zones overlap, in words; "" where the file does not say so.
 * @param {Path} path
 * @param {number} position
 */
function zoneFacts(path, position) {
  const { stop, t } = path.place(position);
  const [a, b] = [path.up[stop], path.up[Math.min(stop + 1, path.stops - 1)]];
  /** @type {(key: "hole_share" | "overlap") => string | null} */
  const say = (key) => {
    const [low, high] = [a[key], b[key]];
    return low === undefined || high === undefined ? null : `${(100 * (low + t * (high - low))).toFixed(1)} %`;
  };
  const [holes, overlap] = [say("hole_share"), say("overlap")];
  if (holes === null || overlap === null) return "";
  /** @type {(error: number | undefined) => string} */
  const plusMinus = (error) => (t === 0 && error !== undefined ? ` ± ${(100 * error).toFixed(1)}` : "");
  const about = t === 0 ? "" : "≈ ";
  return `holes ${about}${holes}${plusMinus(a.hole_share_se)} of the prior · overlap with the nearest zone ${about}${overlap}${plusMinus(a.overlap_se)}`;
}
