// Grid and numbers of a map that a canvas draws.

import { short } from "../core/format.js";
import { line } from "../plot/chart.js";
import { faded } from "../plot/palette.js";
import { ticks } from "../plot/ticks.js";

/** @import { Colours } from "../plot/palette.js" */
/** @import { View } from "./view.js" */

const COLUMN = 90; // px between two numbers along u, at least about
const ROW = 70; // the same along v

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {Colours} colours
 * @param {boolean} isLine whether v has no meaning, so that it has no grid
 */
export function drawGrid(context, view, colours, isLine) {
  const { left, top, width, height } = view;
  for (const u of ticks(...view.x, width / COLUMN)) {
    const x = Math.round(view.toPixel(u, 0)[0]) + 0.5;
    context.strokeStyle = faded(colours.text, u === 0 ? 0.26 : 0.09);
    line(context, x, top, x, top + height);
  }
  if (isLine) return;
  for (const v of ticks(...view.y, height / ROW)) {
    const y = Math.round(view.toPixel(0, v)[1]) + 0.5;
    context.strokeStyle = faded(colours.text, v === 0 ? 0.26 : 0.09);
    line(context, left, y, left + width, y);
  }
}

/**
 * Numbers and names of the axes, outside the rectangle between them.
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {Colours} colours
 * @param {string[]} names of the axis to the right and of the one upwards; "" for an axis without numbers
 * @param {boolean} isLong whether the name of the axis upwards is too long to stand to the left of the axis
 */
export function drawNumbers(context, view, colours, [across, up], isLong) {
  context.font = `13px ${colours.font}`;
  context.fillStyle = faded(colours.text, 0.8);
  context.textAlign = "center";
  context.textBaseline = "top";
  const right = view.left + view.width;
  const room = context.measureText(across).width + 18;
  for (const u of ticks(...view.x, view.width / COLUMN)) {
    const x = view.toPixel(u, 0)[0];
    if (x > view.left + 8 && x < right - room) context.fillText(short(u), x, view.top + view.height + 7);
  }
  context.textAlign = "right";
  context.fillText(across, right, view.top + view.height + 7);
  if (!up) return;
  context.textBaseline = "middle";
  for (const v of ticks(...view.y, view.height / ROW)) {
    const y = view.toPixel(0, v)[1];
    if (y > view.top + 20 && y < view.top + view.height - 6) context.fillText(short(v), view.left - 6, y);
  }
  context.textBaseline = "top";
  context.textAlign = isLong ? "left" : "right";
  context.fillText(up, isLong ? 6 : view.left - 6, view.top);
}
