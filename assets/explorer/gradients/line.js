// The plane's twin for one dimension: the densities of target and q over the line, and beneath them the gradients' arrows.

import { View } from "../map/view.js";
import { Plot, prepareCanvas } from "../plot/chart.js";
import { faded, THEORY, theme } from "../plot/palette.js";
import { arrow, fan } from "./arrows.js";
import { Gaussian } from "./gaussian.js";
import { Plane } from "./plane.js";

const MARGIN = { left: 46, right: 8, top: 10, bottom: 26 };
const BENEATH = 0.36; // share of the height that belongs to the arrows
const NARROWEST = 0.008; // of half the picture's width

export class Line extends Plane {
  paint(scene) {
    this.q = scene.q;
    if (!this.target) return;
    this.colours = theme(this.root);
    prepareCanvas(this.ground);
    const { context, width, height } = prepareCanvas(this.motion);
    const [w, h] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
    if (w < 40 || h < 60) return;
    const density = (z) => Math.exp(this.target.f([z]) - this.logTotal);
    const highest = Math.max(Math.exp(this.peak - this.logTotal), 1 / (scene.q.scale(0) * Math.sqrt(2 * Math.PI)), 0.3);
    const x = [this.middle[0] - this.half, this.middle[0] + this.half];
    const box = { left: MARGIN.left, top: MARGIN.top, width: w, height: h };
    const y = [(-BENEATH / (1 - BENEATH)) * 1.1 * highest, 1.1 * highest];
    this.view = new View({ x, y }, box);
    const plot = new Plot(context, box, { x, y }, this.colours);
    plot.axes({ xName: "z", yFormat: (v) => (v < 0 ? "" : String(v)) });
    plot.clipped(() => {
      this.curve(plot, density, this.colours.text, 0.16);
      this.curve(plot, (z) => Math.exp(scene.q.logDensity([z])), this.colours.accent, 0.1);
      plot.path(
        2,
        (i) => x[i],
        () => 0,
        faded(this.colours.text, 0.5),
        1,
      );
      if (scene.draws) this.paintDraws(context, scene.draws, scene.colour);
      if (scene.gradients) this.paintArrows(plot, scene);
      this.paintHandles(context, scene.q);
    });
  }

  curve(plot, density, colour, fill) {
    const { context, xRange, box } = plot;
    const steps = Math.round(box.width / 2);
    const at = (i) => xRange[0] + (i / steps) * (xRange[1] - xRange[0]);
    const heights = Float64Array.from({ length: steps + 1 }, (_, i) => density(at(i)));
    plot.path(steps + 1, at, (i) => heights[i], colour, 2.2);
    context.lineTo(plot.x(xRange[1]), plot.y(0));
    context.lineTo(plot.x(xRange[0]), plot.y(0));
    context.fillStyle = faded(colour, fill);
    context.fill();
  }

  paintDraws(context, draws, colour) {
    context.fillStyle = faded(colour, 0.8);
    for (const z of draws) {
      const [x, y] = this.view.toPixel(z, 0);
      context.fillRect(x - 0.8, y - 4, 1.6, 8);
    }
  }

  // One under the other, from where mu is; the exact gradient and the mean above them.
  paintArrows({ context, box }, { q, colour, gradients: { rows, mean, exact, shown, unit } }) {
    const [x, zero] = this.view.toPixel(q.mu[0], 0);
    const room = box.top + box.height - zero;
    const first = zero + 0.34 * room;
    for (let s = 0; s < shown && rows; s++)
      fan(
        context,
        x,
        first + ((s + 0.5) / shown) * 0.64 * room,
        [unit * rows[s * q.size], 0],
        faded(colour, shown > 40 ? 0.5 : 0.8),
      );
    const { background } = this.colours;
    arrow(context, x, zero + 0.12 * room, unit * exact[0], 0, THEORY, background, 5);
    if (rows) arrow(context, x, zero + 0.24 * room, unit * mean[0], 0, colour, background, 4);
  }

  handles(q) {
    const height = Math.exp(q.logDensity([q.mu[0] + q.scale(0)]));
    return [this.view.toPixel(q.mu[0], 0), this.view.toPixel(q.mu[0] + q.scale(0), height)];
  }

  handleAt(event) {
    if (!this.view || !this.q) return null;
    const [px, py] = this.at(event);
    const [[mx], [sx, sy]] = this.handles(this.q);
    if (Math.hypot(sx - px, sy - py) < 22) return { part: 1 };
    return Math.abs(px - mx) < Math.abs(sx - mx) ? { part: 0 } : null;
  }

  moved(part, z, offset) {
    const next = new Gaussian(this.q.mu, this.q.tril, this.q.full);
    if (part === 0) next.mu[0] = z[0] - offset[0];
    else next.tril[0] = Math.max(NARROWEST * this.half, z[0] - this.q.mu[0]);
    return next;
  }
}
