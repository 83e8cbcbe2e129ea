// The latent plane of one image: heat and contours of its densities, the points of all held-out images, q in a hand.

import { short } from "../core/format.js";
import { markerSize } from "../map/marker.js";
import { Morph, projectAll } from "../map/morph.js";
import { Pane } from "../map/pane.js";
import { Posteriors } from "../map/posteriors.js";
import { homeRange } from "../map/view.js";
import { drawRings } from "../map/zones.js";
import { Projection } from "../math/projection.js";
import { prepareCanvas } from "../plot/chart.js";
import {
  drawContours,
  drawCurve,
  drawDraws,
  drawGaussian,
  drawHandles,
  drawModes,
  drawNormal,
  drawWay,
} from "./draw.js";
import { dragged, taken } from "./handles.js";
import { Heat } from "./heat.js";

const SNAP = 10; // px within which a click takes a point
const NAMES = { prior: "p(z)", likelihood: "p(x|z)", posterior: "p(z|x)" };
const LAYERS = ["heat", "lines", "hand"];

export class PlaneMap extends Pane {
  // `on` has besides: hold(q, at), rest(), point(row or −1, x, y).
  constructor(element, camera, state, on) {
    super(element, camera, state, on);
    element.classList.add("eb-map");
    element.setAttribute(
      "aria-label",
      "latent plane: drag q by its mean or its axes, click a point to choose its image",
    );
    for (const name of LAYERS)
      this[name] = Object.assign(document.createElement("canvas"), { className: `eb-${name}` });
    this.ground.before(this.heat);
    this.motion.after(this.lines, this.hand);
    this.expired = new Set(LAYERS);
    this.heats = new Map();
    this.step = "";
    element.addEventListener("pointermove", (event) => this.hover(event));
    element.addEventListener("pointerleave", () => this.on.point(-1));
  }

  open(frame) {
    const { latent_dim: k, classes, pca_shares: shares } = frame.meta;
    const { mu, logvar, labels, pca } = frame.arrays;
    this.probe = frame;
    this.k = k;
    this.morph = new Morph();
    this.posterior = null;
    this.way = null;
    this.draws = null;
    if (k === 1) this.projection = Projection.line();
    else this.projection = k === 2 ? Projection.axes(2, 0, 1) : Projection.pca(pca, shares, k);
    this.posteriors = new Posteriors(labels, classes.length);
    this.morph.target(projectAll(this.projection, mu, logvar, labels.length), 0);
    this.root.dataset.points = labels.length;
    this.expire(...LAYERS);
    this.dirty = this.groundDirty = true;
  }

  // The posterior of another image, or none while it is on its way.
  show(posterior) {
    this.posterior = posterior;
    this.way = null;
    this.draws = null;
    this.heats.clear();
    this.expire(...LAYERS);
  }

  expire(...layers) {
    for (const layer of layers) this.expired.add(layer);
  }

  // Draws z (n, k) of q with their weights, as they fall on this plane, or null for none.
  showDraws(draws) {
    const [us, vs] = draws ? this.projection.projectAll(draws.z, draws.logW.length) : [];
    this.draws = draws && { us, vs, logW: draws.logW };
    this.expire("hand");
  }

  // --- where to look -----------------------------------------------------------------------------------------------

  aim(whole) {
    const { camera } = this;
    camera.fit(this.rectangle());
    if (!camera.auto && camera.now) return;
    const { x, y } = homeRange(this.morph, camera.rectangle);
    const home = { u: (x[0] + x[1]) / 2, v: (y[0] + y[1]) / 2, unit: (x[1] - x[0]) / camera.rectangle.width };
    camera.goal = this.posterior?.surface && !whole ? this.posterior.place(camera.rectangle) : home;
    camera.now ??= { ...camera.goal };
  }

