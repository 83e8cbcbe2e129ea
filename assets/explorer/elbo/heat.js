// A density as heat: its share of the peak, or, on a log scale, how many nats it lies under the peak.

import { middle } from "../math/surface.js";
import { rgb } from "../plot/palette.js";
import { niceStep } from "../plot/ticks.js";

const OPAQUE = 0.85;
const LEAST_REACH = 10; // nats of a log scale
const LOW_SHARE = 0.2; // of the prior's cells may lie beneath a log scale's end
const PRIOR = 3; // standard deviations
const FADES = 0.07; // of a side: how a log scale ends where the coarse grid does

export class Heat {
  // `reach`: nats from the peak to where a log scale ends; null for shares of the peak.
  constructor(posterior, name, log, colour) {
    const { fine, coarse, peak } = posterior.grid(name);
    this.reach = log ? reachOf(coarse, peak) : null;
    const share = log ? (value) => Math.max(0, 1 + (value - peak) / this.reach) : (value) => Math.exp(value - peak);
    // what is narrow is seen on the fine grid alone: the coarse one would smear it
    const grids = log || name === "prior" ? [coarse, fine] : [fine];
    this.pictures = grids.map((grid) => ({
      ...grid,
      canvas: picture(grid, share, colour, log && grid === coarse ? FADES : 0),
    }));
  }

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

function picture({ cells, values }, share, colour, fades) {
  const image = new ImageData(cells, cells);
  const [red, green, blue] = rgb(colour);
  const inside = (i) => (fades ? Math.min(1, (Math.min(i, cells - 1 - i) + 0.5) / (fades * cells)) : 1);
  for (let row = 0, i = 0; row < cells; row++)
    for (let col = 0; col < cells; col++, i++) {
      const p = 4 * ((cells - 1 - row) * cells + col);
      image.data[p] = red;
      image.data[p + 1] = green;
      image.data[p + 2] = blue;
      image.data[p + 3] = 255 * OPAQUE * share(values[i]) * inside(row) * inside(col);
    }
  const canvas = new OffscreenCanvas(cells, cells);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// A round number of nats that reaches down to most of where the prior is.
function reachOf(grid, peak) {
  const { cells, values } = grid;
  const near = (i) => Math.hypot(middle(grid, 0, i % cells), middle(grid, 1, Math.floor(i / cells))) < PRIOR;
  const sorted = values.filter((_, i) => near(i)).sort();
  return niceStep(Math.max(LEAST_REACH, peak - sorted[Math.floor(LOW_SHARE * sorted.length)]));
}
