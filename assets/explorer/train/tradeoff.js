// The path of a run through the plane of rate and distortion. The elbo is the same along every line on which their sum is
// the same.

import { short, signed } from "../core/format.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { disc, line, Plot, range, settled, spaced } from "../plot/chart.js";
import { faded } from "../plot/palette.js";
import { ticks } from "../plot/ticks.js";
import { smoothed } from "./history.js";

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { Box } from "../plot/chart.js" */
/** @import { ChartRun } from "./curves.js" */
/** @import { Pass } from "./history.js" */

const MARGIN = { left: 46, right: 8, top: 22, bottom: 24 };
const SPAN = 0.025; // share of the run that is smoothed over

/** @typedef {{ images: number, rate: number, distortion: number, beta: number }} TracePoint */

/** @extends {CanvasChart<ChartRun[]>} the steered run first */
export class Tradeoff extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN, least: { width: 80, height: 80 }, hovers: true });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ChartRun[]} runs
   * @param {ChartFrame} frame
   */
  paint(context, runs, { width, box, colours }) {
    const traces = runs.map(({ history }) => history.passes.map((pass) => trace(pass)));
    const all = traces.flat().flatMap(settled);
    if (!all.length) return;
    const x = range(all.map((point) => point.rate));
    const y = range(all.map((point) => point.distortion));
    const plot = new Plot(context, box, { x: [Math.max(0, x[0]), x[1]], y }, colours);
    plot.axes({ xName: "rate, nats", xCount: width > 260 ? 5 : 3, yCount: 4 });
    plot.title("distortion, nats");
    plot.clipped(() => drawBounds(plot));
    traces.forEach((passes, r) => {
      this.drawTraces(plot, passes, r);
    });
    this.drawHover(plot, newestOf(traces[0]));
  }

  /**
   * The passes of run r: the present one in its colour, the earlier ones faint; with the last point under each beta.
   * @param {Plot} plot
   * @param {TracePoint[][]} passes
   * @param {number} r
   */
  drawTraces(plot, passes, r) {
    const { accent, text } = plot.colours;
    const colour = r === 0 ? accent : text;
    plot.clipped(() => {
      for (const points of passes.slice(0, -1)) along(plot, points, faded(text, 0.28));
      along(plot, newestOf(passes), faded(colour, 0.9));
    });
    const points = newestOf(passes);
    const newest = points.at(-1);
    if (!newest) return;
    for (const point of changesOfBeta(points)) {
      const [px, py] = [plot.x(point.rate), plot.y(point.distortion)];
      if (!inside(plot.box, px, py)) continue;
      plot.dot(point.rate, point.distortion, colour, 2.5);
      if (Math.hypot(px - plot.x(newest.rate), py - plot.y(newest.distortion)) < 36) continue; // the newest point has a label of its own
      const left = hasRoom(plot, px);
      plot.label(`β ${short(point.beta)}`, px + (left ? 6 : -6), py - 8, {
        align: left ? "left" : "right",
        font: "11px",
      });
    }
    const { context, colours } = plot;
    const [px, py] = [plot.x(newest.rate), plot.y(newest.distortion)];
    if (!inside(plot.box, px, py)) return;
    disc(context, px, py, 5.5, colour, colours.background);
    const left = hasRoom(plot, px);
    plot.label(`β ${short(newest.beta)}`, px + (left ? 10 : -10), py, {
      align: left ? "left" : "right",
      font: "600 12px",
      colour,
    });
  }

  /**
   * The point nearest to the pointer, and its numbers.
   * @param {Plot} plot
   * @param {TracePoint[]} points
   */
  drawHover(plot, points) {
    if (!this.hover || !points.length) return;
    const [hx, hy] = this.hover;
    const away = (/** @type {TracePoint} */ point) =>
      Math.hypot(plot.x(point.rate) - hx, plot.y(point.distortion) - hy);
    const nearest = points.reduce((best, point) => (away(point) < away(best) ? point : best));
    if (away(nearest) > 40) return;
    plot.dot(nearest.rate, nearest.distortion, plot.colours.text, 3.5);
    const text = `rate ${nearest.rate.toFixed(1)}, distortion ${nearest.distortion.toFixed(1)}, β ${short(nearest.beta)}`;
    plot.label(text, plot.right, plot.box.top + 9, { align: "right" });
  }
}

/**
 * A pass, smoothed.
 * @param {Pass} pass
 * @returns {TracePoint[]}
 */
function trace({ train }) {
  const rates = smoothed(train, "rate", SPAN);
  const distortions = smoothed(train, "distortion", SPAN);
  return train.map(({ images, beta }, i) => ({ images, rate: rates[i], distortion: distortions[i], beta }));
}

/** @param {TracePoint[][]} passes at least one */
const newestOf = (passes) => passes[passes.length - 1];

/**
 * @param {Plot} plot
 * @param {TracePoint[]} points
 * @param {string} colour
 */
const along = (plot, points, colour) =>
  plot.path(
    points.length,
    (i) => points[i].rate,
    (i) => points[i].distortion,
    colour,
    1.9,
  );

/**
 * @param {Box} box
 * @param {number} x
 * @param {number} y
 */
const inside = ({ left, top, width, height }, x, y) => x >= left && x <= left + width && y >= top && y <= top + height;

/**
 * Whether a label fits in to the right of x.
 * @param {Plot} plot
 * @param {number} x
 */
const hasRoom = ({ right }, x) => x < right - 70;

/**
 * The last point under every beta but the present one, without those that were in use for few points only.
 * @param {TracePoint[]} points
 */
function changesOfBeta(points) {
  const ends = points
    .map((point, i) => ({ ...point, i }))
    .filter(({ i, beta }) => i < points.length - 1 && points[i + 1].beta !== beta);
  return spaced(ends, ({ i }) => i, 6);
}

/**
 * Lines of equal elbo.
 * @param {Plot} plot
 */
function drawBounds(plot) {
  const { context, box, colours, xRange, yRange } = plot;
  const totals = ticks(xRange[0] + yRange[0], xRange[1] + yRange[1], 6);
  for (const total of totals) {
    context.lineWidth = 1;
    context.strokeStyle = faded(colours.text, 0.2);
    context.setLineDash([4, 4]);
    line(context, plot.x(xRange[0]), plot.y(total - xRange[0]), plot.x(xRange[1]), plot.y(total - xRange[1]));
    context.setLineDash([]);
    const y = plot.y(total - xRange[0]);
    if (y > box.top + 8 && y < plot.bottom - 6)
      plot.label(`elbo ${signed(-total, Number.isInteger(total) ? 0 : 1)}`, box.left + 4, y + 9, {
        colour: faded(colours.text, 0.62),
        font: "11px",
      });
  }
}
