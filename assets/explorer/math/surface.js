// ln p(x|z) of one image at any z, from its values at the centres of cells: a fine grid where the posterior is, a
// coarse one around it. Between the centres it is interpolated by Catmull-Rom's cubic; the gradient is that of the
// cubic.

/** @import { GridBox, GridPosteriorArrays } from "../data/evidence.js" */
/** @import { Floats } from "./projection.js" */

/**
 * A grid with a value at the centre of each cell, row by row, the lowest row first.
 * @typedef {GridBox & { values: Floats }} Grid
 */

/**
 * Where a coordinate lies among four cell centres: the index of the first, and for each centre its weight and the
 * derivative of its weight.
 * @typedef {{ first: number, weights: Float64Array, slopes: Float64Array }} Spot
 */

export class Surface {
  /**
   * @param {Grid} fine
   * @param {Grid} coarse
   */
  constructor(fine, coarse) {
    this.fine = fine;
    this.coarse = coarse;
  }

  /**
   * The surface of the server's answer "posterior".
   * @param {{ meta: GridBox & { coarse: GridBox }, arrays: GridPosteriorArrays }} frame
   */
  static of({ meta, arrays }) {
    /**
     * @param {GridBox} box
     * @param {Floats} values
     */
    const grid = ({ low, high, cells }, values) => ({ low, high, cells, values });
    return new Surface(grid(meta, arrays.log_likelihood), grid(meta.coarse, arrays.coarse_log_likelihood));
  }

  /**
   * The value at z; writes its gradient into `slope`, if given.
   * @param {ArrayLike<number>} z
   * @param {Floats | number[]} [slope]
   */
  at(z, slope) {
    return cubic(holds(this.fine, z) ? this.fine : this.coarse, z, slope);
  }
}

/**
 * ln p(z|x) = ln p(x|z) + ln p(z) − ln p(x) on the cells of a grid that holds ln p(x|z).
 * @param {Grid} grid
 * @param {number} logEvidence ln p(x)
 */
export function posteriorOn(grid, logEvidence) {
  const { cells, low } = grid;
  /** @type {ArrayLike<number>[]} */
  const [across, up = [0]] = low.map((_, d) =>
    Float64Array.from({ length: cells }, (_, i) => 0.5 * middle(grid, d, i) ** 2),
  );
  const constant = logEvidence + 0.5 * low.length * Math.log(2 * Math.PI);
  const values = grid.values.slice();
  for (let row = 0, i = 0; row < up.length; row++)
    for (let col = 0; col < cells; col++, i++) values[i] -= constant + across[col] + up[row];
  return { ...grid, values };
}

/**
 * The centre of cell `i` along dimension `d`.
 * @param {GridBox} box
 * @param {number} d
 * @param {number} i
 */
export const middle = ({ low, high, cells }, d, i) => low[d] + ((i + 0.5) / cells) * (high[d] - low[d]);

/**
 * @param {GridBox} box
 * @param {ArrayLike<number>} z
 */
const holds = ({ low, high }, z) => low.every((least, d) => z[d] >= least && z[d] <= high[d]);

/** @returns {Spot} */
const spot = () => ({ first: 0, weights: new Float64Array(4), slopes: new Float64Array(4) });
const [x, y] = [spot(), spot()]; // made once, because `cubic` is called very often

/**
 * @param {Grid} grid
 * @param {ArrayLike<number>} z
 * @param {Floats | number[]} [slope]
 */
function cubic(grid, z, slope) {
  place(grid, 0, z[0], x);
  if (grid.low.length === 1) {
    if (slope) slope[0] = along(grid, 0, x.slopes);
    return along(grid, 0, x.weights);
  }
  place(grid, 1, z[1], y);
  let value = 0;
  if (slope) {
    slope[0] = 0;
    slope[1] = 0;
  }
  for (let r = 0; r < 4; r++) {
    const row = clamped(y.first + r, grid.cells) * grid.cells;
    const there = along(grid, row, x.weights);
    value += y.weights[r] * there;
    if (!slope) continue;
    slope[0] += y.weights[r] * along(grid, row, x.slopes);
    slope[1] += y.slopes[r] * there;
  }
  return value;
}

/**
 * The weighted sum of the four values around x, in the row whose first value is at index `row`.
 * @param {Grid} grid
 * @param {number} row
 * @param {Float64Array} weights
 */
function along({ values, cells }, row, weights) {
  let sum = 0;
  for (let c = 0; c < 4; c++) sum += weights[c] * values[row + clamped(x.first + c, cells)];
  return sum;
}

/**
 * @param {number} i
 * @param {number} cells
 */
const clamped = (i, cells) => (i < 0 ? 0 : i >= cells ? cells - 1 : i);

/**
 * Writes into `spot` where a coordinate lies. Beyond the outermost centres the interpolated value is constant.
 * @param {GridBox} box
 * @param {number} d
 * @param {number} coordinate
 * @param {Spot} spot
 */
function place({ low, high, cells }, d, coordinate, spot) {
  const perUnit = cells / (high[d] - low[d]);
  const wanted = (coordinate - low[d]) * perUnit - 0.5;
  const at = Math.min(cells - 1, Math.max(0, wanted));
  const left = Math.min(cells - 2, Math.floor(at));
  const t = at - left;
  const { weights: w, slopes: s } = spot;
  spot.first = left - 1;
  w[0] = t * (-0.5 + t * (1 - 0.5 * t));
  w[1] = 1 + t * t * (1.5 * t - 2.5);
  w[2] = t * (0.5 + t * (2 - 1.5 * t));
  w[3] = t * t * (0.5 * t - 0.5);
  const scale = wanted === at ? perUnit : 0;
  s[0] = scale * (-0.5 + t * (2 - 1.5 * t));
  s[1] = scale * t * (4.5 * t - 5);
  s[2] = scale * (0.5 + t * (4 - 4.5 * t));
  s[3] = scale * t * (1.5 * t - 1);
}
