// The points where Plotly does not draw them: before it is loaded, where there is no WebGL, and where they are too many for
// it. Many points in view are drawn as a density, their counts as colour; fewer are a dot each.

/** @import { View } from "../map/view.js" */
/** @import { Range, Ranges } from "../plot/chart.js" */
/** @import { PointValues } from "./colouring.js" */
/** @import { IndexedScene } from "./map.js" */

import { contextOf } from "../core/dom.js";
import { measure } from "../core/timing.js";
import { MARKER_OPACITY, markerSize } from "../map/marker.js";
import { Bins, dots, HIDDEN } from "../math/bins.js";
import { shownClasses } from "../math/grid-index.js";
import { classColour, rgb, theme, viridis } from "../plot/palette.js";

const RESOLVED = 40_000; // points in view, at most, that are drawn as dots
const SMALLEST = 1.6; // px of a dot where there are that many
const CELL = 2; // px of a cell of the density; 1 px where it is drawn finely:
const FINE = 200_000; // at this many points in view or more …
const SETTLED = 160; // … when the view has not changed for this many ms
const STEPS = 255; // colours of a value that is no class; the one after them is that of hidden points

/** @typedef {[scale: number, shift: number]} Axis from a coordinate to pixels: scale · coordinate + shift */

export class PointCloud {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} root the map, which the canvas fills
   * @param {(about: "points", text: string) => void} say called with how points are drawn, while the view rests
   */
  constructor(canvas, root, say) {
    this.canvas = canvas;
    this.say = say;
    this.root = root;
    this.bins = new Bins();
    /** Plotly does not draw the points. */
    this.active = false;
    /** @type {IndexedScene} set by `show`, before anything is drawn */
    this.scene = /** @type {never} */ (null);
    /** @type {View} set by `follow`, before anything is drawn */
    this.view = /** @type {never} */ (null);
    /** What every point is coloured by, in the order of the grid: an index into `colours`. */
    this.codes = new Uint8Array(0);
    /** r, g, b of every code; HIDDEN for r where its points are not shown. */
    this.colours = new Float32Array(0);
    /** How many points are in view. */
    this.inView = 0;
    /** @type {"density" | "dots" | undefined} how they were drawn last */
    this.picture = undefined;
    /** The density was drawn with larger cells than it has while the view rests. */
    this.coarse = false;
    /** @type {ImageData | null} of the last drawing, for the next one of the same size */
    this.pixels = null;
    /** @type {number | null} */
    this.frameRequest = null;
    /** @type {number | undefined} */
    this.timer = undefined;
  }

  /**
   * Shows another scene.
   * @param {IndexedScene} scene
   * @param {boolean} active false where Plotly draws the points
   */
  show(scene, active) {
    this.scene = scene;
    this.active = active;
    this.canvas.hidden = !active;
    if (!active) return this.say("points", "");
    this.colour();
  }

  /** Whether the points are still to be drawn, or drawn more finely. */
  get isBusy() {
    return this.active && (this.frameRequest !== null || this.timer !== undefined);
  }

  stop() {
    if (this.frameRequest !== null) cancelAnimationFrame(this.frameRequest);
    clearTimeout(this.timer);
    this.active = false;
  }

  /** Draws the points again after other classes were hidden. */
  filter() {
    if (!this.active) return;
    this.colour();
    this.follow(this.view);
  }

  /** Sets `codes` and `colours`. */
  colour() {
    const {
      points: { values },
      index,
      frame: {
        meta: { classes },
      },
      state: { hidden },
    } = this.scene;
    if (values) {
      this.codes = shades(values, index, shownClasses(hidden));
      const { background } = theme(this.canvas);
      this.colours = flat([...Array.from({ length: STEPS }, (_, s) => viridis(s / (STEPS - 1), background)), null]);
    } else {
      this.codes = index.labels;
      this.colours = flat(classes.map((_, c) => (hidden.includes(c) ? null : rgb(classColour(c, classes.length)))));
    }
  }

  /**
   * Draws a view: once a frame of the browser while the view moves, and more finely when it rests.
   * @param {View} view
   */
  follow(view) {
    this.view = view;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.active) return;
    this.frameRequest ??= requestAnimationFrame(() => {
      this.frameRequest = null;
      if (!this.active) return;
      this.draw(true);
      this.timer = setTimeout(() => this.settle(), SETTLED);
    });
  }

  settle() {
    this.timer = undefined;
    if (this.coarse) this.draw(false);
    const count = this.bins.total.toLocaleString("en");
    this.say(
      "points",
      this.picture === "density" ? `${count} points in view, on a log scale: zoom in to see each` : "",
    );
  }

  /** @param {boolean} moving the view may change at once */
  draw(moving) {
    const start = performance.now();
    const {
      view,
      scene: { index },
      canvas,
    } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.root.clientWidth, this.root.clientHeight].map((n) => Math.round(n * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = contextOf(canvas);
    context.clearRect(0, 0, width, height);
    const image = this.image(Math.round(view.width * ratio), Math.round(view.height * ratio));
    const pixels = new Uint32Array(image.data.buffer);
    this.inView = index.count(view.x, view.y);
    const size = this.dotSize() * ratio;
    this.picture = this.inView > RESOLVED ? "density" : "dots";
    const fine = this.picture === "density" && this.inView >= FINE;
    this.coarse = fine && moving;
    if (this.picture === "dots") this.drawDots(pixels, image, size);
    else this.drawDensity(pixels, image, (fine && !moving ? 1 : CELL) * Math.ceil(ratio));
    context.putImageData(image, Math.round(view.left * ratio), Math.round(view.top * ratio));
    this.root.dataset.points = this.picture;
    measure("elbo-room:points", start);
  }

  /**
   * @param {Uint32Array} pixels of the image
   * @param {ImageData} image
   * @param {number} size of a dot, in pixels of the image
   */
  drawDots(pixels, { width, height }, size) {
    const {
      view,
      scene: { index },
      colours,
    } = this;
    const [x, y] = axes(view, width, height);
    const margin = (view.x[1] - view.x[0]) * (size / width);
    /** @type {(range: Range) => Range} */
    const around = ([low, high]) => [low - margin, high + margin];
    const points = { us: index.us, vs: index.vs, codes: this.codes };
    index.spans(around(view.x), around(view.y), (from, to) =>
      dots(pixels, width, height, points, from, to, x, y, colours, size, MARKER_OPACITY),
    );
  }

  /**
   * @param {Uint32Array} pixels of the image
   * @param {ImageData} image
   * @param {number} cell side of a cell, in pixels of the image
   */
  drawDensity(pixels, { width, height }, cell) {
    const {
      view,
      bins,
      scene: { index },
      colours,
    } = this;
    bins.clear(Math.ceil(width / cell), Math.ceil(height / cell));
    const [x, y] = axes(view, width / cell, height / cell);
    const points = { us: index.us, vs: index.vs, codes: this.codes };
    index.spans(view.x, view.y, (from, to) => bins.add(points, from, to, x, y, colours));
    bins.paint(pixels, width, height, cell);
  }

  /** Radius of a dot in px; 0 where points are drawn as a density. */
  get markerRadius() {
    return this.picture === "density" ? 0 : this.dotSize() / 2;
  }

  /** Diameter of a dot in px: as large as Plotly's where there are few points in view, and smaller where there are more. */
  dotSize() {
    const full = markerSize(this.scene.points.us.length, this.root.clientWidth);
    const most = RESOLVED / 2;
    return this.inView <= most / 4 ? full : Math.max(SMALLEST, full * Math.sqrt(most / 4 / this.inView));
  }

  /**
   * The pixels of the axes' rectangle, all transparent.
   * @param {number} width
   * @param {number} height
   */
  image(width, height) {
    if (this.pixels?.width === width && this.pixels.height === height) this.pixels.data.fill(0);
    else this.pixels = new ImageData(width, height);
    return this.pixels;
  }
}

