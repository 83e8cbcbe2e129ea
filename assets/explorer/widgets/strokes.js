// The strokes of a drawing as text for a link: points on a grid, as differences from the point before, strokes separated by
// dots.

import { digitsOf, numbersIn } from "../core/digits.js";
import { cornersOf } from "../math/outline.js";

/** @import { PadPoint } from "./pad.js" */

const GRID = 512; // points of the grid along the pad's longer side
const LONGEST = 4000; // characters of a drawing, at most
const FAR = 2; // a pointer may leave the pad, but a stroke goes no further from its corner, in units of the pad

/** @param {number} v */
const onGrid = (v) => Math.round(Math.max(-FAR, Math.min(FAR, v)) * GRID);

/**
 * The nearest point that a link can hold.
 * @param {PadPoint} point
 * @returns {PadPoint}
 */
export const quantised = ([x, y]) => [onGrid(x) / GRID, onGrid(y) / GRID];

/** @param {PadPoint[][]} strokes */
export function textOfStrokes(strokes) {
  let [x, y] = [0, 0];
  return strokes
    .map((stroke) =>
      stroke
        .map((point) => {
          const [dx, dy] = [onGrid(point[0]) - x, onGrid(point[1]) - y];
          [x, y] = [x + dx, y + dy];
          return digitsOf(dx) + digitsOf(dy);
        })
        .join(""),
    )
    .join(".");
}

/**
 * The strokes that a text stands for, or undefined where it stands for none.
 * @param {string} text
 * @returns {PadPoint[][] | undefined}
 */
export function strokesOfText(text) {
  if (!text || text.length > LONGEST) return undefined;
  const point = { x: 0, y: 0 };
  const strokes = text.split(".").map((stroke) => pointsOf(stroke, point));
  return strokes.every((stroke) => stroke !== null) ? strokes : undefined;
}

/**
 * A drawing that is short enough for a link: this one, or the same with fewer points where it is longer; strokes that still
 * do not fit are left out, the first ones first.
 * @param {PadPoint[][]} strokes
 */
export function bounded(strokes) {
  let fewer = strokes;
  for (let off = 1 / GRID; textOfStrokes(fewer).length > LONGEST && off < 1; off *= 2)
    fewer = strokes.map((stroke) => cornersOf(stroke, stroke.length, off));
  while (textOfStrokes(fewer).length > LONGEST) fewer = fewer.slice(1);
  return fewer;
}

/**
 * The points of one stroke; null where the text is not valid.
 * @param {string} text
 * @param {{ x: number, y: number }} from the point before, which becomes the last point of the stroke
 */
function pointsOf(text, from) {
  const numbers = numbersIn(text);
  if (!numbers?.length || numbers.length % 2) return null;
  /** @type {PadPoint[]} */
  const points = [];
  for (let i = 0; i < numbers.length; i += 2) {
    from.x += numbers[i];
    from.y += numbers[i + 1];
    if (Math.max(Math.abs(from.x), Math.abs(from.y)) > FAR * GRID) return null;
    points.push([from.x / GRID, from.y / GRID]);
  }
  return points;
}
