// Simplifies a line drawn by hand to few corners.

/** @import { Point } from "../core/link-fields.js" */

/**
 * A part of a line, with its point `at` that is furthest `off` from the straight line between its ends.
 * @typedef {{ from: number, to: number, at: number, off: number }} Part
 */

/**
 * At most `most` corners of a line, with both its ends, so that all of the line lies within `tolerance` of them. The
 * points furthest off are added first.
 * @param {Point[]} line
 * @param {number} most
 * @param {number} tolerance
 */
export function cornersOf(line, most, tolerance) {
  const parts = [furthest(line, 0, line.length - 1)];
  while (parts.length < most - 1) {
    const worst = parts.reduce((best, part, n) => (part.off > parts[best].off ? n : best), 0);
    const { from, at, to, off } = parts[worst];
    if (off <= tolerance) break;
    parts.splice(worst, 1, furthest(line, from, at), furthest(line, at, to));
  }
  return [line[0], ...parts.map(({ to }) => line[to])];
}

/**
 * The part of a line between two of its points.
 * @param {Point[]} line
 * @param {number} from
 * @param {number} to
 * @returns {Part}
 */
function furthest(line, from, to) {
  let [at, off] = [from, 0];
  for (let i = from + 1; i < to; i++) {
    const away = distance(line[i], line[from], line[to]);
    if (away > off) [at, off] = [i, away];
  }
  return { from, to, at, off };
}

/**
 * The distance of a point from the segment between two others.
 * @param {Point} point
 * @param {Point} from
 * @param {Point} to
 */
function distance([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1);
  const share = Math.max(0, Math.min(1, along));
  return Math.hypot(x - ax - share * dx, y - ay - share * dy);
}
