// The latent space decoded, beneath the points: images where their z lies in the plane. As one zooms in, those in view are
// decoded anew, more closely spaced. Either on an even grid, or each standing for the same share of the prior's mass.

import { Z_LIMIT } from "../core/link-fields.js";
import { measure } from "../core/timing.js";
import { normalQuantile } from "../math/gaussian.js";
import { rgb, theme } from "../plot/palette.js";

const SPACING = 44; // px between two images, about
const DENSEST = 24; // px between two images in the middle of the prior, about
const BUDGET = 4; // ms of a frame that decoding may take while the pointer moves …
const AT_REST = 10; // … and while it rests
const REST = 120; // ms
const KEPT = 2048; // decoded images
const COLUMNS = 64; // of them in a row of the sheet
const SAME = 1e-6; // how far z may be off its plane and still be on it

export class Manifold {
  // `root` is an element that fills the map, beneath the points; a canvas is put into it.
  constructor(root) {
    this.root = root;
    this.canvas = document.createElement("canvas");
    root.append(this.canvas);
    root.parentElement.addEventListener("pointermove", () => (this.movedAt = performance.now()), { passive: true });
    this.movedAt = 0;
  }

  // `decoder` is an AskedNetwork; of latents alone there is none.
  load(frame, decoder) {
    const [channels, height, width] = frame.meta.image_shape;
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.decoder = decoder;
    this.scene = null;
    this.waiting = [];
    this.asked = null;
    this.sheet = new OffscreenCanvas(COLUMNS * width, Math.ceil(KEPT / COLUMNS) * height);
    this.tile = new ImageData(width, height);
    this.forget();
  }

  // Another scene: { projection, state }. Where z leaves its plane, everything is decoded anew.
  show(scene) {
    const was = this.scene;
    if (was?.projection !== scene.projection) this.forget();
    this.scene = scene;
    this.aside = offPlane(scene.projection, scene.state.z);
    this.mode = scene.projection.invertible && !scene.projection.spatial && this.decoder ? scene.state.manifold : "off";
    this.root.dataset.manifold = this.mode;
    this.draw();
  }

  // Where z has left its plane, the images are of another one: each stays until it is decoded anew.
  leave(z) {
    if (!this.scene || this.mode === "off") return;
    const aside = offPlane(this.scene.projection, z);
    if (aside.every((v, d) => Math.abs(v - this.aside[d]) < SAME)) return;
    this.aside = aside;
    this.epoch++;
    this.draw();
  }

  retheme() {
    this.forget();
    this.draw();
  }

