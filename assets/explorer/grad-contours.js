// Lines of equal height of a grid of numbers (marching squares).

// `values` row by row, `columns` a row; the lines as segments [x0, y0, x1, y1, …] in cells of the grid.
export function contour(values, columns, level) {
  const rows = values.length / columns;
  const segments = [];
  for (let y = 0; y + 1 < rows; y++)
    for (let x = 0; x + 1 < columns; x++) {
      const at = y * columns + x;
      const corners = [values[at], values[at + 1], values[at + columns + 1], values[at + columns]];
      const above = corners.map((value) => value > level);
      if (above.every((high) => high === above[0])) continue;
      segments.push(...crossings(corners, above, level).flatMap(([dx, dy]) => [x + dx, y + dy]));
    }
  return segments;
}

const EDGES = [
  [0, 1, (t) => [t, 0]],
  [1, 2, (t) => [1, t]],
  [2, 3, (t) => [1 - t, 1]],
  [3, 0, (t) => [0, 1 - t]],
];

// Two points, or four of a saddle, in which the middle tells which two belong together.
function crossings(corners, above, level) {
  const points = [];
  for (const [a, b, place] of EDGES)
    if (above[a] !== above[b]) points.push(place((level - corners[a]) / (corners[b] - corners[a])));
  const middle = (corners[0] + corners[1] + corners[2] + corners[3]) / 4 > level;
  return points.length === 4 && middle === above[0] ? [points[0], points[1], points[2], points[3]] : turned(points);
}

const turned = (points) => (points.length === 4 ? [points[3], points[0], points[1], points[2]] : points);
