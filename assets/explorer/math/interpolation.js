// Paths through the latent space from a to b. Each is a list of `steps` vectors, both ends among them.

const TINY = 1e-9;

export function straight(a, b, steps) {
  return at(steps, (t) => mix(a, b, t));
}

// Along the sphere: the direction turns evenly and the length goes evenly from ‖a‖ to ‖b‖, so that the path stays where
// N(0, I) of many dimensions has its mass (White 2016). Without a direction to turn from, it is the straight one.
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

// The unit vector towards b across `from`; between opposite ends any will do, and null between ends of one direction.
function perpendicular(from, b) {
  const reject = (v) => {
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

// Along a line on a plane, given as [u, v] pairs: on the plane z follows the line, across it z goes straight from a to b.
export function alongPlane(projection, line, a, b, steps) {
  return evenly(line, steps).map(([u, v], i) => {
    const z = mix(a, b, i / (steps - 1));
    projection.lift(z, u, v);
    return z;
  });
}

// `steps` points at even distances along a line.
export function evenly(line, steps) {
  const ends = [0];
  for (let i = 1; i < line.length; i++)
    ends.push(ends[i - 1] + Math.hypot(line[i][0] - line[i - 1][0], line[i][1] - line[i - 1][1]));
  const length = ends.at(-1);
  let i = 1;
  return at(steps, (t) => {
    while (i < line.length - 1 && ends[i] < t * length) i++;
    const share = (t * length - ends[i - 1]) / Math.max(ends[i] - ends[i - 1], TINY);
    return [0, 1].map((axis) => line[i - 1][axis] + share * (line[i][axis] - line[i - 1][axis]));
  });
}

const at = (steps, point) => Array.from({ length: steps }, (_, i) => point(i / (steps - 1)));

const dot = (a, b) => a.reduce((sum, v, d) => sum + v * b[d], 0);

export const mix = (a, b, t) => Float64Array.from(a, (v, d) => v + t * (b[d] - v));
