// Chart over rho of the variance of a fitted diagonal q: too small with reverse KL, right with forward KL; and the current
// variances of both fits.

import { Plot, prepareCanvas } from "../plot/chart.js";
import { faded, readable, THEORY, theme } from "../plot/palette.js";

const MARGIN = { left: 38, right: 14, top: 26, bottom: 26 };

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} rho
 * @param {{ forward: number, reverse: number }} variance current variance of z₁ under each q
 */
export function drawMeanField(canvas, rho, variance) {
  const { context, width, height } = prepareCanvas(canvas);
  if (width < 100 || height < 80) return;
  const colours = theme(canvas);
  const box = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  };
  const highest = Math.max(1.15, 1.08 * variance.forward, 1.08 * variance.reverse);
  const plot = new Plot(context, box, { x: [-1, 1], y: [0, highest] }, colours);
  plot.axes({ xName: "ρ", xCount: 4, yCount: 4 });
  plot.label("variance of z₁ under q", 4, 11, { font: "600 13px" });
  plot.clipped(() => {
    plot.path(
      2,
      (i) => 2 * i - 1,
      () => 1,
      faded(colours.text, 0.6),
      2,
    );
    plot.path(
      101,
      (i) => -1 + i / 50,
      (i) => 1 - (-1 + i / 50) ** 2,
      faded(THEORY, 0.8),
      5,
    );
    for (const name of /** @type {const} */ (["forward", "reverse"])) {
      plot.dots(
        1,
        () => rho,
        () => variance[name],
        colours.background,
        8,
      );
      plot.dots(
        1,
        () => rho,
        () => variance[name],
        colours.accent,
        6,
      );
      const right = rho < 0;
      plot.label(name, plot.x(rho) + (right ? 12 : -12), plot.y(variance[name]) + (name === "forward" ? -11 : 12), {
        align: right ? "left" : "right",
        font: "600 13px",
      });
    }
  });
  plot.label("1 − ρ²", plot.x(0), plot.y(1) + 18, {
    align: "center",
    colour: readable(THEORY, colours),
    font: "600 13px",
  });
}
