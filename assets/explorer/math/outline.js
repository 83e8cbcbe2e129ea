// A line drawn by hand, in few corners.

// The corners of a line that keep all of it within `tolerance` of them, those first that lie furthest off; both its ends are
// among them, and no more than `most`.
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

// Of the points of a line between two of them, the one furthest from the straight way.
function furthest(line, from, to) {
  let [at, off] = [from, 0];
  for (let i = from + 1; i < to; i++) {
    const away = distance(line[i], line[from], line[to]);
    if (away > off) [at, off] = [i, away];
  }
  return { from, to, at, off };
}

// From a point to the straight way between two others.
function distance([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1);
  const share = Math.max(0, Math.min(1, along));
  return Math.hypot(x - ax - share * dx, y - ay - share * dy);
}
