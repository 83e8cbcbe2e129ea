// The canvas beneath the points: the density, the prior's rings, the buffer zones of a class or of all points.

import { aggregateLine, aggregatePosterior, densityImage } from "./density.js";
import { classColour, faded, rgb, theme } from "./palette.js";
import { ellipse } from "./projection.js";
import { measure } from "./timing.js";
import { extent } from "./view.js";

export const RINGS = [1, 2, 3]; // radii in σ of the prior
const SETTLED = 140; // ms without a change of view after which zones are drawn afresh
const QUICK = 6; // ms that a drawing may take to be made anew in every frame
const DENSITY_REACH = 4.5; // the density covers at least this many prior sigmas
const DENSITY_POINTS = 20_000; // points at most whose posteriors are summed
const MOST = 20_000; // zones drawn at most
const BESIDE = 0.1; // of the view: how far out of it the middle of a zone may lie that is drawn
const STRIP = [-0.5, 0.5]; // where the points of a one-dimensional space lie, across it

export class Zones {
  // `say(about, text)` hears what is not drawn in full.
  constructor(canvas, say) {
    Object.assign(this, { canvas, say, root: canvas.parentElement });
  }

  // Another scene: { frame, projection, covariance(i), points, index, state }.
  show(scene) {
    this.scene = scene;
    this.drawn = null;
    this.forgetDensity();
  }

  // Other points count now, so the density has to be summed again.
  forgetDensity() {
    this.grid = null;
  }

  // While the view moves, what is drawn moves with it as a picture; once it rests it is drawn afresh.
  follow(view) {
    clearTimeout(this.timer);
    if (this.drawn && this.drawTime > QUICK) {
      this.move(view);
      this.timer = setTimeout(() => this.draw(view), SETTLED);
    } else this.draw(view);
  }

  move(view) {
    const { x, y, width, height, left, top } = this.drawn;
    const scale = (x[1] - x[0]) / (view.x[1] - view.x[0]);
    const dx = ((x[0] - view.x[0]) / (view.x[1] - view.x[0])) * width;
    const dy = ((view.y[1] - y[1]) / (view.y[1] - view.y[0])) * height;
    this.canvas.style.transformOrigin = `${left}px ${top}px`;
    this.canvas.style.transform = `translate(${dx}px, ${dy}px) scale(${scale})`;
  }

  draw(view) {
    const start = performance.now();
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = this.root.clientWidth * ratio;
    this.canvas.height = this.root.clientHeight * ratio;
    this.canvas.style.transform = "";
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.beginPath();
    context.rect(view.left, view.top, view.width, view.height);
    context.clip();
    const colours = theme(this.root);
    const { density } = this.scene.state;
    this.say("density", "");
    if (this.scene.projection.invertible && !this.scene.projection.spatial) {
      if (density !== "off") this.drawDensity(context, view, colours);
      drawRings(context, view, colours, this.scene.projection.isLine);
      this.drawEllipses(context, view);
    }
    this.root.dataset.density = density;
    this.drawn = view;
    this.drawTime = performance.now() - start;
    measure("elbo-room:zones", start);
  }

  drawDensity(context, view, colours) {
    const { projection, covariance, points, state } = this.scene;
    const { us, vs, labels } = points;
    const { isLine } = projection;
    const box = [...extent(us, DENSITY_REACH), ...(isLine ? STRIP : extent(vs, DENSITY_REACH))];
    const stride = Math.ceil(us.length / DENSITY_POINTS);
    const visible = (i) => i % stride === 0 && !state.hidden.includes(labels[i]);
    this.say("density", stride > 1 ? `density from one in ${stride} points` : "");
    this.grid ??= (isLine ? aggregateLine : aggregatePosterior)([us, vs], covariance, box, visible);
    const tints = { more: rgb(colours.accent), less: rgb(colours.text) };
    const image = densityImage(this.grid, box, state.density, tints, isLine);
    const small = new OffscreenCanvas(image.width, image.height);
    small.getContext("2d").putImageData(image, 0, 0);
    const [x0, y0] = view.toPixel(box[0], box[3]);
    const [x1, y1] = view.toPixel(box[1], box[2]);
    context.drawImage(small, x0, y0, x1 - x0, y1 - y0);
  }

  drawEllipses(context, view) {
    const { frame, covariance, points, state } = this.scene;
    const { zones, scale } = state;
    this.say("zones", "");
    if (zones === "none" || zones === "pointer") return;
    const { us, vs, labels } = points;
    const pixels = view.pixelsPerUnit * scale;
    const fills = classColours(frame, zones === "all" ? 0.1 : 0.14);
    const strokes = classColours(frame, zones === "all" ? 0.42 : 0.5);
    context.lineWidth = 0.8;
    for (const i of this.zoned(view)) {
      const { major, minor, angle } = ellipse(covariance(i));
      const [x, y] = view.toPixel(us[i], vs[i]);
      context.beginPath();
      context.ellipse(x, y, major * pixels, Math.max(0.4, minor * pixels), -angle, 0, 2 * Math.PI);
      context.fillStyle = fills[labels[i]];
      context.fill();
      context.strokeStyle = strokes[labels[i]];
      context.stroke();
    }
  }

  // The points whose zones are drawn, in their own order: all that are asked for, or an even sample of those in view.
  zoned(view) {
    const { points: { us, labels }, index, state: { zones, hidden } } = this.scene;
    const asked = (i) => (zones === "all" || labels[i] === Number(zones)) && !hidden.includes(labels[i]);
    if (us.length <= MOST) return Array.from(us.keys()).filter(asked);
    const found = [];
    const wider = ([low, high]) => [low - BESIDE * (high - low), high + BESIDE * (high - low)];
    index.spans(wider(view.x), wider(view.y), (from, to) => {
      for (let place = from; place < to; place++) if (asked(index.order[place])) found.push(index.order[place]);
    });
    const stride = Math.ceil(found.length / MOST);
    if (stride > 1) this.say("zones", `zones of one in ${stride} points in view`);
    return found.sort((a, b) => a - b).filter((_, n) => n % stride === 0);
  }
}

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

const classColours = ({ meta: { classes } }, alpha) => classes.map((_, c) => faded(classColour(c, classes.length), alpha));
