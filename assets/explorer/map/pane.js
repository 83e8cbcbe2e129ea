// The live map of one run: a canvas for what rests (the grid, the decoded plane, the prior's rings), one for what moves
// (zones and points), and the SVG of the lens above them.

import { short } from "../core/format.js";
import { NearestMean } from "../math/nearest-mean.js";
import { Projection, subscript } from "../math/projection.js";
import { line, prepareCanvas } from "../plot/chart.js";
import { faded, rgb, theme } from "../plot/palette.js";
import { ticks } from "../plot/ticks.js";
import { Inset } from "./inset.js";
import { markerSize } from "./marker.js";
import { Morph, projectAll } from "./morph.js";
import { Overlay } from "./overlay.js";
import { Pointer } from "./pointer.js";
import { Posteriors } from "./posteriors.js";
import { drawRings } from "./zones.js";

const MARGIN = { left: 40, right: 8, top: 8, bottom: 26 };
const DRAG = 5; // px from which a press is a drag
const WHEEL = 0.0016;
const UNDERLAY = 0.55; // opacity of the decoded plane

const HTML = `
  <canvas class="lv-ground"></canvas>
  <canvas class="lv-motion"></canvas>
  <svg class="er-overlay" aria-hidden="true">
    <text class="er-ring"/><text class="er-ring"/><text class="er-ring"/>
    <ellipse class="er-zone" style="display:none"/>
    <g class="er-point" style="display:none"><circle r="6.5"/><circle r="6.5"/></g>
    <g class="er-marker" style="display:none"><circle r="9"/><circle r="9"/><path d="M-15 0H-5M15 0H5M0 -15V-5M0 15V5"/></g>
  </svg>
  <p class="lv-name"></p>`;

export class Pane {
  // `on` = { hover(pane, x, y, at, finger), click(pane, x, y, at, still), move(factor, u, v, du, dv), release(), resized(),
  // decoded?() → canvases of what is decoded under the pointer }
  constructor(root, camera, state, on) {
    this.root = root;
    this.camera = camera;
    this.state = state;
    this.on = on;
    this.morph = new Morph();
    this.dirty = true;
    this.groundDirty = true;
    this.view = null;
    this.marked = null;
    root.className = "lv-map";
    root.tabIndex = 0;
    root.setAttribute("role", "application");
    root.setAttribute("aria-label", "live map of the latent space: a click pins the lens, Escape releases it");
    root.innerHTML = HTML;
    [this.ground, this.motion] = root.querySelectorAll("canvas");
    this.overlay = new Overlay(root);
    this.pointer = new Pointer(root, this, {
      hover: (x, y, at, finger) => on.hover(this, x, y, at, finger),
      click: (x, y, at, still) => on.click(this, x, y, at, still),
      pinch: (factor, x, y, dx, dy) => this.move(factor, x, y, dx, dy),
      reset: () => this.reset(),
      touched: (x, y) => this.inset?.show(x, y),
      lifted: () => this.inset?.hide(),
    });
    this.inset = on.decoded && new Inset(root, on.decoded);
    root.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    root.addEventListener("pointerdown", (event) => this.grab(event));
    root.addEventListener("dblclick", () => on.release());
    root.addEventListener("pointerenter", () => (this.hovered = true));
    root.addEventListener("pointerleave", () => (this.hovered = false));
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(root);
  }

  // --- what is shown -----------------------------------------------------------------------------------------------

  load(probe) {
    this.probe = probe;
    const { latent_dim: k, classes } = probe.meta;
    this.k = k;
    this.posteriors = new Posteriors(probe.arrays.labels, classes.length);
    this.morph = new Morph();
    this.means = new NearestMean(new Float32Array(0), k, probe.arrays.labels);
    this.projection = k === 1 ? Projection.line() : Projection.axes(k, 0, 1);
    this.underlay = null;
    this.root.dataset.points = probe.arrays.labels.length;
  }

  // The newest snapshot: where the points are to be.
  take(frame, now) {
    const { mu, logvar, axes } = frame.arrays;
    if (this.k > 2)
      this.projection = new Projection(
        [axes.subarray(0, this.k), axes.subarray(this.k)],
        ["principal axis 1", "principal axis 2"],
      );
    this.goal = projectAll(this.projection, mu, logvar, this.probe.arrays.labels.length);
    this.morph.target(this.goal, now);
    this.means.renew(mu);
    this.step = frame.meta.step;
    this.dirty = true;
  }

