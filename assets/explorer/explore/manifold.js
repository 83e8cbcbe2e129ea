// The latent space decoded, beneath the points: images at the places of their z in the plane. After zooming in, those in
// view are decoded again, more closely spaced. They lie on an even grid, or each in a cell of the same prior mass.

/** @import { State } from "./state.js" */
/** @import { View } from "../map/view.js" */
/** @import { InferenceClient } from "../network/inference-client.js" */
/** @import { Range } from "../plot/chart.js" */
/** @import { MapFrame } from "../data/frame.js" */
/** @import { MapProjection } from "../math/projection.js" */

import { contextOf } from "../core/dom.js";
import { measure } from "../core/timing.js";
import { normalQuantile } from "../math/gaussian.js";
import { rgb, theme } from "../plot/palette.js";
import { Z_LIMIT } from "./fields.js";

const SPACING = 44; // px between two images, about
const DENSEST = 24; // px between two images at the mean of the prior, about
const BUDGET = 4; // ms of a frame that decoding may take while the pointer moves …
const AT_REST = 10; // … and while it rests
const REST = 120; // ms after which the pointer counts as resting
const CACHED = 2048; // decoded images, at most
const COLUMNS = 64; // of them in a row of the sheet
const SAME = 1e-6; // how far z may be from its plane and still count as lying in it

/** @typedef {{ projection: MapProjection, state: State }} Plane what the places of the images depend on */

/** @typedef {{ at: number, size: number, key: number | string }} Slice of an axis, in data units; `at` is its middle */

/**
 * Where an image stands: its middle, its size, all in data units, and a key of its own.
 * @typedef {{ key: number | string, u: number, v: number, across: number, up: number }} TilePlace
 */

/** @typedef {{ slot: number, epoch: number }} Tile where a decoded image is on the sheet, and the epoch it was made in */

export class Manifold {
  /**
   * @param {HTMLElement} root fills the map, beneath the points; a canvas is added to it
   * @param {HTMLElement} map where the pointer moves
   */
  constructor(root, map) {
    this.root = root;
    this.canvas = document.createElement("canvas");
    root.append(this.canvas);
    const moved = () => {
      this.movedAt = performance.now();
    };
    map.addEventListener("pointermove", moved, { passive: true });
    this.movedAt = 0;
    /** @type {InferenceClient<"decode"> | null} */
    this.decoder = null;
    /** @type {Plane | null} */
    this.scene = null;
    /** @type {View | null} */
    this.view = null;
    /** @type {State["manifold"]} */
    this.mode = "off";
    /** What of z is orthogonal to the plane. */
    this.aside = new Float64Array(0);
    /** Counts how often z has left the plane: the images of earlier epochs are to be decoded again. */
    this.epoch = 0;
    /** @type {Map<TilePlace["key"], Tile>} the longest unused first */
    this.tiles = new Map();
    /** @type {(TilePlace & { epoch: number })[]} to be decoded, the next one last; −1 for one that was never decoded */
    this.waiting = [];
    /** @type {TilePlace["key"] | null} of the image that a worker is decoding */
    this.requested = null;
    /** @type {number | null} */
    this.request = null;
    /** @type {number[]} colour of grey images: r, g, b */
    this.ink = [0, 0, 0];
    this.channels = this.height = this.width = 1; // of an image
    /** All decoded images. */
    this.sheet = new OffscreenCanvas(1, 1);
    /** The pixels of one image. */
    this.tile = new ImageData(1, 1);
  }

  /**
   * Takes over a model.
   * @param {MapFrame} frame
   * @param {InferenceClient<"decode"> | null} decoder latents alone have none
   */
  load(frame, decoder) {
    const [channels, height, width] = frame.meta.image_shape;
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.decoder = decoder;
    this.scene = null;
    this.waiting = [];
    this.requested = null;
    this.sheet = new OffscreenCanvas(COLUMNS * width, Math.ceil(CACHED / COLUMNS) * height);
    this.tile = new ImageData(width, height);
    this.forget();
  }

  /**
   * Shows a plane; all images are decoded again where it is not the last one.
   * @param {Plane} scene
   */
  show(scene) {
    const was = this.scene;
    if (was?.projection !== scene.projection) this.forget();
    this.scene = scene;
    this.aside = offPlane(scene.projection, scene.state.z);
    this.mode = scene.projection.invertible && !scene.projection.spatial && this.decoder ? scene.state.manifold : "off";
    this.root.dataset.manifold = this.mode;
    this.draw();
  }

