// A bar chart of the rate of every latent dimension. The bars of active dimensions are filled, the others only outlined.

import { subscript } from "../math/projection.js";
import { boxWithin, CanvasChart } from "../plot/canvas-chart.js";
import { Plot, TITLE, widthOf } from "../plot/chart.js";
import { faded } from "../plot/palette.js";

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { SnapshotMeta } from "./protocol.js" */

const MARGIN = { left: 34, right: 4, top: 22, bottom: 24 };
const LINE = 16; // px from the title to the line below it, which the count takes where the title leaves no room
const APART = 12; // px between the title and the count

/** @extends {CanvasChart<SnapshotMeta>} */
export class Rates extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN, least: { width: 60, height: 80 }, hovers: true });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {SnapshotMeta} meta
   * @param {ChartFrame} frame
   */
  paint(context, meta, { width, height, colours }) {
    const { probe_rate_per_dim: rates, active } = meta;
    const k = rates.length;
    const most = Math.max(...rates, 0.05) * 1.1;
    const title = "rate, nats";
    const count = `${active.filter(Boolean).length} of ${k} active`;
    const down = widthOf(context, colours, title, TITLE) + APART + widthOf(context, colours, count) > width ? LINE : 0;
    const box = boxWithin({ width, height }, { ...MARGIN, top: MARGIN.top + down });
    const plot = new Plot(context, box, { x: [0, k], y: [0, most] }, colours);
    plot.axes({ xCount: 0, yCount: 4 });
    plot.label(title, 2, 9, { font: TITLE });
    plot.label(count, down ? 2 : width - 2, 9 + down, { align: down ? "left" : "right" });
    const wide = Math.min(46, (box.width / k) * 0.72);
    for (let d = 0; d < k; d++) {
      const middle = plot.x(d + 0.5);
      const high = plot.y(rates[d]);
      context.fillStyle = faded(colours.accent, active[d] ? 0.75 : 0.06);
      context.strokeStyle = faded(active[d] ? colours.accent : colours.text, active[d] ? 1 : 0.45);
      context.lineWidth = 1;
      context.fillRect(middle - wide / 2, high, wide, plot.bottom - high);
      context.strokeRect(middle - wide / 2, high, wide, plot.bottom - high);
      if (k <= 10 || d % Math.ceil(k / 8) === 0)
        plot.label(subscript("z", d + 1), middle, plot.bottom + 12, {
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
    const d = this.hover ? Math.floor(plot.at(this.hover[0])) : -1;
    if (d < 0 || d >= rates.length) return;
    const text = `${subscript("z", d + 1)}: ${rates[d].toFixed(2)} nats, mean σ ${sigmas[d].toFixed(2)}`;
    plot.label(text, plot.right, plot.box.top + 9, { align: "right" });
  }
}
