// Single gradients as points: those with respect to sigma of a plane's q, or mu and sigma of a line's.

import { line, Plot, prepareCanvas, range } from "../plot/chart.js";
import { faded, THEORY, theme } from "../plot/palette.js";
import { ESTIMATORS } from "./estimators.js";
import { place } from "./gaussian.js";

const MARGIN = { left: 42, right: 12, top: 26, bottom: 24 };

// `scale`: how far a pathwise gradient usually reaches; the picture holds two of those, and the exact gradient.
export function drawCloud(canvas, q, { singles, gradient, exact, shown }, estimator, scale) {
  const { context, width, height } = prepareCanvas(canvas);
  if (width < 100 || height < 80) return;
  const colours = theme(canvas);
  const { colour } = ESTIMATORS[estimator];
  const [across, up] = q.k === 1 ? [0, 1] : [place(q, 0, 0), place(q, 1, 1)];
  const [nameX, nameY] = q.k === 1 ? ["∂ μ", "∂ σ"] : q.full ? ["∂ L₁₁", "∂ L₂₂"] : ["∂ σ₁", "∂ σ₂"];
  const around = (i) => range([exact[i] - 2 * scale, exact[i] + 2 * scale, 0], 0.05);
  const box = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  };
  const plot = new Plot(context, box, { x: around(across), y: around(up) }, colours);
  plot.axes({ xName: nameX, yCount: 5, xCount: 6 });
  plot.label(`gradients, nats per unit: ${nameY} over ${nameX}`, 4, 11, { font: "600 13px" });
  plot.clipped(() => {
    Object.assign(context, { strokeStyle: faded(colours.text, 0.3), lineWidth: 1 });
    line(context, plot.x(0), box.top, plot.x(0), box.top + box.height);
    line(context, box.left, plot.y(0), box.left + box.width, plot.y(0));
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

function cross(plot, u, v, colour, size) {
  const { context, colours } = plot;
  const [x, y] = [plot.x(u), plot.y(v)];
  for (const [style, width] of [
    [colours.background, 6],
    [colour, 3],
  ]) {
    Object.assign(context, { strokeStyle: style, lineWidth: width });
    line(context, x - size, y, x + size, y);
    line(context, x, y - size, x, y + size);
  }
}
