// Paths through the latent space from a to b. Each is a list of `steps` vectors that includes both ends.

/** @import { Point } from "../core/link-fields.js" */
/** @import { MapProjection } from "./projection.js" */

const TINY = 1e-9;

/**
 * @param {Float64Array} a
 * @param {Float64Array} b
 * @param {number} steps
 */
export function straight(a, b, steps) {
  return at(steps, (t) => mix(a, b, t));
}

/**
 * Spherical interpolation: direction and length change at constant rates, so that the path stays where N(0, I) of many
 * dimensions has its mass (White 2016). If an end is 0 or both have one direction, the path is straight.
 * @param {Float64Array} a
 * @param {Float64Array} b
 * @param {number} steps
 */
export function spherical(a, b, steps) {
  const [p, q] = [Math.hypot(...a), Math.hypot(...b)];
  if (p < TINY || q < TINY) return straight(a, b, steps);
  const from = Float64Array.from(a, (v) => v / p);
  const cosine = Math.max(-1, Math.min(1, dot(from, b) / q));
  const angle = Math.acos(cosine);
  const across = perpendicular(from, b);
  if (!across) return straight(a, b, steps);
  return at(steps, (t) => {
    const length = p + t * (q - p);
    const [along, beside] = [length * Math.cos(t * angle), length * Math.sin(t * angle)];
    return from.map((v, d) => along * v + beside * across[d]);
  });
}

/**
 * The unit vector towards b perpendicular to `from`; any perpendicular one for opposite directions, null for equal
 * ones.
 * @param {Float64Array} from a unit vector
 * @param {Float64Array} b
 */
function perpendicular(from, b) {
  const reject = (/** @type {Float64Array} */ v) => {
    const share = dot(from, v);
    return Float64Array.from(v, (value, d) => value - share * from[d]);
  };
  let across = reject(b);
  if (Math.hypot(...across) < TINY * Math.hypot(...b)) {
    if (dot(from, b) > 0 || from.length < 2) return null;
    const least = from.reduce((best, v, d) => (Math.abs(v) < Math.abs(from[best]) ? d : best), 0);
    across = reject(from.map((_, d) => (d === least ? 1 : 0)));
  }
  const length = Math.hypot(...across);
  return across.map((v) => v / length);
}

/**
 * Along a line on a plane: within the plane z follows the line, perpendicular to it z goes straight from a to b.
 * @param {Pick<MapProjection, "lift">} projection
 * @param {Point[]} line
 * @param {Float64Array} a
 * @param {Float64Array} b
 * @param {number} steps
 */
export function alongPlane(projection, line, a, b, steps) {
  return evenly(line, steps).map(([u, v], i) => {
    const z = mix(a, b, i / (steps - 1));
    projection.lift(z, u, v);
    return z;
  });
}

/**
 * `steps` points at equal distances along a line.
 * @param {Point[]} line
 * @param {number} steps
 */
export function evenly(line, steps) {
  const ends = [0];
  for (let i = 1; i < line.length; i++)
    ends.push(ends[i - 1] + Math.hypot(line[i][0] - line[i - 1][0], line[i][1] - line[i - 1][1]));
  const length = ends[ends.length - 1];
  let i = 1;
  return at(steps, (t) => {
    while (i < line.length - 1 && ends[i] < t * length) i++;
    const share = (t * length - ends[i - 1]) / Math.max(ends[i] - ends[i - 1], TINY);
    const [[u0, v0], [u1, v1]] = [line[i - 1], line[i]];
    /** @type {Point} */
    const point = [u0 + share * (u1 - u0), v0 + share * (v1 - v0)];
    return point;
  });
}

/**
 * `point` at `steps` values of t from 0 to 1.
 * @template T
 * @param {number} steps
 * @param {(t: number) => T} point
 */
const at = (steps, point) => Array.from({ length: steps }, (_, i) => point(i / (steps - 1)));

/**
 * @param {Float64Array} a
 * @param {Float64Array} b
 */
const dot = (a, b) => a.reduce((sum, v, d) => sum + v * b[d], 0);

/**
 * a + t · (b − a).
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 * @param {number} t
 */
export const mix = (a, b, t) => Float64Array.from(a, (v, d) => v + t * (b[d] - v));
