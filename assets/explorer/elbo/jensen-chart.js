// The histogram of ln w under q, with the average of the logarithms and the logarithm of the average: their difference is what
// Jensen's inequality loses.

import { CanvasChart } from "../plot/canvas-chart.js";
import { line, Plot, TITLE } from "../plot/chart.js";
import { faded } from "../plot/palette.js";

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { ElboColours } from "./colours.js" */
/** @import { Parts, Weighted } from "./parts.js" */

/** @typedef {Pick<Weighted, "logW" | "logMean"> & Pick<Parts, "elbo" | "logEvidence">} JensenData */

const MARGIN = { left: 8, right: 8, top: 24, bottom: 20 };

/** @extends {CanvasChart<JensenData, ElboColours>} */
export class JensenChart extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {JensenData} data
   * @param {ChartFrame<ElboColours>} frame
   */
  paint(context, { logW, logMean, elbo, logEvidence }, { width, box, colours }) {
    const sorted = Float64Array.from(logW).sort();
    const [low, high] = [
      Math.min(sorted[Math.floor(0.01 * sorted.length)], elbo),
      Math.max(sorted[sorted.length - 1], logMean, logEvidence),
    ];
    const air = 0.06 * (high - low) + 1e-3;
    const counts = histogram(sorted, low - air, high + air, Math.floor(width / 7));
    const plot = new Plot(context, box, { x: [low - air, high + air], y: [0, Math.max(...counts) * 1.05] }, colours);
    plot.axes({ xName: "ln w, nats", xCount: 5, yCount: 0 });
    context.fillStyle = faded(colours.q, 0.4);
    counts.forEach((count, i) => {
      const x = box.left + (i * box.width) / counts.length;
      context.fillRect(x, plot.y(count), box.width / counts.length - 1, plot.bottom - plot.y(count));
    });
    /** @type {(value: number, text: string, align: "left" | "right") => void} */
    const mark = (value, text, align) => {
      Object.assign(context, { strokeStyle: colours.text, lineWidth: 2 });
      line(context, plot.x(value), box.top - 6, plot.x(value), plot.bottom);
      plot.label(text, plot.x(value) + (align === "left" ? -4 : 4), box.top - 12, {
        align: align === "left" ? "right" : "left",
        font: TITLE,
      });
    };
    const crowded = plot.x(elbo) < box.left + 90;
    mark(elbo, "E[ln w] = ELBO", crowded ? "right" : "left");
    if (!crowded || plot.x(logEvidence) > plot.x(elbo) + 125)
      mark(logEvidence, "ln E[w]", plot.x(logEvidence) > plot.right - 60 ? "left" : "right");
  }
}

/**
 * @param {Float64Array} sorted
 * @param {number} low
 * @param {number} high
 * @param {number} bins
 * @returns {number[]}
 */
function histogram(sorted, low, high, bins) {
  const counts = new Array(Math.max(1, bins)).fill(0);
  for (const value of sorted) {
    const bin = Math.floor(((value - low) / (high - low)) * counts.length);
    if (bin >= 0 && bin < counts.length) counts[bin]++;
  }
  return counts;
}