  axisNames() {
    if (this.k <= 2) return super.axisNames();
    return this.projection.labels.map((name) => name.replace(/ \(.*/, ""));
  }

  // --- painting ----------------------------------------------------------------------------------------------------

  paint(now, moved) {
    if (!this.camera.now || !this.probe) return;
    const all = moved || this.groundDirty;
    super.paint(now, moved);
    if (all) this.root.dataset.view = [...this.view.x, ...this.view.y].join(" ");
    for (const layer of LAYERS) if (all || this.expired.has(layer)) this.layer(layer);
    this.expired.clear();
  }

  layer(name) {
    const { context } = prepareCanvas(this[name]);
    const { view } = this;
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    const paint = { heat: this.paintHeat, lines: this.paintLines, hand: this.paintHand }[name];
    paint.call(this, context, view, this.colours);
  }

  paintGround() {
    const { context } = prepareCanvas(this.ground);
    const { view } = this;
    context.save();
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    this.paintGrid(context, this.colours);
    if (this.state.prior) drawRings(context, view, { ...this.colours, text: this.colours.prior }, this.k === 1);
    context.restore();
    this.paintNumbers(context, this.colours);
    this.overlay.nameRings(view, this.k === 1);
    for (const ring of this.overlay.rings) ring.classList.toggle("eb-off", !this.state.prior);
  }

  paintMotion() {
    const { context } = prepareCanvas(this.motion);
    if (!this.state.points) return;
    const { view } = this;
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    this.posteriors.drawPoints(context, view, this.morph, [], markerSize(this.morph.count, this.root.clientWidth));
  }

  paintHeat(context, view, colours) {
    const { posterior, state } = this;
    this.key = "";
    if (!posterior?.surface || state.heat === "none" || this.k === 1) return;
    const kind = `${state.heat} ${state.log}`;
    if (!this.heats.has(kind)) this.heats.set(kind, new Heat(posterior, state.heat, state.log, colours[state.heat]));
    const heat = this.heats.get(kind);
    heat.draw(context, view);
    this.key = heat.reach
      ? `heat: ln ${NAMES[state.heat]}, down to ${short(heat.reach)} nats under its peak`
      : `heat: ${NAMES[state.heat]}`;
  }

  paintLines(context, view, colours) {
    const { posterior, state } = this;
    if (!posterior?.surface) return;
    if (this.k === 1) {
      for (const name of ["prior", "likelihood", "posterior"])
        if (state[name]) drawCurve(context, view, posterior, name, colours[name]);
      return;
    }
    for (const name of ["likelihood", "posterior"])
      if (state[name]) drawContours(context, view, posterior, name, colours[name]);
    if (state.posterior || state.heat === "posterior") drawModes(context, view, posterior.meta.modes, colours);
  }

  paintHand(context, view, colours) {
    const { posterior, state, draws } = this;
    const { q } = state;
    if (!q) return;
    if (draws) drawDraws(context, view, draws, colours);
    if (this.k === 1) return this.paintLineHand(context, view, colours);
    if (this.k > 2) return drawGaussian(context, view, projected(q, this.projection), colours.q, { strong: true });
    if (this.way) drawWay(context, view, this.way.path, this.way.step, colours);
    if (posterior && state.moved)
      drawGaussian(context, view, posterior.ofEncoder, colours.q, { dashes: [5, 4], opacity: 0.8 });
    drawGaussian(context, view, q, colours.q, { strong: true });
    if (!posterior) return;
    drawHandles(context, view, q, state.full, colours, this.held);
  }

  paintLineHand(context, view, colours) {
    const { posterior, state } = this;
    if (!posterior?.surface) return;
    if (state.moved) drawNormal(context, view, posterior.ofEncoder, posterior, colours.q, [5, 4]);
    drawNormal(context, view, state.q, posterior, colours.q);
    drawHandles(context, view, state.q, false, colours, this.held);
  }

  // --- hands -------------------------------------------------------------------------------------------------------

  // The part of q that is under a pixel.
  over([x, y], finger) {
    if (!this.view || this.k > 2 || !this.posterior?.surface || !this.state.q) return null;
    return taken(this.state.q, this.view, this.state.full, [x, y], finger);
  }

  // A press on q takes it; anywhere else it takes the plane.
  grab(event) {
    const at = this.pointer.at(event);
    const found = event.button === 0 ? this.over(at, event.pointerType === "touch") : null;
    this.tookHandle = found !== null && found.part !== "body"; // such a press is no click on a point beneath
    if (!found) return super.grab(event);
    event.preventDefault();
    const [from, begin] = [this.view.toData(...at), this.state.q];
    this.held = found;
    this.on.point(-1);
    const finger = event.pointerType === "touch";
    if (finger && this.tookHandle) this.pointer.keep();
    const drag = (moving) => {
      if (moving.pointerId !== event.pointerId || (finger && !this.pointer.swipe?.drags)) return;
      this.on.hold(dragged(begin, found, from, this.view.toData(...this.pointer.at(moving))), moving.timeStamp);
    };
    const drop = ({ pointerId }) => {
      if (pointerId !== event.pointerId) return;
      window.removeEventListener("pointermove", drag);
      for (const type of ["pointerup", "pointercancel"]) window.removeEventListener(type, drop);
      this.held = null;
      this.on.rest();
    };
    window.addEventListener("pointermove", drag);
    for (const type of ["pointerup", "pointercancel"]) window.addEventListener(type, drop);
    this.expire("hand");
  }

  // The point whose image a click at a pixel chooses, or −1.
  target(x, y) {
    if (!this.view || !this.state.points || !this.morph.count) return -1;
    const row = this.nearest(...this.view.toData(x, y));
    const [px, py] = this.view.toPixel(this.morph.us[row], this.morph.vs[row]);
    return Math.hypot(px - x, py - y) < SNAP ? row : -1;
  }

  hover(event) {
    if (event.pointerType === "touch" || event.buttons || this.held) return;
    const at = this.pointer.at(event);
    const found = this.over(at, false);
    this.root.style.cursor = found ? (found.part === "end" || found.part === "knob" ? "pointer" : "grab") : "";
    const held = found && found.part !== "body";
    this.on.point(held ? -1 : this.target(...at), ...at);
  }
}

// A Gaussian in k dimensions as it is seen on a plane through them, exactly.
function projected(q, projection) {
  const rows = projection.rows;
  const sum = (f) => Array.from(q.mu, (_, d) => f(d)).reduce((a, b) => a + b, 0);
  const covariance = (a, b) => sum((i) => sum((j) => rows[a][i] * q.covariance(i, j) * rows[b][j]));
  return { mu: projection.project(q.mu), covariance };
}
