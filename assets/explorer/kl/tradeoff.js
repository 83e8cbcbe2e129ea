// The path through the plane of rate and distortion: where training under every beta has ended, and where it ends now.

import { short, signed } from "../core/format.js";
import { disc, line, Plot, prepareCanvas } from "../plot/chart.js";
import { faded, THEORY, theme } from "../plot/palette.js";
import { ticks } from "../plot/ticks.js";

const MARGIN = { left: 46, right: 10, top: 24, bottom: 24 };
const NEAR = 30; // px within which the pointer takes a stop

export class PathTradeoff {
  // `take(position)`: a click on a stop goes there.
  constructor(canvas, take) {
    this.canvas = canvas;
    this.take = take;
    this.hover = null;
    canvas.addEventListener("pointermove", (event) => this.point([event.offsetX, event.offsetY]));
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("click", () => this.near !== undefined && this.take(this.path.positions[this.near]));
  }

  load(path) {
    this.path = path;
    const known = (way) => (path.linear && path.betas[0] === 0 ? way.slice(1) : way); // at beta 0 the optimum has no end
    const test = [...known(path.up), ...known(path.down)].map(({ test }) => test);
    const train = known(path.up).map(({ train }) => train);
    const all = [...test, ...train];
    const span = (key) => [Math.min(...all.map((point) => point[key])), Math.max(...all.map((point) => point[key]))];
    const [[r0, r1], [d0, d1]] = [span("rate"), span("distortion")];
    this.ranges = {
      x: [Math.min(0, r0), r1 + 0.05 * (r1 - r0) + 0.1],
      y: [d0 - 0.06 * (d1 - d0) - 0.1, d1 + 0.08 * (d1 - d0) + 0.1],
    };
    this.still = null;
  }

  // Everything is drawn anew: the page's size or colours have changed.
  renew() {
    this.still = this.colours = null;
    if (this.position !== undefined) this.draw();
  }

  show(position) {
    this.position = position;
    this.draw();
  }

  point(at) {
    this.hover = at;
    if (this.path) this.draw();
  }

