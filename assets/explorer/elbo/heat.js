// A density as heat: its share of the peak, or, on a log scale, how many nats it is below the peak.

import { canvasOf } from "../core/dom.js";
import { middle } from "../math/surface.js";
import { rgb } from "../plot/palette.js";
import { niceStep } from "../plot/ticks.js";

/** @import { View } from "../map/view.js" */
/** @import { Grid } from "../math/surface.js" */
/** @import { DensityName, Posterior } from "./posterior.js" */

const OPAQUE = 0.85;
const LEAST_REACH = 10; // nats that a log scale covers at least
const LOW_SHARE = 0.2; // share of the prior's cells whose values may be below the end of a log scale
const PRIOR = 3; // standard deviations
const FADES = 0.07; // share of a side: on a log scale the heat fades out at the edges of the coarse grid

export class Heat {
  /**
   * `reach`: nats from the peak to the end of the log scale; null where the heat is a share of the peak.
   * @param {Posterior} posterior
   * @param {DensityName} name
   * @param {boolean} log
   * @param {string} colour
   */
  constructor(posterior, name, log, colour) {
    const { fine, coarse, peak } = posterior.grid(name);
    const reach = log ? reachOf(coarse, peak) : null;
    this.reach = reach;
    const share =
      reach !== null
        ? (/** @type {number} */ value) => Math.max(0, 1 + (value - peak) / reach)
        : (/** @type {number} */ value) => Math.exp(value - peak);
    // a narrow density is drawn on the fine grid only: the coarse cells would blur it
    const grids = log || name === "prior" ? [coarse, fine] : [fine];
    this.pictures = grids.map((grid) => ({
      ...grid,
      canvas: picture(grid, share, colour, log && grid === coarse ? FADES : 0),
    }));
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   */
  draw(context, view) {
    context.imageSmoothingEnabled = true;
    for (const { canvas, low, high } of this.pictures) {
      const [x0, y0] = view.toPixel(low[0], high[1]);
      const [x1, y1] = view.toPixel(high[0], low[1]);
      context.clearRect(x0, y0, x1 - x0, y1 - y0);
      context.drawImage(canvas, x0, y0, x1 - x0, y1 - y0);
    }
  }
}

/**
 * One pixel a cell, the lowest row at the bottom.
 * @param {Grid} grid
 * @param {(value: number) => number} share of the full opacity, 0 to 1
 * @param {string} colour
 * @param {number} fades share of a side over which the picture fades out at its edges
 */
function picture({ cells, values }, share, colour, fades) {
  const image = new ImageData(cells, cells);
  const [red, green, blue] = rgb(colour);
  /** @param {number} i */
  const inside = (i) => (fades ? Math.min(1, (Math.min(i, cells - 1 - i) + 0.5) / (fades * cells)) : 1);
  for (let row = 0, i = 0; row < cells; row++)
    for (let col = 0; col < cells; col++, i++) {
      const p = 4 * ((cells - 1 - row) * cells + col);
      image.data[p] = red;
      image.data[p + 1] = green;
      image.data[p + 2] = blue;
      image.data[p + 3] = 255 * OPAQUE * share(values[i]) * inside(row) * inside(col);
    }
  return canvasOf(image);
}

/**
 * The length of the log scale: a round number of nats that covers most cells within 3 standard deviations of the prior.
 * @param {Grid} grid
 * @param {number} peak
 */
function reachOf(grid, peak) {
  const { cells, values } = grid;
  /** @param {number} i */
  const near = (i) => Math.hypot(middle(grid, 0, i % cells), middle(grid, 1, Math.floor(i / cells))) < PRIOR;
  const sorted = values.filter((_, i) => near(i)).sort();
  return niceStep(Math.max(LEAST_REACH, peak - sorted[Math.floor(LOW_SHARE * sorted.length)]));
}
