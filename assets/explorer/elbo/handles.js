// What of q a hand can take hold of: its mean, the ends of its axes, and, where it may be correlated, a knob that turns it.

import { Gaussian } from "./gaussian.js";

const LEAST = 26; // px from the mean to the end of an axis, however short that is
const KNOB = 24; // px from the end of the first axis to the knob
const MEAN = 13,
  END = 12,
  FINGER = 10; // px within which they are taken; a finger needs some more
const SHORTEST = 1e-3,
  LONGEST = 4; // standard deviations of q

// Where the handles of `q` are, in pixels: { centre, ends: [[x, y, axis, side], …], knob or null }.
export function handles(q, view, full) {
  const line = q.k === 1;
  const { lengths, angle } = line ? { lengths: q.sigmas(), angle: 0 } : q.axes();
  const centre = view.toPixel(q.mu[0], line ? middleOf(view) : q.mu[1]);
  const from = (axis, away) => {
    const turned = angle + (axis * Math.PI) / 2;
    return [centre[0] + away * Math.cos(turned), centre[1] - away * Math.sin(turned)];
  };
  const reach = lengths.map((length) => Math.max(LEAST, length * view.pixelsPerUnit));
  const ends = reach.flatMap((away, axis) => [1, -1].map((side) => [...from(axis, side * away), axis, side]));
  return { centre, ends, knob: full && !line ? from(0, reach[0] + KNOB) : null };
}

const middleOf = ({ y }) => (y[0] + y[1]) / 2;

// What a press at a pixel takes: { part: "mean" | "end" | "knob" | "body", … }, or null. The body is the 1-σ ellipse.
export function taken(q, view, full, [x, y], finger) {
  const { centre, ends, knob } = handles(q, view, full);
  const extra = finger ? FINGER : 0;
  const away = ([px, py]) => Math.hypot(px - x, py - y);
  if (knob && away(knob) <= END + extra) return { part: "knob" };
  const end = ends.filter((one) => away(one) <= END + extra).sort((a, b) => away(a) - away(b))[0];
  if (end && away(end) < away(centre)) return { part: "end", axis: end[2] };
  if (away(centre) <= MEAN + extra) return { part: "mean" };
  if (q.k === 1) return null;
  const { lengths, angle } = q.axes();
  const [du, dv] = [(x - centre[0]) / view.pixelsPerUnit, (centre[1] - y) / view.pixelsPerUnit];
  const along = [du * Math.cos(angle) + dv * Math.sin(angle), dv * Math.cos(angle) - du * Math.sin(angle)];
  return Math.hypot(along[0] / lengths[0], along[1] / lengths[1]) <= 1 ? { part: "body" } : null;
}

// q after a hand that took it at `from` has come to `to`, both in coordinates of the latent space.
export function dragged(q, { part, axis }, from, to) {
  if (part === "mean" || part === "body") return q.moved(q.mu.map((m, d) => m + to[d] - from[d]));
  const offset = ([u, v]) => [u - q.mu[0], q.k === 1 ? 0 : v - q.mu[1]];
  if (q.k === 1) return Gaussian.diagonal(q.mu, [length(q.sigmas()[0], Math.abs(offset(to)[0] / offset(from)[0]))]);
  const { lengths, angle } = q.axes();
  const [a, b] = [offset(from), offset(to)];
  if (part === "knob") return Gaussian.ofAxes(q.mu, lengths, angle + Math.atan2(b[1], b[0]) - Math.atan2(a[1], a[0]));
  const turned = angle + (axis * Math.PI) / 2;
  const along = ([u, v]) => u * Math.cos(turned) + v * Math.sin(turned);
  const grown = lengths.map((l, i) => (i === axis ? length(l, Math.abs(along(b) / along(a))) : l));
  return Gaussian.ofAxes(q.mu, grown, angle);
}

const length = (before, factor) =>
  Math.min(LONGEST, Math.max(SHORTEST, before * (Number.isFinite(factor) ? factor : 1)));
