// What every latent dimension carries: its rate as a bar. Active ones are filled, the others only outlined.

import { subscript } from "../math/projection.js";
import { Plot, prepareCanvas, widthOf } from "../plot/chart.js";
import { faded, theme } from "../plot/palette.js";

const MARGIN = { left: 34, right: 4, top: 22, bottom: 24 };
const LINE = 16; // px: how much further down what has no room beside the title stands
const APART = 12; // px
const BOLD = "600 12.5px";

export class Rates {
  constructor(canvas) {
    this.canvas = canvas;
    this.hover = null;
    canvas.addEventListener("pointermove", (event) => this.point(event.offsetX));
    canvas.addEventListener("pointerleave", () => this.point(null));
  }

  // Rates in nats (k), whether each dimension is active (k), and the posterior's mean sigma (k).
  show({ probe_rate_per_dim: rates, active, mean_sigma_per_dim: sigmas }) {
    this.rates = rates;
    this.active = active;
    this.sigmas = sigmas;
    this.draw();
  }

  clear() {
    this.rates = null;
    prepareCanvas(this.canvas);
  }

  point(x) {
    this.hover = x;
    if (this.rates) this.draw();
  }

  draw() {
    const { context, width, height } = prepareCanvas(this.canvas);
    if (width < 60 || height < 80) return;
    const colours = theme(this.canvas);
    const k = this.rates.length;
    const most = Math.max(...this.rates, 0.05) * 1.1;
    const title = "rate, nats";
    const count = `${this.active.filter(Boolean).length} of ${k} active`;
    const down = widthOf(context, colours, title, BOLD) + APART + widthOf(context, colours, count) > width ? LINE : 0;
    const top = MARGIN.top + down;
    const box = {
      left: MARGIN.left,
      top,
      width: width - MARGIN.left - MARGIN.right,
      height: height - top - MARGIN.bottom,
    };
    const plot = new Plot(context, box, { x: [0, k], y: [0, most] }, colours);
    plot.axes({ xCount: 0, yCount: 4 });
    plot.label(title, 2, 9, { font: BOLD });
    plot.label(count, down ? 2 : width - 2, 9 + down, { align: down ? "left" : "right" });
    const wide = Math.min(46, (box.width / k) * 0.72);
    for (let d = 0; d < k; d++) {
      const middle = plot.x(d + 0.5);
      const high = plot.y(this.rates[d]);
      context.fillStyle = faded(colours.accent, this.active[d] ? 0.75 : 0.06);
      context.strokeStyle = faded(this.active[d] ? colours.accent : colours.text, this.active[d] ? 1 : 0.45);
      context.lineWidth = 1;
      context.fillRect(middle - wide / 2, high, wide, box.top + box.height - high);
      context.strokeRect(middle - wide / 2, high, wide, box.top + box.height - high);
      if (k <= 10 || d % Math.ceil(k / 8) === 0)
        plot.label(subscript("z", d + 1), middle, box.top + box.height + 12, {
          align: "center",
          colour: faded(colours.text, 0.75),
        });
    }
    this.drawHover(plot, k);
  }

  drawHover(plot, k) {
    const d = this.hover === null ? -1 : Math.floor(plot.at(this.hover));
    if (d < 0 || d >= k) return;
    const text = `${subscript("z", d + 1)}: ${this.rates[d].toFixed(2)} nats, mean σ ${this.sigmas[d].toFixed(2)}`;
    plot.label(text, plot.box.left + plot.box.width, plot.box.top + 9, { align: "right" });
  }
}
