// The selection as a CSV file.

import { csv, ROWS } from "../../math/selection.js";

/** @import { MapFrame } from "../../data/frame.js" */
/** @import { Costs } from "../../math/gaussian.js" */

const PARTS = 200; // of the text in memory; more are moved into a blob, which the browser can keep elsewhere

/**
 * Writes the file, one row a point. A generator, which yields where the work can be interrupted: a million points take
 * seconds.
 * @param {MapFrame} frame
 * @param {Costs} costs
 * @param {Uint32Array} points
 * @param {(share: number) => void} progressed called with the share that is done, in [0, 1]
 */
export function* csvFile(frame, costs, points, progressed) {
  const blobs = [];
  let parts = [];
  for (const part of csv(frame, costs, points)) {
    parts.push(part);
    if (parts.length === PARTS) {
      blobs.push(new Blob(parts));
      parts = [];
      progressed((blobs.length * PARTS * ROWS) / points.length);
    }
    yield;
  }
  return new Blob([...blobs, ...parts], { type: "text/csv" });
}
