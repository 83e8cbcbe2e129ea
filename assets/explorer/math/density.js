// The aggregate posterior q(z) = (1/N) Σ N(z; mu_i, Sigma_i), projected, on a grid; and its ratio to the prior.

import { finished } from "../core/slices.js";
import { HOLE } from "./holes.js";

/** @import { Rgb } from "../plot/palette.js" */
/** @import { Floats } from "./projection.js" */

/** A rectangle of the map, in data units. @typedef {[u0: number, u1: number, v0: number, v1: number]} Extent */

/** Colours above and below zero. @typedef {{ more: Rgb, less: Rgb }} Tints */

/** @typedef {"q" | "ratio" | "holes"} DensityMode */

/**
 * A colour with its opacity, from q(z), p(z), the tints and the largest q(z).
 * @typedef {(q: number, prior: number, colours: Tints, peak: number) => [Rgb, number]} Tint
 */

/**
 * Arguments of a density: projected means, projected covariance of a point, box of the grid, and which points count.
 * @typedef {[
 *   points: Floats[],
 *   covariance: (i: number) => ArrayLike<number>,
 *   box: Extent,
 *   visible: (i: number) => boolean,
 * ]} DensityArguments
 */

export const GRID = 200;
const PIECE = 50; // Gaussians between two interruptions
const REACH = 4; // standard deviations of a posterior beyond which it is left out
const SHADED = 0.02; // density of the prior from which a hole is fully shaded

/**
 * The density at the centre of each cell, row by row. Every Gaussian is widened by the variance of half a cell, so that
 * narrow ones do not fall between the centres.
 * @param {DensityArguments} given
 */
export const aggregatePosterior = (...given) => finished(aggregating(...given));

/**
 * The same as a generator, because many wide Gaussians take a second.
 * @param {DensityArguments} given
 */
export function* aggregating(...given) {
  const [[us, vs], covariance, box, visible] = given;
  const [u0, u1, v0, v1] = box;
  const du = (u1 - u0) / GRID;
  const dv = (v1 - v0) / GRID;
  const grid = new Float32Array(GRID * GRID);
  let n = 0;
  for (let i = 0; i < us.length; i++) {
    if (!visible(i)) continue;
    splat(grid, us[i] - u0, vs[i] - v0, covariance(i), du, dv);
    if (++n % PIECE === 0) yield;
  }
  for (let i = 0; i < grid.length; i++) grid[i] /= Math.max(1, n);
  return grid;
}

/**
 * The density of a latent space with one dimension: along u, and the same in every row of the grid.
 * @param {DensityArguments} given
 */
export function aggregateLine(...given) {
  const [[us], covariance, box, visible] = given;
  const du = (box[1] - box[0]) / GRID;
  const line = new Float64Array(GRID);
  let n = 0;
  for (let i = 0; i < us.length; i++) {
    if (!visible(i)) continue;
    n++;
    const variance = covariance(i)[0] + (du * du) / 4;
    for (let col = 0; col < GRID; col++) line[col] += gaussian(box[0] + (col + 0.5) * du - us[i], variance);
  }
  return Float32Array.from({ length: GRID * GRID }, (_, cell) => line[cell % GRID] / Math.max(1, n));
}

/**
 * N(x; 0, variance).
 * @param {number} x
 * @param {number} variance
 */
const gaussian = (x, variance) => Math.exp((-0.5 * x * x) / variance) / Math.sqrt(2 * Math.PI * variance);

/**
 * Adds a Gaussian at (u, v), up to 4 of its standard deviations. Along a row, the ratio of one cell to the one before
 * changes by a constant factor, so that three exponentials are enough for all of its cells.
 * @param {Float32Array} grid
 * @param {number} u from the corner of the grid
 * @param {number} v
 * @param {ArrayLike<number>} covariance
 * @param {number} du width of a cell
 * @param {number} dv height of a cell
 */
function splat(grid, u, v, covariance, du, dv) {
  const uu = covariance[0] + (du * du) / 4;
  const uv = covariance[1];
  const vv = covariance[2] + (dv * dv) / 4;
  const det = uu * vv - uv * uv;
  const scale = 1 / (2 * Math.PI * Math.sqrt(det));
  const curve = Math.exp((-vv * du * du) / det);
  const reach = REACH * Math.sqrt(vv);
  const last = Math.min(GRID - 1, Math.floor((v + reach) / dv - 0.5));
  for (let row = Math.max(0, Math.ceil((v - reach) / dv - 0.5)); row <= last; row++) {
    const y = (row + 0.5) * dv - v;
    const middle = (uv / vv) * y;
    const half = Math.sqrt((Math.max(0, REACH ** 2 - (y * y) / vv) * det) / vv);
    const from = Math.max(0, Math.ceil((u + middle - half) / du - 0.5));
    const to = Math.min(GRID - 1, Math.floor((u + middle + half) / du - 0.5));
    if (from > to) continue;
    const x = (from + 0.5) * du - u;
    let value = scale * Math.exp((-0.5 * (vv * x * x - 2 * uv * x * y + uu * y * y)) / det);
    let ratio = Math.exp((-0.5 * du * (vv * (2 * x + du) - 2 * uv * y)) / det);
    for (let cell = row * GRID + from; cell <= row * GRID + to; cell++) {
      grid[cell] += value;
      value *= ratio;
      ratio *= curve;
    }
  }
}

/**
 * An image of the grid. "q" tints by density; "ratio" by ln q(z)/p(z), clipped to ±3, with one colour above 0 and
 * another below; "holes" where q(z) is far below p(z), more strongly where the prior has more mass.
 * @param {Float32Array} grid
 * @param {Extent} box
 * @param {DensityMode} mode
 * @param {Tints} colours
 */
export function densityImage(grid, box, mode, colours, isLine = false) {
  const image = new ImageData(GRID, GRID);
  const peak = grid.reduce((a, b) => Math.max(a, b), 0) || 1;
  const [u0, u1, v0, v1] = box;
  for (let row = 0; row < GRID; row++)
    for (let col = 0; col < GRID; col++) {
      const q = grid[row * GRID + col];
      const u = u0 + ((col + 0.5) * (u1 - u0)) / GRID;
      const v = v0 + ((row + 0.5) * (v1 - v0)) / GRID;
      const prior = gaussian(u, 1) * (isLine ? 1 : gaussian(v, 1));
      const [colour, alpha] = TINTS[mode](q, prior, colours, peak);
      const p = 4 * ((GRID - 1 - row) * GRID + col);
      image.data.set([...colour, Math.round(255 * alpha)], p);
    }
  return image;
}

/** @type {Record<DensityMode, Tint>} */
const TINTS = {
  q: (q, _prior, colours, peak) => [colours.more, 0.85 * Math.sqrt(q / peak)],
  holes: (q, prior, colours) => [colours.less, q < HOLE * prior ? 0.5 * Math.min(1, prior / SHADED) : 0],
  ratio,
};

/** @type {Tint} */
function ratio(q, prior, colours) {
  const log = Math.max(-3, Math.min(3, Math.log((q + 1e-9) / (prior + 1e-9))));
  const weight = Math.min(1, Math.max(q, prior) / 0.01); // fades out where neither has mass
  return [log > 0 ? colours.more : colours.less, (0.75 * weight * Math.abs(log)) / 3];
}
