// The canvas beneath the points: the density, the prior's rings, the buffer zones of a class or of all points.

import { whole } from "../core/format.js";
import { finished, Slices } from "../core/slices.js";
import { measure } from "../core/timing.js";
import { aggregateLine, aggregating, densityImage } from "../math/density.js";
import { shownClasses } from "../math/grid-index.js";
import { ellipse } from "../math/projection.js";
import { classColour, faded, rgb, theme } from "../plot/palette.js";
import { extent } from "./view.js";
import { isSampled, MOST, ZonesInView } from "./zones-in-view.js";

export const RINGS = [1, 2, 3]; // radii in σ of the prior
const SETTLED = 140; // ms without a change of view after which zones are drawn afresh
const QUICK = 6; // ms that a drawing may take to be made anew in every frame
const AT_ONCE = 1000; // zones that are drawn at once; more of them are drawn in slices …
const PIECE = 100; // … so many between two interruptions
const PATIENCE = 30; // ms that the density may take before what else there is gets drawn
const BEARS = 9; // zones over each other that do not hide what is beneath; where there are more, they are fainter
const DENSITY_REACH = 4.5; // the density covers at least this many prior sigmas
const DENSITY_POINTS = 20_000; // points at most whose posteriors are summed
const STRIP = [-0.5, 0.5]; // where the points of a one-dimensional space lie, across it

export class Zones {
  // `say(about, text)` hears what is not drawn in full.
  constructor(canvas, say) {
    this.canvas = canvas;
    this.say = say;
    this.root = canvas.parentElement;
    this.slices = new Slices();
    this.spare = new OffscreenCanvas(1, 1);
  }

  // Another scene: { frame, projection, covariance(i), points, index, state }.
  show(scene) {
    this.drawn = null;
    if (scene === this.scene) return; // in other colours
    this.scene = scene;
    this.inView = new ZonesInView(scene);
    this.chosen = new Uint32Array(0);
    this.depth = 0;
    this.forgetDensity();
  }

  // Other points count now, so the density has to be summed again.
  forgetDensity() {
    this.density = this.summing = this.tinted = null;
  }

  // While the view moves, what is drawn moves with it as a picture; once it rests it is drawn afresh.
  follow(view) {
    if (!this.drawn || !this.slow) return this.draw(view);
    this.stop();
    this.move(view);
    this.root.dataset.zones = "in part";
    this.timer = setTimeout(() => this.slices.run(this.drawAll(view)), SETTLED);
  }

  stop() {
    clearTimeout(this.timer);
    this.slices.stop();
  }

  move(view) {
    const { x, y, width, height, left, top } = this.drawn;
    const scale = (x[1] - x[0]) / (view.x[1] - view.x[0]);
    const dx = ((x[0] - view.x[0]) / (view.x[1] - view.x[0])) * width;
    const dy = ((view.y[1] - y[1]) / (view.y[1] - view.y[0])) * height;
    this.canvas.style.transformOrigin = `${left}px ${top}px`;
    this.canvas.style.transform = `translate(${dx}px, ${dy}px) scale(${scale})`;
  }

  // At once, and so of many zones a part, until all follow in slices. Where there are very many points, the part is of
  // those that were drawn last.
  draw(view) {
    const start = performance.now();
    this.stop();
    const {
      points: { us, labels },
    } = this.scene;
    const shown = this.zoned();
    const wanted = shown.includes(1);
    const few = !wanted || us.length <= MOST;
    if (few) finished(this.find(view));
    const chosen = few ? this.chosen : this.chosen.filter((i) => shown[labels[i]]);
    const part = Math.ceil(chosen.length / AT_ONCE);
    const summed = this.sumFor(PATIENCE);
    finished(
      this.paint(
        this.begin(this.canvas, view),
        view,
        chosen.filter((_, n) => n % part === 0),
      ),
    );
    this.settle(view);
    const more = !few || part > 1 || !summed;
    this.slow = more || performance.now() - start > QUICK;
    this.root.dataset.zones = more ? "in part" : "drawn";
    if (more) this.slices.run(this.drawAll(view));
    measure("elbo-room:zones", start);
  }

  // All zones on a canvas aside, whose pixels then come all together.
  *drawAll(view) {
    const start = performance.now();
    yield* this.sum();
    yield* this.find(view);
    const { spare, canvas } = this;
    const context = this.begin(spare, view, { willReadFrequently: true });
    for (const _ of this.paint(context, view, this.chosen)) {
      context.getImageData(0, 0, 1, 1); // or browsers would put off all of it to the end
      yield;
    }
    Object.assign(canvas, { width: spare.width, height: spare.height });
    canvas.getContext("2d").drawImage(spare, 0, 0);
    this.settle(view);
    this.root.dataset.zones = "drawn";
    measure("elbo-room:all-zones", start);
  }

  // The canvas shows this view as it is.
  settle(view) {
    this.canvas.style.transform = "";
    this.drawn = view;
  }

