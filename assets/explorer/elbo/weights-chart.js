// The importance-weighted bound over the number of draws, between the ELBO and ln p(x).

import { signed, whole } from "../core/format.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { line, Plot, TITLE } from "../plot/chart.js";
import { faded } from "../plot/palette.js";

/** @import { WeightsMeta } from "../data/evidence.js" */
/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { ElboColours } from "./colours.js" */

/** @typedef {Pick<WeightsMeta, "k" | "mean" | "standard_error" | "elbo"> & { logEvidence: number }} WeightsData */

const MARGIN = { left: 62, right: 14, top: 22, bottom: 26 };
const DECADES = [1, 10, 100, 1000];

/** @extends {CanvasChart<WeightsData, ElboColours>} */
export class WeightsChart extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {WeightsData} data
   * @param {ChartFrame<ElboColours>} frame
   */
  paint(context, { k, mean, standard_error: errors, elbo, logEvidence }, { box, colours }) {
    const most = k[k.length - 1];
    const ends = [...mean.map((m, i) => m - errors[i]), ...mean.map((m, i) => m + errors[i]), logEvidence];
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const air = 0.12 * (high - low) + 1e-3;
    const at = Math.log10;
    const plot = new Plot(context, box, { x: [-0.06, at(most) + 0.06], y: [low - air, high + air] }, colours);
    plot.axes({ xCount: 0, yCount: 5, yFormat: (v) => signed(v, v * 10 === Math.round(v * 10) ? 1 : 2) });
    Object.assign(context, { textAlign: "center", textBaseline: "top" });
    for (const value of DECADES) if (value <= most) context.fillText(whole(value), plot.x(at(value)), plot.bottom + 6);
    context.textAlign = "right";
    context.fillText("k", box.left + box.width * 0.93, plot.bottom + 6);
    plot.title("L_k, nats; bars: ± 1 standard error", { y: 10 });
    Object.assign(context, { strokeStyle: colours.text, lineWidth: 2 });
    plot.horizontal(logEvidence);
    plot.label("ln p(x)", box.left + 6, plot.y(logEvidence) + 11, { font: TITLE });
    Object.assign(context, { strokeStyle: colours.text, lineWidth: 1.6 });
    context.setLineDash([5, 4]);
    plot.horizontal(elbo);
    context.setLineDash([]);
    plot.label("ELBO", plot.right - 6, plot.y(elbo) - 10, { align: "right", font: TITLE });
    plot.path(
      k.length,
      (i) => at(k[i]),
      (i) => mean[i],
      faded(colours.posterior, 0.8),
      2,
    );
    Object.assign(context, { strokeStyle: colours.posterior, lineWidth: 1.6 });
    k.forEach((value, i) => {
      const x = plot.x(at(value));
      for (const end of [-1, 1])
        line(context, x - 3.5, plot.y(mean[i] + end * errors[i]), x + 3.5, plot.y(mean[i] + end * errors[i]));
      line(context, x, plot.y(mean[i] - errors[i]), x, plot.y(mean[i] + errors[i]));
    });
    plot.dots(
      k.length,
      (i) => at(k[i]),
      (i) => mean[i],
      colours.posterior,
      3,
    );
  }
}