  // The decoded plane as one picture; grey images become ink of the page's own colour.
  lay(manifold) {
    const { side, reach } = manifold.meta;
    const [channels, h, w] = this.probe.meta.image_shape;
    const { images } = manifold.arrays;
    const image = new ImageData(side * w, side * h);
    const ink = rgb(theme(this.root).text);
    for (let tile = 0; tile < side * side; tile++)
      for (let y = 0; y < h; y++)
        for (let x = 0; x < w; x++) {
          const from = tile * channels * h * w + y * w + x;
          const to = 4 * (((Math.floor(tile / side) * h + y) * side + (tile % side)) * w + x);
          if (channels === 3) image.data.set([images[from], images[from + h * w], images[from + 2 * h * w], 255], to);
          else image.data.set([...ink, images[from]], to);
        }
    const canvas = new OffscreenCanvas(side * w, side * h);
    canvas.getContext("2d").putImageData(image, 0, 0);
    this.underlay = { canvas, half: reach + reach / (side - 1) }; // the outermost images are centred on ±reach
    this.groundDirty = true;
  }

  rectangle() {
    const { left, right, top, bottom } = MARGIN;
    const { clientWidth: width, clientHeight: height } = this.root;
    return { left, top, width: Math.max(50, width - left - right), height: Math.max(50, height - top - bottom) };
  }

  // Draws what has changed by the time `now`; `moved`: the view has. True while the points are on their way.
  paint(now, moved) {
    if (!this.camera.now) return false;
    const flows = this.morph.count > 0 && this.morph.advance(now);
    if (moved || this.groundDirty) this.view = this.camera.view(this.rectangle());
    if (moved || this.groundDirty) this.paintGround();
    if (moved || flows || this.dirty || this.groundDirty) this.paintMotion();
    this.dirty = this.groundDirty = false;
    this.root.dataset.step = this.step;
    return !this.morph.settled;
  }

  paintGround() {
    const { context } = prepareCanvas(this.ground);
    const colours = theme(this.root);
    const { view } = this;
    context.save();
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    if (this.state.manifold && this.underlay) this.paintUnderlay(context);
    this.paintGrid(context, colours);
    drawRings(context, view, colours, this.projection?.isLine);
    context.restore();
    this.paintNumbers(context, colours);
    this.overlay.nameRings(view, this.projection?.isLine);
  }

  paintUnderlay(context) {
    const { canvas, half } = this.underlay;
    const [x0, y0] = this.view.toPixel(-half, half);
    const [x1, y1] = this.view.toPixel(half, -half);
    context.imageSmoothingEnabled = x1 - x0 < canvas.width;
    context.globalAlpha = UNDERLAY;
    context.drawImage(canvas, x0, y0, x1 - x0, y1 - y0);
    context.globalAlpha = 1;
  }

  paintGrid(context, colours) {
    const { view } = this;
    const { left, top, width, height } = view;
    for (const u of ticks(...view.x, width / 90)) {
      const x = Math.round(view.toPixel(u, 0)[0]) + 0.5;
      context.strokeStyle = faded(colours.text, u === 0 ? 0.26 : 0.09);
      line(context, x, top, x, top + height);
    }
    if (this.projection?.isLine) return;
    for (const v of ticks(...view.y, height / 70)) {
      const y = Math.round(view.toPixel(0, v)[1]) + 0.5;
      context.strokeStyle = faded(colours.text, v === 0 ? 0.26 : 0.09);
      line(context, left, y, left + width, y);
    }
  }

  paintNumbers(context, colours) {
    const { view } = this;
    const [across, up] = this.axisNames();
    context.font = `13px ${colours.font}`;
    context.fillStyle = faded(colours.text, 0.8);
    context.textAlign = "center";
    context.textBaseline = "top";
    const right = view.left + view.width;
    const room = context.measureText(across).width + 18;
    for (const u of ticks(...view.x, view.width / 90)) {
      const x = view.toPixel(u, 0)[0];
      if (x > view.left + 8 && x < right - room) context.fillText(short(u), x, view.top + view.height + 7);
    }
    context.textAlign = "right";
    context.fillText(across, right, view.top + view.height + 7);
    if (!up) return;
    context.textBaseline = "middle";
    for (const v of ticks(...view.y, view.height / 70)) {
      const y = view.toPixel(0, v)[1];
      if (y > view.top + 20 && y < view.top + view.height - 6) context.fillText(short(v), view.left - 6, y);
    }
    context.textBaseline = "top";
    context.textAlign = this.k > 2 ? "left" : "right";
    context.fillText(up, this.k > 2 ? 6 : view.left - 6, view.top);
  }

