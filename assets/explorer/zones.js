// The canvas beneath the points: the density, the prior's rings, the buffer zones of a class or of all points.

import { aggregateLine, aggregatePosterior, densityImage } from "./density.js";
import { classColour, faded, rgb, theme } from "./palette.js";
import { ellipse } from "./projection.js";
import { measure } from "./timing.js";
import { extent } from "./view.js";

export const RINGS = [1, 2, 3]; // radii in σ of the prior
export const MARKER_OPACITY = 0.8;
const SETTLED = 140; // ms without a change of view after which zones are drawn afresh
const QUICK = 6; // ms that a drawing may take to be made anew in every frame
const DENSITY_REACH = 4.5; // the density covers at least this many prior sigmas
const STRIP = [-0.5, 0.5]; // where the points of a one-dimensional space lie, across it

// Points are drawn smaller where there are many, or little room.
export const markerSize = (n, width) => (n > 2000 ? 4.5 : 7) * (width < 600 ? 0.7 : 1);

export class Zones {
  constructor(canvas) {
    this.canvas = canvas;
    this.root = canvas.parentElement;
  }

  // Another scene: { frame, projection, covariance(i), points, state }. With `withPoints`, the points are drawn here too.
  show(scene, withPoints) {
    this.scene = scene;
    this.withPoints = withPoints;
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
    if (density !== "off") this.drawDensity(context, view, colours);
    drawRings(context, view, colours, this.scene.projection.isLine);
    this.drawEllipses(context, view);
    if (this.withPoints) this.drawPoints(context, view);
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
    const visible = (i) => !state.hidden.includes(labels[i]);
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
    const { zones, scale, hidden } = state;
    if (zones === "none" || zones === "pointer") return;
    const { us, vs, labels } = points;
    const only = zones === "all" ? -1 : Number(zones);
    const pixels = view.pixelsPerUnit * scale;
    const fills = classColours(frame, only < 0 ? 0.1 : 0.14);
    const strokes = classColours(frame, only < 0 ? 0.42 : 0.5);
    context.lineWidth = 0.8;
    for (let i = 0; i < us.length; i++) {
      if ((only >= 0 && labels[i] !== only) || hidden.includes(labels[i])) continue;
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

  // The points, until Plotly draws them.
  drawPoints(context, view) {
    const { frame, points, state } = this.scene;
    const { us, vs, labels } = points;
    const size = markerSize(us.length, this.root.clientWidth);
    const colours = classColours(frame, MARKER_OPACITY);
    for (let i = 0; i < us.length; i++) {
      if (state.hidden.includes(labels[i])) continue;
      const [x, y] = view.toPixel(us[i], vs[i]);
      context.fillStyle = colours[labels[i]];
      context.fillRect(x - size / 2, y - size / 2, size, size);
    }
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
