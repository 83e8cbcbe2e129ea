// Chart of the divergence over the steps of the current fit and of those before it, each in the colour of its estimator.

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { EstimatorName } from "./estimators.js" */

import { short } from "../core/format.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { Plot } from "../plot/chart.js";
import { faded, readable } from "../plot/palette.js";
import { ESTIMATORS } from "./estimators.js";

const MARGIN = { left: 46, right: 12, top: 26, bottom: 24 };
const LEAST = 1e-3; // nats: the axis goes no lower
const SHORTEST = 60; // steps

/**
 * One fit: its divergence in nats after every step.
 * @typedef {{ estimator: EstimatorName, values: number[] }} Run
 */

/**
 * What the chart shows: `runs`, of which the last one is the current one, and `floor`, the least divergence that a diagonal q
 * can have, in nats, where it is known.
 * @typedef {{ runs: Run[], floor: number | null }} CurveData
 */

/** @extends {CanvasChart<CurveData>} */
export class DivergenceCurve extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN, least: { width: 120, height: 80 } });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {CurveData} data
   * @param {ChartFrame} frame
   */
  paint(context, { runs, floor }, { box, colours }) {
    const all = runs.flatMap(({ values }) => values).filter(Number.isFinite);
    if (floor !== null && floor > 0) all.push(floor);
    /** @param {number} v */
    const log = (v) => Math.log10(Math.max(LEAST, v));
    const ends = [Math.min(-0.5, ...all.map(log)), Math.max(0.5, ...all.map(log))];
    /** @type {[number, number]} */
    const x = [0, Math.max(SHORTEST, ...runs.map(({ values }) => values.length - 1))];
    /** @type {[number, number]} */
    const y = [ends[0] - 0.08 * (ends[1] - ends[0]), ends[1] + 0.06 * (ends[1] - ends[0])];
    const plot = new Plot(context, box, { x, y }, colours);
    plot.axes({ xName: "step", yFormat: (v) => short(10 ** v), yAt: decades(...y) });
    plot.title("KL(q ‖ p), nats", { y: 11, font: "600 13px" });
    plot.clipped(() => {
      if (floor !== null && floor > 0) drawFloor(plot, log(floor), floor);
      runs.forEach(({ estimator, values }, i) => {
        const current = i === runs.length - 1;
        const { colour } = ESTIMATORS[estimator];
        plot.path(
          values.length,
          (s) => s,
          (s) => log(values[s]),
          faded(colour, current ? 1 : 0.45),
          current ? 2.2 : 1.4,
        );
        if (current && values.length) plot.dot(values.length - 1, log(values[values.length - 1]), colour, 4);
      });
    });
    drawKey(plot, runs);
  }
}

/**
 * The log₁₀ of 1, 2 and 5 times the powers of ten in a range of logarithms; of the powers alone where those are many.
 * @param {number} low
 * @param {number} high
 */
function decades(low, high) {
  const steps = high - low > 2.5 ? [1] : [1, 2, 5];
  const powers = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, i) => Math.floor(low) + i);
  return powers
    .flatMap((power) => steps.map((step) => power + Math.log10(step)))
    .filter((at) => at >= low && at <= high);
}

/**
 * @param {Plot} plot
 * @param {number} at its position on the logarithmic axis
 * @param {number} floor in nats
 */
function drawFloor(plot, at, floor) {
  const { context, colours } = plot;
  Object.assign(context, { strokeStyle: faded(colours.text, 0.6), lineWidth: 1.2 });
  context.setLineDash([5, 4]);
  plot.horizontal(at);
  context.setLineDash([]);
  plot.label(`the least of a diagonal q: ${short(floor)}`, plot.right - 4, plot.y(at) - 10, {
    align: "right",
    colour: faded(colours.text, 0.75),
  });
}

/**
 * @param {Plot} plot
 * @param {Run[]} runs
 */
function drawKey(plot, runs) {
  const names = [...new Set(runs.map(({ estimator }) => estimator))];
  let x = plot.right;
  for (const estimator of names.reverse()) {
    const { short: name, colour } = ESTIMATORS[estimator];
    x -= plot.label(name, x, 11, { align: "right", colour: readable(colour, plot.colours), font: "600 13px" }) + 14;
  }
}