  // An empty canvas of the map's size, clipped to the axes' rectangle.
  begin(canvas, { left, top, width, height }, options = {}) {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, this.root.clientWidth * ratio);
    canvas.height = Math.max(1, this.root.clientHeight * ratio);
    const context = canvas.getContext("2d", options);
    context.scale(ratio, ratio);
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    return context;
  }

  *paint(context, view, chosen) {
    const colours = theme(this.root);
    const {
      state: { density },
      projection,
    } = this.scene;
    const flat = isFlat(projection);
    this.root.dataset.density = flat || density === "holes" ? density : "off"; // the holes' numbers hold on any map
    const every = this.needsDensity && this.density ? this.drawDensity(context, view, colours) : 1;
    this.say("density", every > 1 ? `density from one in ${every} points` : "");
    if (!flat) return;
    drawRings(context, view, colours, projection.isLine);
    yield* this.drawEllipses(context, view, chosen);
  }

  // Returns which share of the points it is of: one in so many.
  drawDensity(context, view, colours) {
    const {
      state: { density: mode },
      projection: { isLine },
    } = this.scene;
    const { grid, box, stride } = this.density;
    const tints = { more: rgb(colours.accent), less: rgb(colours.text) };
    const key = `${mode} ${tints.more} ${tints.less}`;
    if (this.tinted?.key !== key) {
      const image = densityImage(grid, box, mode, tints, isLine);
      const picture = new OffscreenCanvas(image.width, image.height);
      picture.getContext("2d").putImageData(image, 0, 0);
      this.tinted = { key, picture };
    }
    const [x0, y0] = view.toPixel(box[0], box[3]);
    const [x1, y1] = view.toPixel(box[1], box[2]);
    context.drawImage(this.tinted.picture, x0, y0, x1 - x0, y1 - y0);
    return stride;
  }

  get needsDensity() {
    return isFlat(this.scene.projection) && this.scene.state.density !== "off";
  }

  // Goes on with the sum of the density for so many ms; whether it is there, where it is needed.
  sumFor(ms) {
    const work = this.sum();
    const until = performance.now() + ms;
    while (!work.next().done) if (performance.now() > until) return false;
    return true;
  }

  // Goes on with the sum where it was interrupted.
  *sum() {
    if (!this.needsDensity || this.density) return;
    this.summing ??= this.summed();
    for (let step = this.summing.next(); ; step = this.summing.next()) {
      if (step.done) return Object.assign(this, { density: step.value, summing: null });
      yield;
    }
  }

  // The aggregate posterior on a grid over a box, of one in `stride` points.
  *summed() {
    const {
      projection: { isLine },
      covariance,
      points: { us, vs, labels },
      state,
    } = this.scene;
    const box = [...extent(us, DENSITY_REACH), ...(isLine ? STRIP : extent(vs, DENSITY_REACH))];
    const stride = Math.ceil(us.length / DENSITY_POINTS);
    const shown = shownClasses(state.hidden);
    const counts = (i) => isSampled(i, stride) && shown[labels[i]] === 1;
    const given = [[us, vs], covariance, box, counts];
    return { grid: isLine ? aggregateLine(...given) : yield* aggregating(...given), box, stride };
  }

  *drawEllipses(context, view, chosen) {
    const { frame, covariance, points, state } = this.scene;
    const { zones, scale } = state;
    const { us, vs, labels } = points;
    const pixels = view.pixelsPerUnit * scale;
    const faint = Math.min(1, BEARS / this.depth);
    const fills = classColours(frame, faint * (zones === "all" ? 0.1 : 0.14));
    const strokes = classColours(frame, Math.sqrt(faint) * (zones === "all" ? 0.42 : 0.5));
    context.lineWidth = 0.8;
    for (let n = 0; n < chosen.length; n++) {
      const i = chosen[n];
      const { major, minor, angle } = ellipse(covariance(i));
      const [x, y] = view.toPixel(us[i], vs[i]);
      context.beginPath();
      context.ellipse(x, y, major * pixels, Math.max(0.4, minor * pixels), -angle, 0, 2 * Math.PI);
      context.fillStyle = fills[labels[i]];
      context.fill();
      context.strokeStyle = strokes[labels[i]];
      context.stroke();
      if (n % PIECE === PIECE - 1) yield;
    }
  }

  // The points whose zones are drawn in a view.
  *find(view) {
    const shown = this.zoned();
    const none = { chosen: new Uint32Array(0), count: 0, depth: 0 };
    const { chosen, count, depth } = shown.includes(1)
      ? yield* this.inView.find(view, this.scene.state.scale, shown)
      : none;
    this.chosen = chosen;
    this.depth = depth;
    this.say(
      "zones",
      chosen.length < count ? `${whole(chosen.length)} of ${whole(count)} zones, fewer where they are many` : "",
    );
  }

  // Class → whether its zones are drawn.
  zoned() {
    const {
      projection,
      state: { zones, hidden },
    } = this.scene;
    const asked = (c) => isFlat(projection) && (zones === "all" || zones === String(c));
    return shownClasses(hidden).map((shown, c) => Number(shown && asked(c)));
  }
}

// Whether density, rings and zones are what they are: t-SNE has none of them, and a turned space draws its own.
const isFlat = ({ invertible, spatial }) => invertible && !spatial;

// On a line, a ring is the two spots at its distance, drawn across the map.
export function drawRings(context, view, colours, isLine) {
  const [x, y] = view.toPixel(0, 0);
  context.strokeStyle = faded(colours.text, 0.5);
  context.setLineDash([5, 5]);
  for (const r of RINGS) {
    const away = r * view.pixelsPerUnit;
    context.beginPath();
    if (isLine)
      for (const at of [x - away, x + away]) {
        context.moveTo(at, view.top);
        context.lineTo(at, view.top + view.height);
      }
    else context.arc(x, y, away, 0, 2 * Math.PI);
    context.stroke();
  }
  context.setLineDash([]);
}

const classColours = ({ meta: { classes } }, alpha) =>
  classes.map((_, c) => faded(classColour(c, classes.length), alpha));
