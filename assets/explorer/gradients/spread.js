// Dot plot of gradient estimates, one row per estimator, around the exact gradient.

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { Estimator } from "./estimators.js" */

import { CanvasChart } from "../plot/canvas-chart.js";
import { Plot } from "../plot/chart.js";
import { faded, readable, THEORY } from "../plot/palette.js";

const MARGIN = { left: 12, right: 12, top: 28, bottom: 26 };
const REACH = 3; // standard deviations of the noisiest that fit in

/** @typedef {{ title: string, rows: (Estimator & { values: Float64Array })[], exact: number }} SpreadData */

/** @extends {CanvasChart<SpreadData>} */
export class GradientSpread extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN, least: { width: 120, height: 100 } });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {SpreadData} data
   * @param {ChartFrame} frame
   */
  paint(context, { title, rows, exact }, { box, colours }) {
    /** @param {Float64Array} values */
    const deviation = (values) => Math.sqrt(values.reduce((sum, v) => sum + (v - exact) ** 2, 0) / values.length);
    const half = REACH * Math.max(0.1, ...rows.map(({ values }) => deviation(values)));
    const plot = new Plot(context, box, { x: [exact - half, exact + half], y: [0, rows.length] }, colours);
    plot.axes({ xName: "", yCount: 0, xCount: 6 });
    plot.title(title, { y: 11, font: "600 13px" });
    plot.clipped(() => {
      Object.assign(context, { strokeStyle: THEORY, lineWidth: 2.5 });
      plot.vertical(exact);
      rows.forEach(({ short: name, colour, values }, row) => {
        const middle = rows.length - row - 0.5;
        plot.dots(
          values.length,
          (i) => values[i],
          (i) => middle + 0.5 * (((i * 0.618) % 1) - 0.5),
          faded(colour, 0.65),
          2.6,
        );
        plot.label(name, box.left + 2, plot.y(middle), { colour: readable(colour, colours), font: "600 13px" });
      });
    });
  }
}
