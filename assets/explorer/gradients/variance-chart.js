// Chart of variances on two logarithmic axes: measured dots over the lines of their closed forms.

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { Estimator } from "./estimators.js" */

import { short } from "../core/format.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { Plot } from "../plot/chart.js";
import { faded, readable } from "../plot/palette.js";
import { ticks } from "../plot/ticks.js";

const MARGIN = { left: 54, right: 14, top: 30, bottom: 26 };
const STEPS = 6; // points of a closed form from one dot to the next

/**
 * An estimator's variances.
 * @typedef {Estimator & { closed: (x: number) => number, measured: number[] }} Series closed form and measured ones; NaN where
 *   there is none
 */

/** @typedef {{ title: string, xName: string, xs: number[], series: Series[] }} VarianceData */

/** @extends {CanvasChart<VarianceData>} */
export class VarianceChart extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN, least: { width: 140, height: 100 } });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {VarianceData} data
   * @param {ChartFrame} frame
   */
  paint(context, { title, xName, xs, series }, { width, box, colours }) {
    const values = series
      .flatMap(({ closed, measured }) => [...xs.map(closed), ...measured])
      .filter((v) => v > 0)
      .map(Math.log10);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const ends = [Math.log2(xs[0]), Math.log2(xs[xs.length - 1])];
    const air = 0.04 * (ends[1] - ends[0]);
    const plot = new Plot(context, box, { x: [ends[0] - air, ends[1] + air], y: [low - 0.25, high + 0.25] }, colours);
    plot.axes({
      xName,
      xFormat: (v) => (Number.isInteger(v) ? String(2 ** v) : ""),
      yFormat: (v) => short(10 ** v),
      xCount: Math.min(xs.length, width / 70),
      yAt: powers(low - 0.25, high + 0.25),
    });
    plot.title(title, { y: 12, font: "600 14px" });
    plot.clipped(() => {
      for (const { closed, measured, colour } of series) {
        const at = line(xs, closed);
        plot.path(
          at.length,
          (i) => Math.log2(at[i]),
          (i) => Math.log10(closed(at[i])),
          faded(colour, 0.75),
          2.2,
        );
        const known = xs.map((x, i) => [x, measured[i]]).filter(([, v]) => v > 0);
        plot.dots(
          known.length,
          (i) => Math.log2(known[i][0]),
          (i) => Math.log10(known[i][1]),
          colours.background,
          6.2,
        );
        plot.dots(
          known.length,
          (i) => Math.log2(known[i][0]),
          (i) => Math.log10(known[i][1]),
          colour,
          4.4,
        );
      }
    });
    nameSeries(plot, xs, series);
  }
}

/**
 * The x at which a closed form is drawn: only whole numbers of dimensions or draws, and only where it is defined.
 * @param {number[]} xs
 * @param {(x: number) => number} closed
 */
function line(xs, closed) {
  const all = xs.flatMap((x, i) =>
    i + 1 < xs.length ? Array.from({ length: STEPS }, (_, s) => Math.round(x * (xs[i + 1] / x) ** (s / STEPS))) : [x],
  );
  return [...new Set(all)].filter((x) => closed(x) > 0);
}

/**
 * Whole numbers in a range.
 * @param {number} low
 * @param {number} high
 */
const powers = (low, high) => ticks(low, high, 99).filter(Number.isInteger);

/**
 * Writes the names of the series into the free upper corner, in the order of the lines at the right end.
 * @param {Plot} plot
 * @param {number[]} xs
 * @param {Series[]} series
 */
function nameSeries(plot, xs, series) {
  const { box, colours } = plot;
  const last = xs[xs.length - 1];
  const order = [...series].sort((a, b) => b.closed(last) - a.closed(last));
  const falls = order[0].closed(last) < order[0].closed(xs[1]);
  order.forEach(({ short: name, colour }, i) => {
    const x = falls ? plot.right - 6 : box.left + 8;
    plot.label(name, x, box.top + 12 + 18 * i, {
      align: falls ? "right" : "left",
      colour: readable(colour, colours),
      font: "600 13px",
    });
  });
}
