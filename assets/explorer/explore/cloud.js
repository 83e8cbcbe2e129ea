// The points where Plotly does not draw them: before it has come, where there is no WebGL, and where there are more than
// it bears. Many points in view are a density, their counts as colour; fewer are a dot each.

import { measure } from "../core/timing.js";
import { MARKER_OPACITY, markerSize } from "../map/marker.js";
import { Bins, dots, HIDDEN } from "../math/bins.js";
import { shownClasses } from "../math/grid-index.js";
import { classColour, rgb, theme, viridis } from "../plot/palette.js";

const RESOLVED = 40_000; // points in view, at most, that are drawn as dots
const SMALLEST = 1.6; // px of a dot where there are that many
const CELL = 2; // px of a cell of the density …
const FINE = 200_000; // … and 1 from so many points in view on, once the view has …
const SETTLED = 160; // … not changed for so many ms
const STEPS = 255; // colours of a value that is no class; the one after them is that of hidden points

export class Cloud {
  // `say("points", text)` hears how they are drawn, once that has settled.
  constructor(canvas, say) {
    this.canvas = canvas;
    this.say = say;
    this.root = canvas.parentElement;
    this.bins = new Bins();
    this.active = false;
  }

  // Another scene: { frame, points, index, state }. Where it is not `active`, Plotly draws the points.
  show(scene, active) {
    this.scene = scene;
    this.active = active;
    this.canvas.hidden = !active;
    if (!active) return this.say("points", "");
    this.colour();
  }

  // Other classes are hidden now.
  filter() {
    if (!this.active) return;
    this.colour();
    this.follow(this.view);
  }

  // What every point is coloured by, in the order of the grid; and the colours.
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

  // While the view moves, it is drawn once a frame, and more finely when it rests.
  follow(view) {
    this.view = view;
    clearTimeout(this.timer);
    if (!this.active) return;
    this.frameRequest ??= requestAnimationFrame(() => {
      this.frameRequest = null;
      if (!this.active) return;
      this.draw(true);
      this.timer = setTimeout(() => this.settle(), SETTLED);
    });
  }

  settle() {
    if (this.coarse) this.draw(false);
    const count = this.bins.total.toLocaleString("en");
    this.say(
      "points",
      this.picture === "density" ? `${count} points in view, on a log scale: zoom in to see each` : "",
    );
  }

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
    const context = canvas.getContext("2d");
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

  drawDots(pixels, { width, height }, size) {
    const {
      view,
      scene: { index },
      colours,
    } = this;
    const [x, y] = axes(view, width, height);
    const margin = (view.x[1] - view.x[0]) * (size / width);
    const around = ([low, high]) => [low - margin, high + margin];
    const points = { us: index.us, vs: index.vs, codes: this.codes };
    index.spans(around(view.x), around(view.y), (from, to) =>
      dots(pixels, width, height, points, from, to, x, y, colours, size, MARKER_OPACITY),
    );
  }

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

  // Pixels; 0 where no point is drawn for itself.
  get markerRadius() {
    return this.picture === "density" ? 0 : this.dotSize() / 2;
  }

  // Dots are as large as Plotly's where Plotly might have drawn them, and shrink as there are more.
  dotSize() {
    const full = markerSize(this.scene.points.us.length, this.root.clientWidth);
    const most = RESOLVED / 2;
    return this.inView <= most / 4 ? full : Math.max(SMALLEST, full * Math.sqrt(most / 4 / this.inView));
  }

  // The pixels of the axes' rectangle, all transparent.
  image(width, height) {
    if (this.kept?.width === width && this.kept.height === height) this.kept.data.fill(0);
    else this.kept = new ImageData(width, height);
    return this.kept;
  }
}

const flat = (colours) => Float32Array.from(colours.flatMap((colour) => colour ?? [HIDDEN, 0, 0]));

// Place in the grid → which of the colours its point's value has.
function shades({ array, low, high }, { order, labels }, shown) {
  const scale = (STEPS - 1) / Math.max(1e-30, high - low);
  const codes = new Uint8Array(order.length);
  for (let place = 0; place < order.length; place++) {
    const share = Math.round((array[order[place]] - low) * scale);
    codes[place] = shown[labels[place]] ? Math.max(0, Math.min(STEPS - 1, share)) : STEPS;
  }
  return codes;
}

// From coordinates to pixels of the axes' rectangle: [scale, shift] across and down.
function axes({ x, y }, width, height) {
  const [across, down] = [width / (x[1] - x[0]), -height / (y[1] - y[0])];
  return [
    [across, -x[0] * across],
    [down, -y[1] * down],
  ];
}
