// The path in the plane of rate and distortion: one point for the model at every stop of beta, and the model that is shown.

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { Context2D, Range } from "../plot/chart.js" */
/** @import { ClosedForm, Path, StopNumbers } from "./path.js" */

import { contextOf } from "../core/dom.js";
import { short, signed } from "../core/format.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { disc, line, Plot } from "../plot/chart.js";
import { faded, THEORY } from "../plot/palette.js";
import { ticks } from "../plot/ticks.js";

const MARGIN = { left: 46, right: 10, top: 24, bottom: 24 };
const NEAR = 30; // px within which the pointer selects a stop

/** @extends {CanvasChart<number>} the position of the slider */
export class PathTradeoff extends CanvasChart {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(position: number) => void} take called with the position of a stop that is clicked
   */
  constructor(canvas, take) {
    super(canvas, { margin: MARGIN, least: { width: 120, height: 90 }, hovers: true });
    /** @type {Path | null} */
    this.path = null;
    /**
     * The stop on the way up that is near the pointer.
     * @type {number | null}
     */
    this.near = null;
    /** @type {{ x: Range, y: Range }} */
    this.ranges = { x: [0, 1], y: [0, 1] };
    /**
     * What does not depend on the position, as a picture.
     * @type {OffscreenCanvas | null}
     */
    this.still = null;
    canvas.addEventListener("click", () => {
      if (this.path && this.near !== null) take(this.path.positions[this.near]);
    });
  }

  /** @param {Path} path */
  load(path) {
    this.path = path;
    const known = (/** @type {StopNumbers[]} */ way) => (path.linear && path.betas[0] === 0 ? way.slice(1) : way); // at beta 0 the rate has no bound
    const test = [...known(path.up), ...known(path.down)].map(({ test }) => test);
    const train = known(path.up).map(({ train }) => train);
    const all = [...test, ...train];
    const span = (/** @type {"rate" | "distortion"} */ key) => [
      Math.min(...all.map((point) => point[key])),
      Math.max(...all.map((point) => point[key])),
    ];
    const [[r0, r1], [d0, d1]] = [span("rate"), span("distortion")];
    this.ranges = {
      x: [Math.min(0, r0), r1 + 0.05 * (r1 - r0) + 0.1],
      y: [d0 - 0.06 * (d1 - d0) - 0.1, d1 + 0.08 * (d1 - d0) + 0.1],
    };
    this.still = null;
  }

  /** Draws everything anew after the page's size or colours have changed. */
  retheme() {
    this.still = null;
    super.retheme();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} position
   * @param {ChartFrame} frame
   */
  paint(context, position, { box, colours }) {
    const { path } = this;
    if (!path) return;
    const plot = new Plot(context, box, this.ranges, colours);
    let { still } = this;
    if (still?.width !== this.canvas.width || still?.height !== this.canvas.height)
      this.still = still = this.drawStill(plot, path);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(still, 0, 0);
    context.restore();
    this.drawNow(plot, path, position);
    this.drawHover(plot, path);
  }

  /**
   * Draws what does not depend on the position.
   * @param {Plot} plot
   * @param {Path} path
   */
  drawStill(plot, path) {
    const { colours } = plot;
    const canvas = new OffscreenCanvas(this.canvas.width, this.canvas.height);
    const context = contextOf(canvas);
    context.setTransform(plot.context.getTransform());
    const still = new Plot(context, plot.box, this.ranges, colours);
    still.axes({ xName: "rate, nats", xCount: 5, yCount: 5 });
    still.title("distortion, nats per image", { y: 10 });
    still.clipped(() => {
      drawBounds(still, path.up[0].test.distortion);
      if (path.linear) drawTheory(still, path.linear);
      /** @type {(way: StopNumbers[], split: "test" | "train", colour: string, width: number) => void} */
      const along = (way, split, colour, width) =>
        still.path(
          path.stops,
          (i) => way[i][split].rate,
          (i) => way[i][split].distortion,
          colour,
          width,
        );
      along(path.up, "train", faded(colours.text, 0.3), 1.6);
      context.setLineDash([5, 4]);
      along(path.down, "test", faded(colours.text, 0.65), 1.6);
      context.setLineDash([]);
      along(path.up, "test", colours.accent, 2.2);
      still.dots(
        path.stops,
        (i) => path.up[i].test.rate,
        (i) => path.up[i].test.distortion,
        colours.accent,
        2.4,
      );
    });
    drawKey(still, path);
    return canvas;
  }

  /**
   * Draws a dot for the model at this position, and the line through it along which the loss is constant: its slope is −beta.
   * @param {Plot} plot
   * @param {Path} path
   * @param {number} position
   */
  drawNow(plot, path, position) {
    const { rate, distortion, beta } = path.numbers(position);
    const { context, colours, xRange } = plot;
    const [px, py] = [Math.min(plot.x(rate), plot.right), plot.y(distortion)];
    plot.clipped(() => {
      context.strokeStyle = faded(colours.accent, 0.75);
      context.lineWidth = 1.6;
      const at = (/** @type {number} */ x) => plot.y(distortion - beta * (x - rate));
      line(context, plot.x(xRange[0]), at(xRange[0]), plot.x(xRange[1]), at(xRange[1]));
    });
    disc(context, px, py, 6.5, colours.accent, colours.background);
    const left = px < plot.right - 110;
    const text = `slope −β = ${signed(-beta, beta < 10 ? 2 : 0)}`;
    const below = py < plot.box.top + 40;
    plot.label(text, px + (left ? 10 : -10), py + (below ? 15 : -14), {
      align: left ? "left" : "right",
      font: "600 12px",
    });
  }

  /**
   * Finds the stop near the pointer and writes its numbers.
   * @param {Plot} plot
   * @param {Path} path
   */
  drawHover(plot, path) {
    const { hover } = this;
    this.near = null;
    if (!hover) return;
    const away = (/** @type {StopNumbers} */ { test }) =>
      Math.hypot(plot.x(test.rate) - hover[0], plot.y(test.distortion) - hover[1]);
    const ways = [
      { name: "", way: path.up },
      { name: "coming down, ", way: path.down },
    ];
    const found = ways.flatMap(({ name, way }) => way.map((stop, i) => ({ name, stop, i, d: away(stop) })));
    const nearest = found.reduce((best, one) => (one.d < best.d ? one : best));
    if (nearest.d > NEAR) return;
    if (!nearest.name) this.near = nearest.i;
    const { test } = nearest.stop;
    plot.dot(test.rate, test.distortion, plot.colours.text, 3.5);
    const text = `${nearest.name}β ${short(path.betas[nearest.i])}: rate ${test.rate.toFixed(2)}, distortion ${test.distortion.toFixed(2)}`;
    plot.label(text, plot.right, plot.bottom - 10, { align: "right" });
  }
}

