// A chart of the density along a path through the latent space: ln q(z) of the aggregate posterior and ln p(z) of the
// prior, holes shaded, and below them the share of each class in q(z).

import { HOLE } from "../../math/holes.js";
import { CanvasChart } from "../../plot/canvas-chart.js";
import { Plot, range } from "../../plot/chart.js";
import { classColour, faded } from "../../plot/palette.js";

/** @import { MapFrame } from "../../data/frame.js" */
/** @import { ChartFrame } from "../../plot/canvas-chart.js" */

/**
 * The density at every step of a path: ln q(z) and ln p(z) in nats, and the share of each class in q(z).
 * @typedef {{ q: number[], p: number[], shares: Float64Array[] }} Along
 */

const SHARES = 26; // px, height of the class shares
const MARGIN = { left: 40, right: 4, top: 6, bottom: SHARES + 12 };
const DEEPEST = 8; // nats below the prior that are worth showing

/**
 * What the chart shows; `t` is the position of the lens on the path, in [0, 1].
 * @typedef {{ along: Along, classes: MapFrame["meta"]["classes"], t: number }} PathChartData
 */

/** @extends {CanvasChart<PathChartData>} */
export class PathChart extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {PathChartData} data
   * @param {ChartFrame} frame
   */
  paint(context, { along: { q, p, shares }, classes, t }, { height, box, colours }) {
    const last = q.length - 1;
    const floor = p.map((log, i) => Math.max(q[i], log - DEEPEST));
    const plot = new Plot(context, box, { x: [0, 1], y: range([...p, ...floor]) }, colours);
    plot.axes({ yCount: 3 });
    /** @param {number} i */
    const isHole = (i) => q[i] < p[i] + Math.log(HOLE);
    context.fillStyle = faded(colours.text, 0.16);
    for (let i = 0; i < last; i++)
      if (isHole(i) || isHole(i + 1)) context.fillRect(plot.x(i / last), box.top, box.width / last + 0.5, box.height);
    plot.path(
      last + 1,
      (i) => i / last,
      (i) => p[i],
      faded(colours.text, 0.55),
      1.4,
    );
    plot.clipped(() =>
      plot.path(
        last + 1,
        (i) => i / last,
        (i) => Math.max(q[i], p[i] - 2 * DEEPEST),
        colours.accent,
        2.2,
      ),
    );
    drawShares(plot, shares, classes.length, height - SHARES);
    plot.label("ln p(z)", box.left + 5, plot.y(p[0]) - 10, { colour: faded(colours.text, 0.75) });
    plot.label("ln q(z)", plot.right - 4, plot.y(floor[last]) + 12, {
      colour: colours.accent,
      align: "right",
    });
    context.strokeStyle = colours.text;
    context.lineWidth = 1.4;
    context.strokeRect(plot.x(t), box.top, 0, height - box.top);
  }
}

/**
 * The shares of the classes, one column a step.
 * @param {Plot} plot
 * @param {Float64Array[]} shares
 * @param {number} classes
 * @param {number} top px
 */
function drawShares(plot, shares, classes, top) {
  const { context } = plot;
  const last = shares.length - 1;
  shares.forEach((share, i) => {
    let y = top;
    const [x0, x1] = [-0.5, 0.5].map((half) => plot.x(Math.max(0, Math.min(1, (i + half) / last))));
    share.forEach((part, c) => {
      context.fillStyle = classColour(c, classes);
      context.fillRect(x0, y, x1 - x0 + 0.5, part * SHARES);
      y += part * SHARES;
    });
  });
}
