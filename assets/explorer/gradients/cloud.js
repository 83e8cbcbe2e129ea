// Scatter plot of single gradients: with respect to the two sigmas of a 2-D q, or to mu and sigma of a 1-D one.

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { EstimatorName } from "./estimators.js" */
/** @import { Estimate } from "./fit.js" */
/** @import { Gaussian } from "./gaussian.js" */

import { CanvasChart } from "../plot/canvas-chart.js";
import { line, Plot, range } from "../plot/chart.js";
import { faded, THEORY } from "../plot/palette.js";
import { ESTIMATORS } from "./estimators.js";
import { place } from "./gaussian.js";

const MARGIN = { left: 42, right: 12, top: 26, bottom: 24 };

/**
 * What the plot shows; its ranges are the exact gradient ± 2 · `scale`, and 0.
 * @typedef {object} CloudData
 * @property {Gaussian} q
 * @property {Estimate} estimate
 * @property {number} shown how many of the single gradients are drawn
 * @property {EstimatorName} estimator
 * @property {number} scale typical length of a pathwise gradient
 */

/** @extends {CanvasChart<CloudData>} */
export class GradientCloud extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN, least: { width: 100, height: 80 } });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {CloudData} data
   * @param {ChartFrame} frame
   */
  paint(context, { q, estimate: { singles, gradient, exact }, shown, estimator, scale }, { box, colours }) {
    const { colour } = ESTIMATORS[estimator];
    const [across, up] = q.k === 1 ? [0, 1] : [place(q, 0, 0), place(q, 1, 1)];
    const [nameX, nameY] = q.k === 1 ? ["∂ μ", "∂ σ"] : q.full ? ["∂ L₁₁", "∂ L₂₂"] : ["∂ σ₁", "∂ σ₂"];
    /** @param {number} i */
    const around = (i) => range([exact[i] - 2 * scale, exact[i] + 2 * scale, 0], 0.05);
    const plot = new Plot(context, box, { x: around(across), y: around(up) }, colours);
    plot.axes({ xName: nameX, yCount: 5, xCount: 6 });
    plot.title(`gradients, nats per unit: ${nameY} over ${nameX}`, { y: 11, font: "600 13px" });
    plot.clipped(() => {
      Object.assign(context, { strokeStyle: faded(colours.text, 0.3), lineWidth: 1 });
      plot.vertical(0);
      plot.horizontal(0);
      if (singles)
        plot.dots(
          shown,
          (s) => singles[s * q.size + across],
          (s) => singles[s * q.size + up],
          faded(colour, 0.5),
          2.2,
        );
      cross(plot, exact[across], exact[up], THEORY, 10);
      if (singles) cross(plot, gradient[across], gradient[up], colour, 7);
    });
  }
}

/**
 * @param {Plot} plot
 * @param {number} u
 * @param {number} v
 * @param {string} colour
 * @param {number} size half its width, in pixels
 */
function cross(plot, u, v, colour, size) {
  const { context, colours } = plot;
  const [x, y] = [plot.x(u), plot.y(v)];
  /** @type {[style: string, width: number][]} */
  const layers = [
    [colours.background, 6],
    [colour, 3],
  ];
  for (const [style, width] of layers) {
    Object.assign(context, { strokeStyle: style, lineWidth: width });
    line(context, x - size, y, x + size, y);
    line(context, x, y - size, x, y + size);
  }
}