  /**
   * Has all images decoded again where z has left their plane; each of the old ones stays until it is replaced.
   * @param {Float64Array} z
   */
  leave(z) {
    if (!this.scene || this.mode === "off") return;
    const aside = offPlane(this.scene.projection, z);
    if (aside.every((v, d) => Math.abs(v - this.aside[d]) < SAME)) return;
    this.aside = aside;
    this.epoch++;
    this.draw();
  }

  /** Has all images decoded again in the page's new colours. */
  retheme() {
    this.forget();
    this.draw();
  }

  forget() {
    this.tiles = new Map();
    this.epoch = 0;
    this.ink = rgb(theme(this.root).text);
  }

  /** @param {View} view */
  follow(view) {
    this.view = view;
    this.draw();
  }

  draw() {
    const { canvas, view, mode } = this;
    canvas.hidden = mode === "off";
    this.waiting = [];
    if (!view || !this.scene || mode === "off") return this.count();
    const start = performance.now();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    Object.assign(canvas.style, {
      left: `${view.left}px`,
      top: `${view.top}px`,
      width: `${view.width}px`,
      height: `${view.height}px`,
    });
    const context = contextOf(canvas);
    context.setTransform(ratio, 0, 0, ratio, -view.left * ratio, -view.top * ratio);
    context.clearRect(view.left, view.top, view.width, view.height);
    const places = this.places(view, this.scene.projection.isLine);
    for (const place of places) {
      const epoch = this.tiles.get(place.key)?.epoch ?? -1;
      if (epoch >= 0) this.put(context, place);
      if (epoch < this.epoch && place.key !== this.requested) this.waiting.push({ ...place, epoch });
    }
    const [u, v] = [(view.x[0] + view.x[1]) / 2, (view.y[0] + view.y[1]) / 2];
    /** @param {TilePlace} place */
    const away = (place) => Math.hypot(place.u - u, place.v - v);
    this.waiting.sort((a, b) => b.epoch - a.epoch || away(b) - away(a)); // taken off the end: the oldest, then the middle
    this.count();
    this.goOn();
    measure("elbo-room:manifold", start);
  }

  /** Whether images are still to come. */
  get isBusy() {
    return this.waiting.length > 0 || this.requested !== null;
  }

  stop() {
    if (this.request !== null) cancelAnimationFrame(this.request);
    this.waiting = [];
  }

  /** Notes on the element how many images are still to come. */
  count() {
    this.root.dataset.waiting = String(this.waiting.length + (this.requested === null ? 0 : 1));
  }

  goOn() {
    if (!this.waiting.length || !this.decoder) return;
    if (this.decoder.isFar) this.decoder.askAll("manifold", this);
    else this.request ??= requestAnimationFrame(() => this.renew());
  }

  /** Decodes some of the images that are waiting: as many as there is time for in a frame of the browser. */
  renew() {
    this.request = null;
    const resting = performance.now() - this.movedAt > REST;
    const until = performance.now() + (resting ? AT_REST : BUDGET);
    const context = contextOf(this.canvas);
    while (performance.now() < until) {
      const place = this.waiting.pop();
      if (!place) break;
      this.decoder?.ask("manifold", this.z(place), ({ pixels }) => this.keep(place.key, this.epoch, pixels));
      this.put(context, place);
    }
    this.count();
    this.goOn();
  }

  /** The next image for a decoder in a worker, which answers later (see Series in inference-client.js). */
  question() {
    const place = this.waiting.pop();
    if (!place) return null;
    const { tiles, epoch } = this;
    this.requested = place.key;
    /** @param {{ pixels: Float32Array }} answer */
    const take = ({ pixels }) => {
      if (this.requested === place.key) this.requested = null;
      if (this.tiles === tiles) this.keep(place.key, epoch, pixels);
      this.draw();
    };
    return { input: this.z(place), take };
  }

  /** @param {TilePlace} place */
  z({ u, v }) {
    const { projection, state } = /** @type {Plane} */ (this.scene); // places are those of a scene
    const z = Float64Array.from(state.z);
    projection.lift(z, u, v);
    return z;
  }

  /**
   * Puts a decoded image on the sheet.
   * @param {TilePlace["key"]} key
   * @param {number} epoch
   * @param {Float32Array} pixels
   */
  keep(key, epoch, pixels) {
    const { data } = this.tile;
    const plane = this.width * this.height;
    for (let i = 0; i < plane; i++) {
      if (this.channels === 3) for (let c = 0; c < 3; c++) data[4 * i + c] = 255 * pixels[c * plane + i];
      else for (let c = 0; c < 3; c++) data[4 * i + c] = this.ink[c];
      data[4 * i + 3] = this.channels === 3 ? 255 : 255 * pixels[i]; // grey images are ink of the page's own colour
    }
    const slot = this.tiles.get(key)?.slot ?? (this.tiles.size < CACHED ? this.tiles.size : this.oldest());
    this.tiles.set(key, { slot, epoch });
    contextOf(this.sheet).putImageData(this.tile, ...this.corner(slot));
  }

