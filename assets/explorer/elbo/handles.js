// The handles by which a pointer moves q: its mean, the ends of its axes, and, where q may be correlated, a knob that turns it.

import { Gaussian } from "./gaussian.js";

/** @import { Point } from "../core/link-fields.js" */
/** @import { Pixel, View } from "../map/view.js" */

/**
 * The part of q under the pointer. "body" is the inside of the 1-σ ellipse; `axis` (0 or 1) belongs to "end".
 * @typedef {{ part: "mean" | "end" | "knob" | "body", axis?: number }} Grip
 */

const LEAST = 26; // px from the mean to the handle at the end of an axis, at least
const KNOB = 24; // px from the end of the first axis to the knob
const MEAN = 13,
  END = 12,
  FINGER = 10; // px around a handle within which a press takes it; FINGER is added for a finger
const SHORTEST = 1e-3,
  LONGEST = 4; // standard deviations of q

/**
 * The places of the handles in pixels; `knob` is null where q may not be correlated.
 * @param {Gaussian} q
 * @param {View} view
 * @param {boolean} full q may be correlated
 */
export function handles(q, view, full) {
  const line = q.k === 1;
  const { lengths, angle } = line ? { lengths: q.sigmas(), angle: 0 } : q.axes();
  const centre = view.toPixel(q.mu[0], line ? middleOf(view) : q.mu[1]);
  /** @type {(axis: number, away: number) => Pixel} */
  const from = (axis, away) => {
    const turned = angle + (axis * Math.PI) / 2;
    return [centre[0] + away * Math.cos(turned), centre[1] - away * Math.sin(turned)];
  };
  const reach = lengths.map((length) => Math.max(LEAST, length * view.pixelsPerUnit));
  /** @type {{ at: Pixel, axis: number }[]} */
  const ends = reach.flatMap((away, axis) => [1, -1].map((side) => ({ at: from(axis, side * away), axis })));
  return { centre, ends, knob: full && !line ? from(0, reach[0] + KNOB) : null };
}

const middleOf = (/** @type {View} */ { y }) => (y[0] + y[1]) / 2;

/**
 * The part of q that a press at a pixel takes hold of, or null.
 * @param {Gaussian} q
 * @param {View} view
 * @param {boolean} full q may be correlated
 * @param {Pixel} pixel
 * @param {boolean} finger a finger need not be as exact as a mouse
 * @returns {Grip | null}
 */
export function taken(q, view, full, [x, y], finger) {
  const { centre, ends, knob } = handles(q, view, full);
  const extra = finger ? FINGER : 0;
  const away = (/** @type {Pixel} */ [px, py]) => Math.hypot(px - x, py - y);
  if (knob && away(knob) <= END + extra) return { part: "knob" };
  const end = ends.filter(({ at }) => away(at) <= END + extra).sort((a, b) => away(a.at) - away(b.at))[0];
  if (end && away(end.at) < away(centre)) return { part: "end", axis: end.axis };
  if (away(centre) <= MEAN + extra) return { part: "mean" };
  if (q.k === 1) return null;
  const { lengths, angle } = q.axes();
  const [du, dv] = [(x - centre[0]) / view.pixelsPerUnit, (centre[1] - y) / view.pixelsPerUnit];
  const along = [du * Math.cos(angle) + dv * Math.sin(angle), dv * Math.cos(angle) - du * Math.sin(angle)];
  return Math.hypot(along[0] / lengths[0], along[1] / lengths[1]) <= 1 ? { part: "body" } : null;
}

/**
 * q after a drag of one of its parts.
 * @param {Gaussian} q as it was when the drag began
 * @param {Grip} grip
 * @param {Point} from where the drag began, in coordinates of the latent space
 * @param {Point} to where the pointer is now
 */
export function dragged(q, { part, axis = 0 }, from, to) {
  if (part === "mean" || part === "body") return q.moved(q.mu.map((m, d) => m + to[d] - from[d]));
  const offset = (/** @type {Point} */ [u, v]) => [u - q.mu[0], q.k === 1 ? 0 : v - q.mu[1]];
  if (q.k === 1) return Gaussian.diagonal(q.mu, [length(q.sigmas()[0], Math.abs(offset(to)[0] / offset(from)[0]))]);
  const { lengths, angle } = q.axes();
  const [a, b] = [offset(from), offset(to)];
  if (part === "knob") return Gaussian.ofAxes(q.mu, lengths, angle + Math.atan2(b[1], b[0]) - Math.atan2(a[1], a[0]));
  const turned = angle + (axis * Math.PI) / 2;
  const along = (/** @type {number[]} */ [u, v]) => u * Math.cos(turned) + v * Math.sin(turned);
  const grow = (/** @type {number} */ i) =>
    i === axis ? length(lengths[i], Math.abs(along(b) / along(a))) : lengths[i];
  return Gaussian.ofAxes(q.mu, [grow(0), grow(1)], angle);
}

/** @type {(before: number, factor: number) => number} */
const length = (before, factor) =>
  Math.min(LONGEST, Math.max(SHORTEST, before * (Number.isFinite(factor) ? factor : 1)));
