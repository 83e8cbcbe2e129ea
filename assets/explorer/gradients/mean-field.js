// Chart over rho of the variance of a fitted diagonal q: too small with reverse KL, right with forward KL; and the current
// variances of both fits.

/** @import { ChartFrame } from "../plot/canvas-chart.js" */

import { CanvasChart } from "../plot/canvas-chart.js";
import { Plot } from "../plot/chart.js";
import { faded, readable, THEORY } from "../plot/palette.js";

const MARGIN = { left: 38, right: 14, top: 26, bottom: 26 };

/**
 * What the chart shows; `variance` is the current variance of z₁ under each q.
 * @typedef {{ rho: number, variance: { forward: number, reverse: number } }} MeanFieldData
 */

/** @extends {CanvasChart<MeanFieldData>} */
export class MeanFieldChart extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN, least: { width: 100, height: 80 } });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {MeanFieldData} data
   * @param {ChartFrame} frame
   */
  paint(context, { rho, variance }, { box, colours }) {
    const highest = Math.max(1.15, 1.08 * variance.forward, 1.08 * variance.reverse);
    const plot = new Plot(context, box, { x: [-1, 1], y: [0, highest] }, colours);
    plot.axes({ xName: "ρ", xCount: 4, yCount: 4 });
    plot.title("variance of z₁ under q", { y: 11, font: "600 13px" });
    plot.clipped(() => {
      plot.path(
        2,
        (i) => 2 * i - 1,
        () => 1,
        faded(colours.text, 0.6),
        2,
      );
      plot.path(
        101,
        (i) => -1 + i / 50,
        (i) => 1 - (-1 + i / 50) ** 2,
        faded(THEORY, 0.8),
        5,
      );
      for (const name of /** @type {const} */ (["forward", "reverse"])) {
        plot.dot(rho, variance[name], colours.background, 8);
        plot.dot(rho, variance[name], colours.accent, 6);
        const right = rho < 0;
        plot.label(name, plot.x(rho) + (right ? 12 : -12), plot.y(variance[name]) + (name === "forward" ? -11 : 12), {
          align: right ? "left" : "right",
          font: "600 13px",
        });
      }
    });
    plot.label("1 − ρ²", plot.x(0), plot.y(1) + 18, {
      align: "center",
      colour: readable(THEORY, colours),
      font: "600 13px",
    });
  }
}