  /** Forgets the image that has been unused longest; its slot on the sheet. */
  oldest() {
    for (const [key, { slot }] of this.tiles) {
      this.tiles.delete(key);
      return slot;
    }
    return 0;
  }

  /** @type {(slot: number) => [x: number, y: number]} */
  corner = (slot) => [(slot % COLUMNS) * this.width, Math.floor(slot / COLUMNS) * this.height];

  /**
   * Draws a decoded image at its place, and notes that it is used.
   * @param {CanvasRenderingContext2D} context
   * @param {TilePlace} place
   */
  put(context, { key, u, v, across, up }) {
    const tile = this.tiles.get(key);
    if (!tile || !this.view) return;
    this.tiles.delete(key);
    this.tiles.set(key, tile);
    const [x0, y0] = this.view.toPixel(u - across / 2, v + up / 2);
    const [x1, y1] = this.view.toPixel(u + across / 2, v - up / 2);
    context.imageSmoothingEnabled = x1 - x0 < this.width;
    context.clearRect(x0, y0, x1 - x0, y1 - y0);
    context.drawImage(this.sheet, ...this.corner(tile.slot), this.width, this.height, x0, y0, x1 - x0, y1 - y0);
  }

  // --- where images stand ------------------------------------------------------------------------------------------

  /**
   * The places of all images in view.
   * @param {View} view
   * @param {boolean} isLine the latent space has one dimension
   * @returns {TilePlace[]}
   */
  places(view, isLine) {
    const shape = this.height / this.width;
    const columns =
      this.mode === "grid" ? even(view.x, SPACING / view.pixelsPerUnit, 1) : likely(view.x, view.pixelsPerUnit);
    if (isLine) return columns.map((c) => ({ key: c.key, u: c.at, v: 0, across: c.size, up: c.size * shape }));
    const rows =
      this.mode === "grid" ? even(view.y, SPACING / view.pixelsPerUnit, shape) : likely(view.y, view.pixelsPerUnit);
    return rows.flatMap((r) =>
      columns.map((c) => ({ key: `${c.key} ${r.key}`, u: c.at, v: r.at, ...fit(c.size, r.size, shape) })),
    );
  }
}

/**
 * Multiples of a power of two near `step` (times `shape`), so that a finer grid contains the coarser one.
 * @param {Range} range
 * @param {number} step
 * @param {number} shape
 * @returns {Slice[]}
 */
function even([low, high], step, shape) {
  const size = 2 ** Math.round(Math.log2(step)) * shape;
  const [first, last] = [Math.max(low, -Z_LIMIT), Math.min(high, Z_LIMIT)].map((end) => Math.round(end / size));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => ({
    at: (first + i) * size,
    size,
    key: (first + i) * size,
  }));
}

/**
 * The slices in view of n slices of N(0, 1), each of mass 1/n; the middle is that by mass, and the size fits the slice.
 * @param {Range} range
 * @param {number} pixelsPerUnit
 */
function likely([low, high], pixelsPerUnit) {
  const n = 2 ** Math.max(2, Math.round(Math.log2((Math.sqrt(2 * Math.PI) * pixelsPerUnit) / DENSEST)));
  /** @type {Slice[]} */
  const slices = [];
  for (let i = 0; i < n; i++) {
    const at = normalQuantile((i + 0.5) / n);
    const size = 2 * Math.min(at - normalQuantile(i / n), normalQuantile((i + 1) / n) - at);
    if (at + size / 2 >= low && at - size / 2 <= high) slices.push({ at, size, key: `${i}/${n}` });
  }
  return slices;
}

/**
 * The largest image of this shape (height / width) in a cell.
 * @param {number} across
 * @param {number} up
 * @param {number} shape
 */
function fit(across, up, shape) {
  const width = Math.min(across, up / shape);
  return { across: width, up: width * shape };
}

/**
 * What of z is orthogonal to the plane.
 * @param {MapProjection} projection
 * @param {Float64Array} z
 */
function offPlane(projection, z) {
  const aside = Float64Array.from(z);
  projection.lift(aside, 0, 0);
  return aside;
}
