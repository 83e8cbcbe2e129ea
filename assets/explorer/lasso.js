// Which points lie within a shape drawn on the map: a box, or a line that closes itself.

// The corners of a box over two of its points.
export const box = ([u0, v0], [u1, v1]) => [[u0, v0], [u1, v0], [u1, v1], [u0, v1]];

// The indices of the points within `shape`, a list of [u, v] corners, in order. Where its line crosses itself, what it
// goes round twice is outside (even-odd).
export function within(shape, { us, vs }, counts = () => true) {
  const [u0, u1] = ends(shape, 0);
  const [v0, v1] = ends(shape, 1);
  const found = [];
  for (let i = 0; i < us.length; i++) {
    const [u, v] = [us[i], vs[i]];
    if (u >= u0 && u <= u1 && v >= v0 && v <= v1 && counts(i) && surrounds(shape, u, v)) found.push(i);
  }
  return found;
}

function ends(shape, axis) {
  let [low, high] = [Infinity, -Infinity];
  for (const corner of shape) {
    low = Math.min(low, corner[axis]);
    high = Math.max(high, corner[axis]);
  }
  return [low, high];
}

function surrounds(shape, u, v) {
  let inside = false;
  for (let i = 0, j = shape.length - 1; i < shape.length; j = i++) {
    const [[ui, vi], [uj, vj]] = [shape[i], shape[j]];
    if (vi > v !== vj > v && u < ui + ((v - vi) / (vj - vi)) * (uj - ui)) inside = !inside;
  }
  return inside;
}
