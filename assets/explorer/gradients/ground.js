// The background of the latent plane: the target as a heat map with contours, and the axes.

/** @import { View } from "../map/view.js" */
/** @import { Colours } from "../plot/palette.js" */
/** @import { Target } from "./targets.js" */

import { canvasOf } from "../core/dom.js";
import { short } from "../core/format.js";
import { contour } from "../math/contours.js";
import { line } from "../plot/chart.js";
import { faded, rgb } from "../plot/palette.js";
import { ticks } from "../plot/ticks.js";

const LEVELS = [0.125, 0.5, 1.125, 2, 3.125, 4.5]; // nats below the peak: ½, 1, 1½ … standard deviations of a Gaussian
const CELL = 3; // px of the heat map
const FAINT = 0.38; // opacity of the heat map at the peak

/**
 * The target as a heat map with contours.
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {Target} target
 * @param {number} peak its largest value
 * @param {Colours} colours
 */
export function paintTarget(context, view, target, peak, colours) {
  const [columns, rows] = [Math.ceil(view.width / CELL), Math.ceil(view.height / CELL)];
  const under = new Float64Array(columns * rows);
  const z = [0, 0];
  for (let y = 0, at = 0; y < rows; y++)
    for (let x = 0; x < columns; x++, at++) {
      [z[0], z[1]] = view.toData(view.left + (x + 0.5) * CELL, view.top + (y + 0.5) * CELL);
      under[at] = peak - target.f(z);
    }
  context.save();
  context.beginPath();
  context.rect(view.left, view.top, view.width, view.height);
  context.clip();
  paintHeat(context, view, under, columns, colours);
  LEVELS.forEach((level, i) => {
    const at = contour(under, columns, level);
    context.strokeStyle = faded(colours.text, i % 2 ? 0.5 : 0.22);
    context.lineWidth = 1;
    context.beginPath();
    for (let s = 0; s < at.length; s += 4) {
      context.moveTo(view.left + (at[s] + 0.5) * CELL, view.top + (at[s + 1] + 0.5) * CELL);
      context.lineTo(view.left + (at[s + 2] + 0.5) * CELL, view.top + (at[s + 3] + 0.5) * CELL);
    }
    context.stroke();
  });
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {Float64Array} under nats below the peak, per cell
 * @param {number} columns cells per row
 * @param {Colours} colours
 */
function paintHeat(context, view, under, columns, colours) {
  const rows = under.length / columns;
  const image = new ImageData(columns, rows);
  const ink = rgb(colours.text);
  under.forEach((nats, at) => {
    image.data.set([...ink, 255 * FAINT * Math.exp(-nats)], 4 * at);
  });
  context.imageSmoothingEnabled = true;
  context.drawImage(canvasOf(image), view.left, view.top, columns * CELL, rows * CELL);
}

/**
 * Grid lines, and the numbers and names of the two axes.
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {Colours} colours
 */
export function paintGrid(context, view, colours) {
  const { left, top, width, height } = view;
  Object.assign(context, {
    font: `13px ${colours.font}`,
    fillStyle: faded(colours.text, 0.8),
    lineWidth: 1,
    textAlign: "center",
    textBaseline: "top",
  });
  for (const u of ticks(...view.x, width / 90)) {
    const x = Math.round(view.toPixel(u, 0)[0]) + 0.5;
    context.strokeStyle = faded(colours.text, u === 0 ? 0.24 : 0.08);
    line(context, x, top, x, top + height);
    if (x > left + 8 && x < left + width - 30) context.fillText(short(u), x, top + height + 6);
  }
  context.textAlign = "right";
  context.fillText("z₁", left + width, top + height + 6);
  context.textBaseline = "middle";
  for (const v of ticks(...view.y, height / 70)) {
    const y = Math.round(view.toPixel(0, v)[1]) + 0.5;
    context.strokeStyle = faded(colours.text, v === 0 ? 0.24 : 0.08);
    line(context, left, y, left + width, y);
    if (y > top + 22 && y < top + height - 6) context.fillText(short(v), left - 6, y);
  }
  context.textBaseline = "top";
  context.fillText("z₂", left - 6, top);
}
