// Dot plot of gradient estimates, one row per estimator, around the exact gradient.

/** @import { Estimator } from "./estimators.js" */

import { line, Plot, prepareCanvas } from "../plot/chart.js";
import { faded, readable, THEORY, theme } from "../plot/palette.js";

const MARGIN = { left: 12, right: 12, top: 28, bottom: 26 };
const REACH = 3; // standard deviations of the noisiest that fit in

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} title
 * @param {(Estimator & { values: Float64Array })[]} rows
 * @param {number} exact
 */
export function drawSpread(canvas, title, rows, exact) {
  const { context, width, height } = prepareCanvas(canvas);
  if (width < 120 || height < 100) return;
  const colours = theme(canvas);
  /** @param {Float64Array} values */
  const deviation = (values) => Math.sqrt(values.reduce((sum, v) => sum + (v - exact) ** 2, 0) / values.length);
  const half = REACH * Math.max(0.1, ...rows.map(({ values }) => deviation(values)));
  const box = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  };
  const plot = new Plot(context, box, { x: [exact - half, exact + half], y: [0, rows.length] }, colours);
  plot.axes({ xName: "", yCount: 0, xCount: 6 });
  plot.label(title, 4, 11, { font: "600 13px" });
  plot.clipped(() => {
    Object.assign(context, { strokeStyle: THEORY, lineWidth: 2.5 });
    line(context, plot.x(exact), box.top, plot.x(exact), box.top + box.height);
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
