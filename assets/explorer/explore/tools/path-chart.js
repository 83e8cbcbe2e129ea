// A chart of the density along a path through the latent space: ln q(z) of the aggregate posterior and ln p(z) of the
// prior, holes shaded, and below them the share of each class in q(z).

import { HOLE } from "../../math/holes.js";
import { Plot, prepareCanvas, range } from "../../plot/chart.js";
import { classColour, faded, theme } from "../../plot/palette.js";

/** @import { MapFrame } from "../../data/frame.js" */

/**
 * The density at every step of a path: ln q(z) and ln p(z) in nats, and the share of each class in q(z).
 * @typedef {{ q: number[], p: number[], shares: Float64Array[] }} Along
 */

const LEFT = 40;
const TOP = 6;
const SHARES = 26; // px, height of the class shares
const DEEPEST = 8; // nats below the prior that are worth showing

export class PathChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
  }

  /**
   * @param {Along | null} along null while it is computed: the chart stays empty
   * @param {MapFrame["meta"]} meta
   * @param {number} t position of the lens on the path, in [0, 1]
   */
  draw(along, meta, t) {
    const { context, width, height } = prepareCanvas(this.canvas);
    if (!along || !width) return;
    const colours = theme(this.canvas);
    const { q, p, shares } = along;
    const last = q.length - 1;
    const box = { left: LEFT, top: TOP, width: width - LEFT - 4, height: height - TOP - SHARES - 12 };
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
    this.bands(context, plot, shares, meta, height - SHARES);
    plot.label("ln p(z)", box.left + 5, plot.y(p[0]) - 10, { colour: faded(colours.text, 0.75) });
    plot.label("ln q(z)", box.left + box.width - 4, plot.y(floor[last]) + 12, {
      colour: colours.accent,
      align: "right",
    });
    context.strokeStyle = colours.text;
    context.lineWidth = 1.4;
    context.strokeRect(plot.x(t), TOP, 0, height - TOP);
  }

  /**
   * The shares of the classes, one column a step.
   * @param {CanvasRenderingContext2D} context
   * @param {Plot} plot
   * @param {Float64Array[]} shares
   * @param {MapFrame["meta"]} meta
   * @param {number} top px
   */
  bands(context, plot, shares, { classes }, top) {
    const last = shares.length - 1;
    shares.forEach((share, i) => {
      let y = top;
      const [x0, x1] = [-0.5, 0.5].map((half) => plot.x(Math.max(0, Math.min(1, (i + half) / last))));
      share.forEach((part, c) => {
        context.fillStyle = classColour(c, classes.length);
        context.fillRect(x0, y, x1 - x0 + 0.5, part * SHARES);
        y += part * SHARES;
      });
    });
  }
}
