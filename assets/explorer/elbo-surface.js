// ln p(x|z) of one image at any z, from its values at the middles of cells: a fine grid where the posterior is, a coarse
// one around it. Between the middles it is Catmull-Rom's cubic.

export class Surface {
  // A grid is { low, high, cells, values }: corners (k), cells a side, and values row by row, the lowest row first.
  constructor(fine, coarse) {
    this.k = fine.low.length;
    this.fine = fine;
    this.coarse = coarse;
    this.peak = Math.max(highest(fine.values), highest(coarse.values));
  }

  at(z) {
    return interpolated(holds(this.fine, z) ? this.fine : this.coarse, z);
  }
}

// ln p(x|z) + ln p(z) − ln p(x) on the cells of a grid.
export function posteriorOn(grid, logEvidence) {
  const { cells, values, low } = grid;
  const k = low.length;
  const squares = Array.from({ length: k }, (_, d) => Float64Array.from({ length: cells }, (_, i) => middle(grid, d, i) ** 2));
  const constant = logEvidence + 0.5 * k * Math.log(2 * Math.PI);
  return { ...grid, values: values.map((value, i) => value - constant - 0.5 * squares.reduce((sum, axis, d) => sum + axis[d ? Math.floor(i / cells) : i % cells], 0)) };
}

// The middle of cell `i` along dimension `d`.
export const middle = ({ low, high, cells }, d, i) => low[d] + ((i + 0.5) / cells) * (high[d] - low[d]);

const highest = (values) => values.reduce((best, value) => Math.max(best, value), -Infinity);

const holds = ({ low, high }, z) => low.every((least, d) => z[d] >= least && z[d] <= high[d]);

const spots = [{ first: 0, weights: new Float64Array(4) }, { first: 0, weights: new Float64Array(4) }];

function interpolated(grid, z) {
  const { cells, values } = grid;
  place(grid, 0, z[0], spots[0]);
  if (grid.low.length === 1) return along(values, 0, cells, spots[0]);
  place(grid, 1, z[1], spots[1]);
  let sum = 0;
  for (let r = 0; r < 4; r++) sum += spots[1].weights[r] * along(values, clamped(spots[1].first + r, cells) * cells, cells, spots[0]);
  return sum;
}

function along(values, row, cells, { first, weights }) {
  let sum = 0;
  for (let c = 0; c < 4; c++) sum += weights[c] * values[row + clamped(first + c, cells)];
  return sum;
}

const clamped = (i, cells) => (i < 0 ? 0 : i >= cells ? cells - 1 : i);

// The first of the four middles around a coordinate, and the weight of each.
function place({ low, high, cells }, d, coordinate, spot) {
  const at = Math.min(cells, Math.max(-1, ((coordinate - low[d]) / (high[d] - low[d])) * cells - 0.5));
  const left = Math.floor(at);
  const t = at - left;
  spot.first = left - 1;
  spot.weights[0] = t * (-0.5 + t * (1 - 0.5 * t));
  spot.weights[1] = 1 + t * t * (1.5 * t - 2.5);
  spot.weights[2] = t * (0.5 + t * (2 - 1.5 * t));
  spot.weights[3] = t * t * (0.5 * t - 0.5);
}