  forget() {
    this.tiles = new Map(); // an image's place on the plane → { slot on the sheet, epoch }, the longest unused first
    this.epoch = 0;
    this.ink = rgb(theme(this.root).text);
  }

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
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, -view.left * ratio, -view.top * ratio);
    context.clearRect(view.left, view.top, view.width, view.height);
    const places = this.places(view);
    for (const place of places) {
      const epoch = this.tiles.get(place.key)?.epoch ?? -1;
      if (epoch >= 0) this.put(context, place);
      if (epoch < this.epoch && place.key !== this.asked) this.waiting.push({ ...place, epoch });
    }
    const [u, v] = [(view.x[0] + view.x[1]) / 2, (view.y[0] + view.y[1]) / 2];
    const away = (place) => Math.hypot(place.u - u, place.v - v);
    this.waiting.sort((a, b) => b.epoch - a.epoch || away(b) - away(a)); // taken off the end: the oldest, then the middle
    this.count();
    this.goOn();
    measure("elbo-room:manifold", start);
  }

  // How many images are still to come, for whoever waits for them.
  count() {
    this.root.dataset.waiting = this.waiting.length + (this.asked === null ? 0 : 1);
  }

  goOn() {
    if (!this.waiting.length) return;
    if (this.decoder.isFar) this.decoder.askAll("manifold", this);
    else this.request ??= requestAnimationFrame(() => this.renew());
  }

  // Has some of what waits decoded: as much as a frame bears.
  renew() {
    this.request = null;
    const resting = performance.now() - this.movedAt > REST;
    const until = performance.now() + (resting ? AT_REST : BUDGET);
    const context = this.canvas.getContext("2d");
    while (this.waiting.length && performance.now() < until) {
      const place = this.waiting.pop();
      this.decoder.ask("manifold", this.z(place), ({ pixels }) => this.keep(place.key, this.epoch, pixels));
      this.put(context, place);
    }
    this.count();
    this.goOn();
  }

  // The next image for a decoder that answers later, as a series.
  question() {
    const place = this.waiting.pop();
    if (!place) return null;
    const { tiles, epoch } = this;
    this.asked = place.key;
    const take = ({ pixels }) => {
      if (this.asked === place.key) this.asked = null;
      if (this.tiles === tiles) this.keep(place.key, epoch, pixels);
      this.draw();
    };
    return { input: this.z(place), take };
  }

  z({ u, v }) {
    const z = Float64Array.from(this.scene.state.z);
    this.scene.projection.lift(z, u, v);
    return z;
  }

  keep(key, epoch, pixels) {
    const { data } = this.tile;
    const plane = this.width * this.height;
    for (let i = 0; i < plane; i++) {
      if (this.channels === 3) for (let c = 0; c < 3; c++) data[4 * i + c] = 255 * pixels[c * plane + i];
      else for (let c = 0; c < 3; c++) data[4 * i + c] = this.ink[c];
      data[4 * i + 3] = this.channels === 3 ? 255 : 255 * pixels[i]; // grey images are ink of the page's own colour
    }
    const slot = this.tiles.get(key)?.slot ?? (this.tiles.size < KEPT ? this.tiles.size : this.oldest());
    this.tiles.set(key, { slot, epoch });
    this.sheet.getContext("2d").putImageData(this.tile, ...this.corner(slot));
  }

  oldest() {
    const [key, { slot }] = this.tiles.entries().next().value;
    this.tiles.delete(key);
    return slot;
  }

  corner = (slot) => [(slot % COLUMNS) * this.width, Math.floor(slot / COLUMNS) * this.height];

  put(context, { key, u, v, across, up }) {
    const tile = this.tiles.get(key);
    this.tiles.delete(key);
    this.tiles.set(key, tile);
    const [x0, y0] = this.view.toPixel(u - across / 2, v + up / 2);
    const [x1, y1] = this.view.toPixel(u + across / 2, v - up / 2);
    context.imageSmoothingEnabled = x1 - x0 < this.width;
    context.clearRect(x0, y0, x1 - x0, y1 - y0);
    context.drawImage(this.sheet, ...this.corner(tile.slot), this.width, this.height, x0, y0, x1 - x0, y1 - y0);
  }

  // --- where images stand ------------------------------------------------------------------------------------------

  // Of every image in view: its middle (u, v), how far it reaches across and up, and a key that is its own.
  places(view) {
    const shape = this.height / this.width;
    const { isLine } = this.scene.projection;
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

// Multiples of a power of two near `step` (times `shape`), so that a closer grid holds the coarser one.
function even([low, high], step, shape) {
  const size = 2 ** Math.round(Math.log2(step)) * shape;
  const [first, last] = [Math.max(low, -Z_LIMIT), Math.min(high, Z_LIMIT)].map((end) => Math.round(end / size));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => ({
    at: (first + i) * size,
    size,
    key: (first + i) * size,
  }));
}

// The middles of n slices of N(0, 1), each of mass 1/n, where the middle is by mass as well; as wide as their slice.
function likely([low, high], pixelsPerUnit) {
  const n = 2 ** Math.max(2, Math.round(Math.log2((Math.sqrt(2 * Math.PI) * pixelsPerUnit) / DENSEST)));
  const slices = [];
  for (let i = 0; i < n; i++) {
    const at = normalQuantile((i + 0.5) / n);
    const size = 2 * Math.min(at - normalQuantile(i / n), normalQuantile((i + 1) / n) - at);
    if (at + size / 2 >= low && at - size / 2 <= high) slices.push({ at, size, key: `${i}/${n}` });
  }
  return slices;
}

// The largest image of this shape in a cell.
function fit(across, up, shape) {
  const width = Math.min(across, up / shape);
  return { across: width, up: width * shape };
}

// What of z is orthogonal to the plane.
function offPlane(projection, z) {
  const aside = Float64Array.from(z);
  projection.lift(aside, 0, 0);
  return aside;
}
