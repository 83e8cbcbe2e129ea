// The true posterior of one image as the server has computed it: ln p(x), and ln p(x|z) on grids.

import { contour } from "../math/contours.js";
import { middle, posteriorOn, Surface } from "../math/surface.js";
import { Gaussian } from "./gaussian.js";

/** @import { Answers, GridPosteriorArrays, GridPosteriorMeta } from "../data/evidence.js" */
/** @import { Frame } from "../data/frame.js" */
/** @import { Grid } from "../math/surface.js" */

/** @typedef {"prior" | "likelihood" | "posterior"} DensityName */

const HALVES = [0.5, 2, 4.5]; // nats below the peak: for a Gaussian 1, 2 and 3 standard deviations
const LEVELS = { posterior: [...HALVES, 8], likelihood: [...HALVES, 10, 30, 100, 300] };
const TAIL = 0.01; // share of the mass that may be left out on either side …
const AIR = 0.6; // … before this share of the width is added there

export class Posterior {
  /**
   * @param {Answers["posterior"]} frame the server's answer
   * @param {Gaussian} q the encoder's, where the answer has none
   */
  constructor(frame, q) {
    const { meta } = frame;
    this.meta = meta;
    this.k = meta.latent_dim;
    this.logEvidence = meta.log_evidence;
    this.ofEncoder = meta.q
      ? Gaussian.diagonal(
          meta.q.mu,
          meta.q.logvar.map((v) => Math.exp(v / 2)),
        )
      : q;
    /** u, v and share of the mass of each mode. */
    this.modes = "modes" in meta ? meta.modes : [];
    /** @type {Map<DensityName, { fine: Grid, coarse: Grid, peak: number }>} */ this.grids = new Map();
    /** @type {Map<DensityName, { fine: Path2D, coarse: Path2D }[]>} */ this.paths = new Map();
    /** @type {Surface | null} ln p(x|z), with one or two latent dimensions. */
    this.surface = isGrid(frame) ? Surface.of(frame) : null;
  }

  /**
   * Takes over ln p(x) from a later answer with finer cells.
   * @param {{ log_evidence: number, error: number, levels: [number, number][] }} answer
   */
  refine({ log_evidence, error, levels }) {
    this.logEvidence = log_evidence;
    Object.assign(this.meta, { error, levels });
  }

  /**
   * The logarithm of a density on the fine and the coarse grid, and its maximum.
   * @param {DensityName} name
   */
  grid(name) {
    const known = this.grids.get(name);
    if (known) return known;
    if (!this.surface) throw new Error("There are grids in one or two latent dimensions only.");
    const fine = ON[name](this.surface.fine, this.logEvidence);
    const coarse = ON[name](this.surface.coarse, this.logEvidence);
    const made = { fine, coarse, peak: Math.max(highest(fine), highest(coarse)) };
    this.grids.set(name, made);
    return made;
  }

  /**
   * Contours of a density in coordinates of the latent plane, one for each of its levels. The coarse paths are valid outside
   * of the fine grid only.
   * @param {keyof typeof LEVELS} name
   */
  contours(name) {
    const known = this.paths.get(name);
    if (known) return known;
    const { fine, coarse, peak } = this.grid(name);
    const made = LEVELS[name].map((under) => ({
      fine: pathOf(fine, peak - under),
      coarse: pathOf(coarse, peak - under),
    }));
    this.paths.set(name, made);
    return made;
  }

  /**
   * The part of the plane that shows the posterior and the encoder's q: its middle, and data units a pixel. Far modes of
   * little mass may be left out.
   * @param {{ width: number, height: number }} rectangle of the map, in pixels
   */
  place({ width, height }) {
    const spans = this.grid("posterior").fine.low.map((_, d) => this.span(d));
    const lengths = spans.map(([low, high]) => high - low);
    const unit = Math.max(lengths[0] / width, (lengths[1] ?? 0) / height);
    const [u, v = 0] = spans.map(([low, high]) => (low + high) / 2);
    return { u, v, unit };
  }

  /**
   * The interval of dimension `d` that contains nearly all of the posterior's mass with a margin, and three standard
   * deviations of the encoder's q.
   * @param {number} d
   */
  span(d) {
    const { fine } = this.grid("posterior");
    const marginal = new Float64Array(fine.cells);
    for (let i = 0; i < fine.values.length; i++)
      marginal[d ? Math.floor(i / fine.cells) : i % fine.cells] += Math.exp(fine.values[i]);
    const total = marginal.reduce((a, b) => a + b, 0);
    let below = 0;
    const inside = [];
    for (let i = 0; i < marginal.length; i++) {
      below += marginal[i] / total;
      if (below > TAIL && below - marginal[i] / total < 1 - TAIL) inside.push(i);
    }
    const [low, high] = [middle(fine, d, inside[0]), middle(fine, d, inside[inside.length - 1])];
    const air = AIR * (high - low);
    const [mu, sigma] = [this.ofEncoder.mu[d], this.ofEncoder.sigmas()[d]];
    return [Math.min(low - air, mu - 3 * sigma), Math.max(high + air, mu + 3 * sigma)];
  }
}

/**
 * @param {Answers["posterior"]} frame
 * @returns {frame is Frame<GridPosteriorMeta, GridPosteriorArrays>}
 */
const isGrid = (frame) => "log_likelihood" in frame.arrays;

function highest(/** @type {Grid} */ { values }) {
  let peak = -Infinity;
  for (const value of values) peak = Math.max(peak, value);
  return peak;
}

/**
 * The contour of a grid at a level, in coordinates of the latent plane.
 * @param {Grid} grid
 * @param {number} level
 */
function pathOf(grid, level) {
  const path = new Path2D();
  const segments = contour(grid.values, grid.cells, level);
  const x = (/** @type {number} */ i) => middle(grid, 0, segments[i]);
  const y = (/** @type {number} */ i) => middle(grid, 1, segments[i + 1]);
  for (let i = 0; i < segments.length; i += 4) {
    path.moveTo(x(i), y(i));
    path.lineTo(x(i + 2), y(i + 2));
  }
  return path;
}

/**
 * The logarithm of each density on the cells of a grid that has ln p(x|z).
 * @type {Record<DensityName, (grid: Grid, logEvidence: number) => Grid>}
 */
const ON = {
  likelihood: (grid) => grid,
  posterior: posteriorOn,
  prior: (grid) => posteriorOn({ ...grid, values: new Float32Array(grid.values.length) }, 0),
};
