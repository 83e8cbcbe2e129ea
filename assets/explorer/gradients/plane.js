// The plane: the target as heat and contours, q as its ellipses with handles to drag, and the arrows of gradients.

import { short } from "../core/format.js";
import { Pointer } from "../map/pointer.js";
import { View } from "../map/view.js";
import { contour } from "../math/contours.js";
import { disc, line, prepareCanvas } from "../plot/chart.js";
import { faded, rgb, THEORY, theme } from "../plot/palette.js";
import { ticks } from "../plot/ticks.js";
import { arrow, fan } from "./arrows.js";
import { Gaussian } from "./gaussian.js";

const MARGIN = { left: 46, right: 8, top: 8, bottom: 26 };
const LEVELS = [0.125, 0.5, 1.125, 2, 3.125, 4.5]; // nats under the peak: ½, 1, 1½ … standard deviations of a Gaussian
const CELL = 3; // px of the heat
const NARROWEST = 0.008; // of half the picture's width
const GRIP = { mouse: 14, touch: 26 }; // px
const FAINT = 0.38;

export class Plane {
  // `drag(q, done)`: a person has moved q.
  constructor(root, drag, name) {
    this.root = root;
    this.drag = drag;
    this.dirty = true;
    root.classList.add("gr-plane");
    root.tabIndex = 0;
    root.setAttribute("role", "application");
    root.setAttribute(
      "aria-label",
      `${name}: drag q by its middle or by the ends of its axes; arrow keys move its middle`,
    );
    root.innerHTML = "<canvas></canvas><canvas></canvas>";
    [this.ground, this.motion] = root.children;
    this.pointer = new Pointer(root, this, {
      hover: (x, y, at, finger) => finger || (root.style.cursor = this.handleAt(x, y, GRIP.mouse) ? "grab" : ""),
      click: () => {},
      press: (x, y, at, finger) => this.press(x, y, finger ? GRIP.touch : GRIP.mouse),
      drag: (x, y) => this.pull(x, y),
      drop: () => this.drop(),
    });
    root.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.renew()).observe(root);
  }

  // Another target: `half` is how far the picture reaches around `middle`.
  load(target, peak, half, middle = [0, 0]) {
    this.target = target;
    this.peak = peak;
    this.half = half;
    this.middle = middle;
    this.renew();
  }

  renew() {
    this.dirty = true;
    this.onRenew?.();
  }

  // `scene` = { q, colour, draws?, gradients?: { rows, mean, exact, shown, unit } }, unit in pixels per nat per unit.
  paint(scene) {
    this.q = scene.q;
    if (!this.target) return;
    if (this.dirty) this.paintGround();
    const { context, width, height } = prepareCanvas(this.motion);
    if (!this.view || width < 60 || height < 60) return;
    context.save();
    context.beginPath();
    context.rect(this.view.left, this.view.top, this.view.width, this.view.height);
    context.clip();
    const colours = this.colours;
    if (scene.draws) this.paintDraws(context, scene.draws, scene.colour);
    if (scene.gradients?.rows) this.paintSingles(context, scene);
    this.paintQ(context, scene.q);
    if (scene.gradients) this.paintMeans(context, scene, colours);
    this.paintHandles(context, scene.q);
    context.restore();
  }

  paintGround() {
    this.dirty = false;
    const { context, width, height } = prepareCanvas(this.ground);
    this.colours = theme(this.root);
    const [w, h] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
    if (w < 40 || h < 40) return;
    const unit = (2 * this.half) / Math.min(w, h);
    const around = (middle, pixels) => [middle - (unit * pixels) / 2, middle + (unit * pixels) / 2];
    this.view = new View(
      { x: around(this.middle[0], w), y: around(this.middle[1], h) },
      { left: MARGIN.left, top: MARGIN.top, width: w, height: h },
    );
    this.paintTarget(context);
    this.paintGrid(context);
  }

  paintTarget(context) {
    const { view, target, peak } = this;
    const [columns, rows] = [Math.ceil(view.width / CELL), Math.ceil(view.height / CELL)];
    const under = new Float64Array(columns * rows);
    const z = [0, 0];
    for (let y = 0, at = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, at++) {
        [z[0], z[1]] = view.toData(view.left + (x + 0.5) * CELL, view.top + (y + 0.5) * CELL);
        under[at] = peak - target.f(z);
      }
    context.save();
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    this.paintHeat(context, under, columns, rows);
    LEVELS.forEach((level, i) => {
      const at = contour(under, columns, level);
      context.strokeStyle = faded(this.colours.text, i % 2 ? 0.5 : 0.22);
      context.lineWidth = 1;
      context.beginPath();
      for (let s = 0; s < at.length; s += 4) {
        context.moveTo(view.left + (at[s] + 0.5) * CELL, view.top + (at[s + 1] + 0.5) * CELL);
        context.lineTo(view.left + (at[s + 2] + 0.5) * CELL, view.top + (at[s + 3] + 0.5) * CELL);
      }
      context.stroke();
    });
    context.restore();
  }

  paintHeat(context, under, columns, rows) {
    const image = new ImageData(columns, rows);
    const ink = rgb(this.colours.text);
    under.forEach((nats, at) => image.data.set([...ink, 255 * FAINT * Math.exp(-nats)], 4 * at));
    const canvas = new OffscreenCanvas(columns, rows);
    canvas.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(canvas, this.view.left, this.view.top, columns * CELL, rows * CELL);
  }

  paintGrid(context) {
    const { view, colours } = this;
    const { left, top, width, height } = view;
    Object.assign(context, {
      font: `13px ${colours.font}`,
      fillStyle: faded(colours.text, 0.8),
      lineWidth: 1,
      textAlign: "center",
      textBaseline: "top",
    });
    for (const u of ticks(...view.x, width / 90)) {
      const x = Math.round(view.toPixel(u, 0)[0]) + 0.5;
      context.strokeStyle = faded(colours.text, u === 0 ? 0.24 : 0.08);
      line(context, x, top, x, top + height);
      if (x > left + 8 && x < left + width - 30) context.fillText(short(u), x, top + height + 6);
    }
    context.textAlign = "right";
    context.fillText("z₁", left + width, top + height + 6);
    context.textBaseline = "middle";
    for (const v of ticks(...view.y, height / 70)) {
      const y = Math.round(view.toPixel(0, v)[1]) + 0.5;
      context.strokeStyle = faded(colours.text, v === 0 ? 0.24 : 0.08);
      line(context, left, y, left + width, y);
      if (y > top + 22 && y < top + height - 6) context.fillText(short(v), left - 6, y);
    }
    context.textBaseline = "top";
    context.fillText("z₂", left - 6, top);
  }

  paintDraws(context, draws, colour) {
    context.fillStyle = faded(colour, 0.55);
    for (let s = 0; s < draws.length; s += 2) {
      const [x, y] = this.view.toPixel(draws[s], draws[s + 1]);
      context.fillRect(x - 1.5, y - 1.5, 3, 3);
    }
  }

  paintSingles(context, { q, colour, gradients: { rows, shown, unit } }) {
    const [x, y] = this.view.toPixel(...q.mu);
    const arrows = new Float64Array(2 * shown);
    for (let s = 0; s < shown; s++) {
      arrows[2 * s] = unit * rows[s * q.size];
      arrows[2 * s + 1] = -unit * rows[s * q.size + 1];
    }
    fan(context, x, y, arrows, faded(colour, shown > 40 ? 0.45 : 0.75));
  }

  paintMeans(context, { q, colour, gradients: { rows, mean, exact, unit } }, { background }) {
    const [x, y] = this.view.toPixel(...q.mu);
    arrow(context, x, y, unit * exact[0], -unit * exact[1], THEORY, background, 7);
    if (rows) arrow(context, x, y, unit * mean[0], -unit * mean[1], colour, null, 3);
  }

  paintQ(context, q) {
    const { accent } = this.colours;
    const turn = Array.from({ length: 73 }, (_, i) => [Math.cos((i * Math.PI) / 36), Math.sin((i * Math.PI) / 36)]);
    for (const [radius, alpha, width] of [
      [2, 0.6, 1.4],
      [1, 1, 2.6],
    ]) {
      context.beginPath();
      for (const [c, s] of turn) context.lineTo(...this.view.toPixel(...q.at([radius * c, radius * s], [0, 0])));
      context.fillStyle = faded(accent, 0.07);
      context.fill();
      Object.assign(context, { strokeStyle: faded(accent, alpha), lineWidth: width });
      context.stroke();
    }
  }

  paintHandles(context, q) {
    const { accent, background } = this.colours;
    this.handles(q).forEach(([x, y], i) =>
      disc(context, x, y, i ? 6 : 7, i ? background : accent, i ? accent : background, 2.4),
    );
  }

  // Pixels of what can be dragged: the middle, and mu + the columns of L.
  handles(q) {
    return [
      [0, 0],
      [1, 0],
      [0, 1],
    ].map((zeta) => this.view.toPixel(...q.at(zeta, [0, 0])));
  }

  // --- hands ---------------------------------------------------------------------------------------------------------------

  handleAt(px, py, reach) {
    if (!this.view || !this.q) return null;
    const away = this.handles(this.q).map(([x, y], i) => ({ i, d: Math.hypot(x - px, y - py) - (i ? 2 : 0) }));
    const nearest = away.reduce((best, one) => (one.d < best.d ? one : best));
    if (nearest.d < reach) return { part: nearest.i };
    const zeta = this.q.whitened(this.view.toData(px, py), [0, 0]);
    return Math.hypot(...zeta) < 1 ? { part: 0, body: true } : null; // anywhere within the ellipse takes the whole
  }

  // A handle is dragged in any direction; within the ellipse, a finger that swipes up or down scrolls the page.
  press(x, y, reach) {
    const found = this.handleAt(x, y, reach);
    if (!found) return false;
    const offset = this.view.toData(x, y).map((v, i) => v - this.q.mu[i]);
    this.held = { part: found.part, offset, last: this.q };
    return found.body ? "across" : true;
  }

  pull(x, y) {
    const { part, offset } = this.held;
    this.held.last = this.moved(part, this.view.toData(x, y), offset);
    this.drag(this.held.last, false);
  }

  drop() {
    const { last } = this.held;
    this.held = null;
    this.drag(last, true);
  }

  // q with one of its handles put to `z`.
  moved(part, z, offset) {
    const { mu, tril, full } = this.q;
    const next = new Gaussian(mu, tril, full);
    if (part === 0) for (let i = 0; i < 2; i++) next.mu[i] = z[i] - offset[i];
    else next.tril[part === 1 ? 0 : 3] = Math.max(NARROWEST * this.half, z[part - 1] - mu[part - 1]);
    if (part === 1 && full) next.tril[2] = z[1] - mu[1];
    return next;
  }

  key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way || !this.q) return;
    event.preventDefault();
    const next = new Gaussian(this.q.mu, this.q.tril, this.q.full);
    for (let i = 0; i < next.k; i++) next.mu[i] += 0.02 * this.half * way[i];
    this.drag(next, true);
  }
}
