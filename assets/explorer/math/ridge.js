// The least-cost path through a density on a grid (Dijkstra), where a step costs its length over the density: it keeps to
// the ridges, and crosses a hole where there is no way around.

const FLOOR = 1e-3; // of the peak: what the density counts for where there is none, so that far ways round have an end
const SMOOTHINGS = 6;

// To the eight neighbours and the eight knight's moves, so that paths can turn finely: [columns, rows].
const MOVES = [];
for (let x = -2; x <= 2; x++)
  for (let y = -2; y <= 2; y++)
    if (Math.abs(x) + Math.abs(y) === 3 || Math.max(Math.abs(x), Math.abs(y)) === 1) MOVES.push([x, y]);

// `grid` holds the density row by row, size × size cells over `box` = [u0, u1, v0, v1]. A line of [u, v] pairs from
// `start` to `end`; ends beyond the box are reached straight from its edge.
export function ridge(grid, size, [u0, u1, v0, v1], start, end) {
  const [du, dv] = [(u1 - u0) / size, (v1 - v0) / size];
  const cell = ([u, v]) => clamp((v - v0) / dv, size) * size + clamp((u - u0) / du, size);
  const [from, to] = [cell(start), cell(end)];
  const cells = from === to ? [] : cheapest(costs(grid), size, [du, dv], from, to);
  const middle = (c) => [u0 + ((c % size) + 0.5) * du, v0 + (Math.floor(c / size) + 0.5) * dv];
  return smooth([start, ...cells.slice(1, -1).map(middle), end]);
}

function costs(grid) {
  const peak = grid.reduce((a, b) => Math.max(a, b), 0) || 1;
  return grid.map((q) => 1 / (q / peak + FLOOR));
}

function cheapest(cost, size, [du, dv], from, to) {
  const total = new Float64Array(cost.length).fill(Infinity);
  const before = new Int32Array(cost.length).fill(-1);
  const queue = new Queue();
  total[from] = 0;
  queue.push(0, from);
  for (let next = queue.pop(); next; next = queue.pop()) {
    const [spent, here] = next;
    if (here === to) break;
    if (spent > total[here]) continue; // reached cheaper since
    const [col, row] = [here % size, Math.floor(here / size)];
    for (const [x, y] of MOVES) {
      if (col + x < 0 || col + x >= size || row + y < 0 || row + y >= size) continue;
      const there = here + y * size + x;
      const sum = spent + Math.hypot(x * du, y * dv) * ((cost[here] + cost[there]) / 2);
      if (sum >= total[there]) continue;
      total[there] = sum;
      before[there] = here;
      queue.push(sum, there);
    }
  }
  const cells = [to];
  while (cells[0] !== from) cells.unshift(before[cells[0]]);
  return cells;
}

// Takes the staircase of the cells out of a line; its ends stay.
function smooth(line) {
  for (let n = 0; n < SMOOTHINGS; n++)
    line = line.map((p, i) =>
      line[i - 1] && line[i + 1] ? p.map((v, axis) => v / 2 + (line[i - 1][axis] + line[i + 1][axis]) / 4) : p,
    );
  return line;
}

const clamp = (x, size) => Math.max(0, Math.min(size - 1, Math.floor(x)));

// A binary heap: the least key first.
class Queue {
  constructor() {
    this.items = [];
  }

  push(key, value) {
    const { items } = this;
    let i = items.push([key, value]) - 1;
    for (let up = (i - 1) >> 1; i > 0 && items[up][0] > key; i = up, up = (i - 1) >> 1) items[i] = items[up];
    items[i] = [key, value];
  }

  pop() {
    const { items } = this;
    const least = items[0];
    const last = items.pop();
    if (!items.length) return least;
    let i = 0;
    for (let down = 1; down < items.length; i = down, down = 2 * i + 1) {
      if (items[down + 1]?.[0] < items[down][0]) down++;
      if (items[down][0] >= last[0]) break;
      items[i] = items[down];
    }
    items[i] = last;
    return least;
  }
}