  draw() {
    const { context, width, height } = prepareCanvas(this.canvas);
    if (width < 120 || height < 90) return;
    const colours = (this.colours ??= theme(this.canvas));
    const box = {
      left: MARGIN.left,
      top: MARGIN.top,
      width: width - MARGIN.left - MARGIN.right,
      height: height - MARGIN.top - MARGIN.bottom,
    };
    const plot = new Plot(context, box, this.ranges, colours);
    if (this.still?.width !== this.canvas.width || this.still?.height !== this.canvas.height)
      this.still = this.drawStill(plot);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.still, 0, 0);
    context.restore();
    this.drawNow(plot);
    this.drawHover(plot);
  }

  // What does not move with beta, as a picture.
  drawStill(plot) {
    const { path } = this;
    const { colours } = plot;
    const canvas = new OffscreenCanvas(this.canvas.width, this.canvas.height);
    const context = canvas.getContext("2d");
    context.setTransform(plot.context.getTransform());
    const still = new Plot(context, plot.box, this.ranges, colours);
    still.axes({ xName: "rate, nats", xCount: 5, yCount: 5 });
    still.label("distortion, nats per image", 4, 10, { font: "600 12.5px" });
    still.clipped(() => {
      drawBounds(still, path.up[0].test.distortion);
      if (path.linear) drawTheory(still, path.linear);
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

  // The dot, and through it the line along which the loss stays the same: its slope is −beta.
  drawNow(plot) {
    const { rate, distortion, beta } = this.path.numbers(this.position);
    const { context, colours, xRange } = plot;
    const [px, py] = [Math.min(plot.x(rate), plot.box.left + plot.box.width), plot.y(distortion)];
    plot.clipped(() => {
      context.strokeStyle = faded(colours.accent, 0.75);
      context.lineWidth = 1.6;
      const at = (x) => plot.y(distortion - beta * (x - rate));
      line(context, plot.x(xRange[0]), at(xRange[0]), plot.x(xRange[1]), at(xRange[1]));
    });
    disc(context, px, py, 6.5, colours.accent, colours.background);
    const left = px < plot.box.left + plot.box.width - 110;
    const text = `slope −β = ${signed(-beta, beta < 10 ? 2 : 0)}`;
    const below = py < plot.box.top + 40;
    plot.label(text, px + (left ? 10 : -10), py + (below ? 15 : -14), {
      align: left ? "left" : "right",
      font: "600 12px",
    });
  }

  drawHover(plot) {
    const { path, hover } = this;
    this.near = undefined;
    if (!hover) return;
    const away = ({ test }) => Math.hypot(plot.x(test.rate) - hover[0], plot.y(test.distortion) - hover[1]);
    const ways = [
      ["", path.up],
      ["coming down, ", path.down],
    ];
    const found = ways.flatMap(([name, way]) => way.map((stop, i) => ({ name, stop, i, d: away(stop) })));
    const nearest = found.reduce((best, one) => (one.d < best.d ? one : best));
    if (nearest.d > NEAR) return;
    if (!nearest.name) this.near = nearest.i;
    const { test } = nearest.stop;
    plot.dots(
      1,
      () => test.rate,
      () => test.distortion,
      plot.colours.text,
      3.5,
    );
    const text = `${nearest.name}β ${short(path.betas[nearest.i])}: rate ${test.rate.toFixed(2)}, distortion ${test.distortion.toFixed(2)}`;
    plot.label(text, plot.box.left + plot.box.width, plot.box.top + plot.box.height - 10, { align: "right" });
  }
}

// Lines of equal elbo: distortion + rate is the same along each. Names keep clear of the curve's end at `distortion`.
function drawBounds(plot, distortion) {
  const { context, box, colours, xRange, yRange } = plot;
  for (const total of ticks(xRange[0] + yRange[0], xRange[1] + yRange[1], 6)) {
    context.lineWidth = 1;
    context.strokeStyle = faded(colours.text, 0.17);
    context.setLineDash([2, 4]);
    line(context, plot.x(xRange[0]), plot.y(total - xRange[0]), plot.x(xRange[1]), plot.y(total - xRange[1]));
    context.setLineDash([]);
    const [end, floor] = [plot.y(total - xRange[1]), box.top + box.height];
    const [x, y] = end < floor - 8 ? [box.left + box.width - 4, end - 8] : [plot.x(total - yRange[0]) - 4, floor - 24];
    const text = `elbo ${signed(-total, Number.isInteger(total) ? 0 : 1)}`;
    const clear = Math.abs(y - plot.y(distortion)) > 14;
    if (clear && x > box.left + 50 && y > box.top + 56)
      plot.label(text, x, y, { align: "right", colour: faded(colours.text, 0.6), font: "11px" });
  }
}

// Reverse water-filling: the least distortion that a linear VAE can have at each rate.
function drawTheory(plot, { rates, distortions }) {
  plot.path(
    rates.length,
    (i) => rates[i],
    (i) => distortions[i],
    faded(THEORY, 0.6),
    6,
  );
}

function drawKey(plot, { linear }) {
  const { context, box, colours } = plot;
  const right = box.left + box.width;
  const rows = [
    ["test", colours.accent, 2.2, []],
    ["training", faded(colours.text, 0.35), 1.6, []],
  ];
  rows.push(["hysteresis: coming down from collapse", faded(colours.text, 0.65), 1.6, [5, 4]]);
  if (linear) rows.push(["closed form of the training images", faded(THEORY, 0.6), 6, []]);
  rows.forEach(([name, colour, width, dashes], i) => {
    const y = box.top + 9 + 16 * i;
    Object.assign(context, { strokeStyle: colour, lineWidth: width });
    context.setLineDash(dashes);
    line(context, right - 26, y, right - 2, y);
    context.setLineDash([]);
    plot.label(name, right - 32, y, { align: "right", colour: faded(colours.text, 0.8) });
  });
}