  axisNames() {
    if (this.k === 1) return ["z₁", ""];
    if (this.k > 2) return ["principal axis 1", "axis 2"];
    return [subscript("z", 1), subscript("z", 2)];
  }

  paintMotion() {
    const { context } = prepareCanvas(this.motion);
    if (!this.morph.count) return;
    const { view, state } = this;
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    this.posteriors.draw(context, view, this.morph, {
      ...state,
      size: markerSize(this.morph.count, this.root.clientWidth),
    });
    if (this.marked) this.showMark();
  }

  // The lens stands at z; beside it the zone of the data point `nearest`, which is ringed where the plane is not all of z.
  mark(z, nearest) {
    this.marked = { z, nearest };
    if (this.view && this.projection) this.showMark();
  }

  showMark() {
    const { z, nearest } = this.marked;
    const [u, v] = this.projection.project(z);
    const scene = {
      frame: this.probe,
      points: { us: this.morph.us, vs: this.morph.vs, labels: this.probe.arrays.labels },
      covariance: (i) => this.morph.covariance(i),
      state: { zones: this.state.zones, scale: 1 },
    };
    this.overlay.show(this.view, scene, { u, v, nearest: this.morph.count ? nearest : -1, ringed: this.k !== 2 });
  }

  // The visible data point that is shown nearest to (u, v), or −1.
  nearest(u, v) {
    if (!this.morph.count) return -1;
    const { us, vs } = this.morph;
    const { labels } = this.probe.arrays;
    const { hidden } = this.state;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < us.length; i++) {
      const d = (us[i] - u) ** 2 + (vs[i] - v) ** 2;
      if (d < least && !hidden.includes(labels[i])) [best, least] = [i, d];
    }
    return best;
  }

  // The visible data point whose mean is nearest to z in the newest snapshot, all dimensions counted; or −1.
  nearestMean(z) {
    return this.means.now(z, this.state.hidden);
  }

  meanOf(i) {
    return this.means.means.subarray(i * this.k, (i + 1) * this.k);
  }

  // Whose map this is, and its numbers, where there are two.
  name(text, numbers) {
    const element = this.root.querySelector(".lv-name");
    element.textContent = text;
    if (numbers) element.append(Object.assign(document.createElement("small"), { textContent: numbers }));
  }

  resized() {
    this.groundDirty = true;
    this.on.resized();
  }

  // --- hands -------------------------------------------------------------------------------------------------------

  wheel(event) {
    if (!this.view) return;
    event.preventDefault();
    const [x, y] = this.pointer.at(event);
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.move(Math.exp(Math.max(-0.5, Math.min(0.5, event.deltaY * lines * WHEEL))), x, y, 0, 0);
  }

  // A drag with the mouse moves the map.
  grab(event) {
    if (event.pointerType === "touch" || event.button !== 0 || !this.view) return;
    let last = this.pointer.at(event);
    const from = last;
    let dragging = false;
    const drag = (moving) => {
      const now = this.pointer.at(moving);
      dragging ||= Math.hypot(now[0] - from[0], now[1] - from[1]) > DRAG;
      if (!dragging) return;
      this.move(1, ...now, now[0] - last[0], now[1] - last[1]);
      last = now;
    };
    const drop = () => {
      window.removeEventListener("pointermove", drag);
      for (const type of ["pointerup", "pointercancel"]) window.removeEventListener(type, drop);
    };
    window.addEventListener("pointermove", drag);
    for (const type of ["pointerup", "pointercancel"]) window.addEventListener(type, drop);
  }

  move(factor, x, y, dx, dy) {
    if (!this.view) return;
    const view = this.camera.view(this.rectangle()); // several moves may come before the next frame
    const perPixel = 1 / view.pixelsPerUnit;
    this.on.move(factor, ...view.toData(x, y), dx * perPixel, -dy * perPixel);
  }

  // Shows all points again; false where they are shown already.
  reset() {
    if (this.camera.auto) return false;
    this.on.release();
    return true;
  }

  destroy() {
    this.inset?.hide();
    this.observer.disconnect();
  }
}