/**
 * Draws lines of equal elbo: distortion + rate is constant along each. No name is written where the curve ends, at
 * `distortion`.
 * @param {Plot<Context2D>} plot
 * @param {number} distortion
 */
function drawBounds(plot, distortion) {
  const { context, box, colours, xRange, yRange } = plot;
  for (const total of ticks(xRange[0] + yRange[0], xRange[1] + yRange[1], 6)) {
    context.lineWidth = 1;
    context.strokeStyle = faded(colours.text, 0.17);
    context.setLineDash([2, 4]);
    line(context, plot.x(xRange[0]), plot.y(total - xRange[0]), plot.x(xRange[1]), plot.y(total - xRange[1]));
    context.setLineDash([]);
    const [end, floor] = [plot.y(total - xRange[1]), plot.bottom];
    const [x, y] = end < floor - 8 ? [plot.right - 4, end - 8] : [plot.x(total - yRange[0]) - 4, floor - 24];
    const text = `elbo ${signed(-total, Number.isInteger(total) ? 0 : 1)}`;
    const clear = Math.abs(y - plot.y(distortion)) > 14;
    if (clear && x > box.left + 50 && y > box.top + 56)
      plot.label(text, x, y, { align: "right", colour: faded(colours.text, 0.6), font: "11px" });
  }
}

/**
 * Draws the smallest distortion that a linear VAE can have at each rate (reverse water-filling).
 * @param {Plot<Context2D>} plot
 * @param {ClosedForm} linear
 */
function drawTheory(plot, { rates, distortions }) {
  plot.path(
    rates.length,
    (i) => rates[i],
    (i) => distortions[i],
    faded(THEORY, 0.6),
    6,
  );
}

/**
 * @param {Plot<Context2D>} plot
 * @param {Path} path
 */
function drawKey(plot, { linear }) {
  const { context, box, colours, right } = plot;
  /** @type {{ name: string, colour: string, width: number, dashes: number[] }[]} */
  const rows = [
    { name: "test", colour: colours.accent, width: 2.2, dashes: [] },
    { name: "training", colour: faded(colours.text, 0.35), width: 1.6, dashes: [] },
    { name: "hysteresis: coming down from collapse", colour: faded(colours.text, 0.65), width: 1.6, dashes: [5, 4] },
  ];
  if (linear)
    rows.push({ name: "closed form of the training images", colour: faded(THEORY, 0.6), width: 6, dashes: [] });
  rows.forEach(({ name, colour, width, dashes }, i) => {
    const y = box.top + 9 + 16 * i;
    Object.assign(context, { strokeStyle: colour, lineWidth: width });
    context.setLineDash(dashes);
    line(context, right - 26, y, right - 2, y);
    context.setLineDash([]);
    plot.label(name, right - 32, y, { align: "right", colour: faded(colours.text, 0.8) });
  });
}
