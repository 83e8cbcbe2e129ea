// A path on the map: the line, a dot at every image of the film, and its ends A and B.

import { disc } from "../../plot/chart.js";

/** @import { Point } from "../../core/link-fields.js" */
/** @import { Colours } from "../../plot/palette.js" */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Point[]} spots of every step, in pixels
 * @param {number} every steps between two dots
 * @param {Colours} colours
 */
export function paintPath(context, spots, every, colours) {
  const last = spots.length - 1;
  context.lineJoin = "round";
  context.lineCap = "round";
  stroke(context, spots, colours.background, 6);
  stroke(context, spots, colours.text, 2.6);
  for (let i = every; i < last; i += every) disc(context, ...spots[i], 4, colours.text, colours.background);
  [spots[0], spots[last]].forEach(([x, y], i) => {
    disc(context, x, y, 11, colours.accent, colours.background);
    context.fillStyle = colours.background;
    context.font = `bold 13px ${colours.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText("AB"[i], x, y + 0.5);
  });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Point[]} spots
 * @param {string} colour
 * @param {number} width px
 */
function stroke(context, spots, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  for (const [x, y] of spots) context.lineTo(x, y);
  context.stroke();
}