/** @type {(colours: (number[] | null)[]) => Float32Array<ArrayBuffer>} */
const flat = (colours) => Float32Array.from(colours.flatMap((colour) => colour ?? [HIDDEN, 0, 0]));

/**
 * Place in the grid → the step of the colour scale that its point's value has; STEPS where the point is hidden.
 * @param {PointValues} values
 * @param {{ order: Uint32Array, labels: Uint8Array }} index
 * @param {Uint8Array} shown class → whether it is shown
 */
function shades({ array, low, high }, { order, labels }, shown) {
  const scale = (STEPS - 1) / Math.max(1e-30, high - low);
  const codes = new Uint8Array(order.length);
  for (let place = 0; place < order.length; place++) {
    const share = Math.round((array[order[place]] - low) * scale);
    codes[place] = shown[labels[place]] ? Math.max(0, Math.min(STEPS - 1, share)) : STEPS;
  }
  return codes;
}

/**
 * From coordinates to pixels of the axes' rectangle, across and down.
 * @param {Ranges} view
 * @param {number} width
 * @param {number} height
 * @returns {[x: Axis, y: Axis]}
 */
function axes({ x, y }, width, height) {
  const [across, down] = [width / (x[1] - x[0]), -height / (y[1] - y[0])];
  return [
    [across, -x[0] * across],
    [down, -y[1] * down],
  ];
}
