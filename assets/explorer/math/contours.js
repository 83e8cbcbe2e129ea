// Lines of equal value through a grid of numbers (marching squares).

// `values` row by row, `columns` a row. Segments [x0, y0, x1, y1, …] at `level`, in columns and rows of the grid.
export function contour(values, columns, level) {
  const rows = values.length / columns;
  const found = [];
  for (let row = 0; row + 1 < rows; row++)
    for (let col = 0; col + 1 < columns; col++) {
      const i = row * columns + col;
      const a = values[i];
      const b = values[i + 1];
      const c = values[i + columns + 1];
      const d = values[i + columns];
      const kind = (a > level) | ((b > level) << 1) | ((c > level) << 2) | ((d > level) << 3);
      if (kind === 0 || kind === 15) continue;
      const cut = (from, to) => (level - from) / (to - from);
      const bottom = () => [col + cut(a, b), row];
      const right = () => [col + 1, row + cut(b, c)];
      const top = () => [col + cut(d, c), row + 1];
      const left = () => [col, row + cut(a, d)];
      const saddle = kind === 5 || kind === 10;
      const joined = saddle && (a + b + c + d) / 4 > level === (kind === 5); // the high corners of a saddle are one region
      if (saddle) push(found, ...(joined ? [left(), top(), bottom(), right()] : [left(), bottom(), top(), right()]));
      else push(found, ...PAIRS[Math.min(kind, 15 - kind)].map((side) => ({ bottom, right, top, left })[side]()));
    }
  return Float64Array.from(found);
}

// Which sides of a cell the line crosses, by the corners above the level (lower left 1, lower right 2, upper right 4).
const PAIRS = {
  1: ["left", "bottom"],
  2: ["bottom", "right"],
  3: ["left", "right"],
  4: ["top", "right"],
  6: ["bottom", "top"],
  7: ["left", "top"],
};

const push = (list, ...points) => points.forEach(([x, y]) => list.push(x, y));
