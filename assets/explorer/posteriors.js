// Points and buffer zones of a map in motion, drawn anew in every frame of the display.

import { classColour, faded } from "./palette.js";

const AREA = 2.5e6; // pixels of zones that are filled in one frame; where there is more, outlines alone say it
const FILL = 0.1;
const LINE = 0.4;
const LEAST = 0.4; // px: what a zone's smaller half-axis is drawn with at least

export class Posteriors {
  // Labels of the points and the number of classes; the points of a class are drawn one after the other.
  constructor(labels, classes) {
    this.labels = labels;
    this.classes = classes;
    this.order = Int32Array.from(labels.keys()).sort((a, b) => labels[a] - labels[b] || a - b);
    this.dots = new Map();
  }

  draw(context, view, morph, { zones, hidden, size }) {
    if (zones === "all") this.drawZones(context, view, morph, hidden);
    this.drawPoints(context, view, morph, hidden, size);
  }

  drawZones(context, view, morph, hidden) {
    const { shown } = morph;
    const [us, vs, uu, uv, vv] = shown;
    const pixels = view.pixelsPerUnit;
    let area = 0;
    for (let i = 0; i < morph.count; i++) {
      const determinant = uu[i] * vv[i] - uv[i] * uv[i];
      area += Math.PI * Math.sqrt(Math.max(0, determinant)) * pixels * pixels;
    }
    const fill = FILL * Math.min(1, Math.max(0, 2 - area / AREA)); // fades out, so that nothing pops
    let label = -1;
    context.lineWidth = 0.8;
    for (const i of this.order) {
      if (hidden.includes(this.labels[i])) continue;
      if (this.labels[i] !== label) {
        label = this.labels[i];
        const colour = classColour(label, this.classes);
        context.fillStyle = faded(colour, fill);
        context.strokeStyle = faded(colour, LINE);
      }
      const [x, y] = view.toPixel(us[i], vs[i]);
      const middle = (uu[i] + vv[i]) / 2;
      const half = Math.hypot((uu[i] - vv[i]) / 2, uv[i]);
      const major = Math.sqrt(middle + half) * pixels;
      const minor = Math.sqrt(Math.max(0, middle - half)) * pixels;
      if (x + major < view.left || x - major > view.left + view.width || y + major < view.top || y - major > view.top + view.height) continue;
      context.beginPath();
      context.ellipse(x, y, Math.max(LEAST, major), Math.max(LEAST, minor), -0.5 * Math.atan2(2 * uv[i], uu[i] - vv[i]), 0, 2 * Math.PI);
      if (fill > 0) context.fill();
      context.stroke();
    }
  }

  drawPoints(context, view, morph, hidden, size) {
    const { us, vs } = morph;
    const side = Math.ceil(size) + 2;
    for (const i of this.order) {
      const label = this.labels[i];
      if (hidden.includes(label)) continue;
      const [x, y] = view.toPixel(us[i], vs[i]);
      context.drawImage(this.dot(label, size, context), x - side / 2, y - side / 2, side, side);
    }
  }

  // A disc of the class's colour as a picture: stamped faster than drawn.
  dot(label, size, context) {
    const ratio = context.getTransform().a;
    const key = `${label} ${size} ${ratio}`;
    if (!this.dots.has(key)) {
      const side = Math.ceil(size) + 2;
      const canvas = new OffscreenCanvas(Math.ceil(side * ratio), Math.ceil(side * ratio));
      const brush = canvas.getContext("2d");
      brush.scale(canvas.width / side, canvas.height / side);
      brush.fillStyle = faded(classColour(label, this.classes), 0.9);
      brush.beginPath();
      brush.arc(side / 2, side / 2, size / 2, 0, 2 * Math.PI);
      brush.fill();
      this.dots.set(key, canvas);
    }
    return this.dots.get(key);
  }
}
