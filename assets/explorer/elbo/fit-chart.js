// The ELBO at every step of the optimisation of q, below ln p(x).

import { signed } from "../core/format.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { Plot, range, TITLE } from "../plot/chart.js";
import { faded } from "../plot/palette.js";

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { ElboColours } from "./colours.js" */

/** What the chart shows; `step` is the marked one. @typedef {{ elbos: number[], logEvidence: number, step: number }} FitData */

const MARGIN = { left: 62, right: 12, top: 18, bottom: 24 };

/** @extends {CanvasChart<FitData, ElboColours>} */
export class FitChart extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {FitData} data
   * @param {ChartFrame<ElboColours>} frame
   */
  paint(context, { elbos, logEvidence, step }, { box, colours }) {
    const plot = new Plot(
      context,
      box,
      { x: [0, Math.max(1, elbos.length - 1)], y: fitted([...elbos, logEvidence]) },
      colours,
    );
    plot.axes({ xName: "step", yCount: 4, yFormat: (v) => signed(v, v * 10 === Math.round(v * 10) ? 1 : 2) });
    plot.title("ELBO, nats", { y: 8 });
    Object.assign(context, { strokeStyle: colours.text, lineWidth: 2 });
    plot.horizontal(logEvidence);
    plot.label("ln p(x)", plot.right - 4, plot.y(logEvidence) - 9, { align: "right", font: TITLE });
    plot.path(
      elbos.length,
      (i) => i,
      (i) => elbos[i],
      colours.q,
      2.2,
    );
    plot.dots(
      elbos.length,
      (i) => i,
      (i) => elbos[i],
      faded(colours.q, 0.9),
      2.6,
    );
    plot.dot(step, elbos[step], colours.text, 5);
  }
}

/**
 * A range with room for all values; where they differ little, it is not much wider than they are.
 * @param {number[]} values
 * @returns {[number, number]}
 */
function fitted(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return high - low > 0.5 ? range(values, 0.14) : [low - 0.15 * (high - low) - 1e-3, high + 0.2 * (high - low) + 1e-3];
}
