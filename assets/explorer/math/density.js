// The aggregate posterior q(z) = (1/N) Σ N(z; mu_i, Sigma_i), projected, on a grid; and its ratio to the prior.

import { finished } from "../core/slices.js";
import { HOLE } from "./holes.js";

export const GRID = 200;
const PIECE = 50; // of the Gaussians between two interruptions
const REACH = 4; // σ of a posterior, beyond which it is left out
const SHADED = 0.02; // the prior's density from which a hole is shaded fully

// `points` are the projected means [us, vs], `covariance(i)` a point's projected covariance; `box` = [u0, u1, v0, v1].
// Every Gaussian is widened by the variance of half a grid cell, so that narrow ones are not missed between cells.
export const aggregatePosterior = (...given) => finished(aggregating(...given));

// The same as a generator, for many wide ones take a second.
export function* aggregating([us, vs], covariance, box, visible) {
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

// The same of a line: the density along u, in every row of the grid; what stands across the line is no part of it.
export function aggregateLine([us], covariance, box, visible) {
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

// N(x; 0, variance).
const gaussian = (x, variance) => Math.exp((-0.5 * x * x) / variance) / Math.sqrt(2 * Math.PI * variance);

// Adds a Gaussian at (u, v) as far as 4 of its σ. Along a row, the ratio of one cell to the one before changes by a factor
// that is always the same, so that three exponentials do for all of its cells.
function splat(grid, u, v, [uu, uv, vv], du, dv) {
  uu += (du * du) / 4;
  vv += (dv * dv) / 4;
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

// An image of the grid: "q" tints by density; "ratio" by ln q(z)/p(z), one colour above 0, another below, within ±3;
// "holes" where q(z) is next to nothing beside p(z), all the more the more mass the prior has there.
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

const TINTS = {
  q: (q, prior, colours, peak) => [colours.more, 0.85 * Math.sqrt(q / peak)],
  holes: (q, prior, colours) => [colours.less, q < HOLE * prior ? 0.5 * Math.min(1, prior / SHADED) : 0],
  ratio,
};

function ratio(q, prior, colours) {
  const log = Math.max(-3, Math.min(3, Math.log((q + 1e-9) / (prior + 1e-9))));
  const weight = Math.min(1, Math.max(q, prior) / 0.01); // fades out where neither has mass
  return [log > 0 ? colours.more : colours.less, (0.75 * weight * Math.abs(log)) / 3];
}
