// A bar chart of the rate of every latent dimension. The bars of active dimensions are filled, the others only outlined.

import { subscript } from "../math/projection.js";
import { Plot, prepareCanvas, widthOf } from "../plot/chart.js";
import { faded, theme } from "../plot/palette.js";

/** @import { SnapshotMeta } from "./protocol.js" */

const MARGIN = { left: 34, right: 4, top: 22, bottom: 24 };
const LINE = 16; // px from the title to the line below it, which the count takes where the title leaves no room
const APART = 12; // px between the title and the count
const BOLD = "600 12.5px";

export class Rates {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {number | null} px from the left */
    this.hover = null;
    /** @type {SnapshotMeta | null} */
    this.meta = null;
    canvas.addEventListener("pointermove", (event) => this.point(event.offsetX));
    canvas.addEventListener("pointerleave", () => this.point(null));
  }

  /** @param {SnapshotMeta} meta */
  show(meta) {
    this.meta = meta;
    this.draw(meta);
  }

  clear() {
    this.meta = null;
    prepareCanvas(this.canvas);
  }

  /** @param {number | null} x */
  point(x) {
    this.hover = x;
    if (this.meta) this.draw(this.meta);
  }

  /** @param {SnapshotMeta} meta */
  draw(meta) {
    const { probe_rate_per_dim: rates, active } = meta;
    const { context, width, height } = prepareCanvas(this.canvas);
    if (width < 60 || height < 80) return;
    const colours = theme(this.canvas);
    const k = rates.length;
    const most = Math.max(...rates, 0.05) * 1.1;
    const title = "rate, nats";
    const count = `${active.filter(Boolean).length} of ${k} active`;
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
      const high = plot.y(rates[d]);
      context.fillStyle = faded(colours.accent, active[d] ? 0.75 : 0.06);
      context.strokeStyle = faded(active[d] ? colours.accent : colours.text, active[d] ? 1 : 0.45);
      context.lineWidth = 1;
      context.fillRect(middle - wide / 2, high, wide, box.top + box.height - high);
      context.strokeRect(middle - wide / 2, high, wide, box.top + box.height - high);
      if (k <= 10 || d % Math.ceil(k / 8) === 0)
        plot.label(subscript("z", d + 1), middle, box.top + box.height + 12, {
          align: "center",
          colour: faded(colours.text, 0.75),
        });
    }
    this.drawHover(plot, meta);
  }

  /**
   * The numbers of the dimension under the pointer.
   * @param {Plot} plot
   * @param {SnapshotMeta} meta
   */
  drawHover(plot, { probe_rate_per_dim: rates, mean_sigma_per_dim: sigmas }) {
    const d = this.hover === null ? -1 : Math.floor(plot.at(this.hover));
    if (d < 0 || d >= rates.length) return;
    const text = `${subscript("z", d + 1)}: ${rates[d].toFixed(2)} nats, mean σ ${sigmas[d].toFixed(2)}`;
    plot.label(text, plot.box.left + plot.box.width, plot.box.top + 9, { align: "right" });
  }
}
