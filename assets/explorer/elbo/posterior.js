// The true posterior of one image, as the server has computed it: its evidence, and ln p(x|z) wherever it is asked for.

import { contour } from "../math/contours.js";
import { middle, posteriorOn, Surface } from "../math/surface.js";
import { Gaussian } from "./gaussian.js";

const HALVES = [0.5, 2, 4.5]; // nats under the peak: of a Gaussian 1, 2 and 3 standard deviations
const LEVELS = { posterior: [...HALVES, 8], likelihood: [...HALVES, 10, 30, 100, 300] };
const TAIL = 0.01; // of the mass on either side may lie out of view at first …
const AIR = 0.6; // … though hardly does, with so much of the width of the rest added there

export class Posterior {
  constructor(frame, q) {
    const { meta, arrays } = frame;
    this.meta = meta;
    this.k = meta.latent_dim;
    this.logEvidence = meta.log_evidence;
    this.ofEncoder = meta.q
      ? Gaussian.diagonal(
          meta.q.mu,
          meta.q.logvar.map((v) => Math.exp(v / 2)),
        )
      : q;
    this.grids = new Map();
    this.paths = new Map();
    if (arrays.log_likelihood) this.surface = Surface.of(frame);
  }

  // The evidence on finer cells than those that were quick enough for a picture.
  refine({ log_evidence, error, levels }) {
    this.logEvidence = log_evidence;
    Object.assign(this.meta, { error, levels });
  }

  // Fine and coarse values of a density's logarithm, and the highest of them.
  grid(name) {
    if (!this.grids.has(name)) {
      const [fine, coarse] = [this.surface.fine, this.surface.coarse].map((grid) => ON[name](grid, this.logEvidence));
      const highest = ({ values }) => values.reduce((a, b) => Math.max(a, b), -Infinity);
      this.grids.set(name, { fine, coarse, peak: Math.max(highest(fine), highest(coarse)) });
    }
    return this.grids.get(name);
  }

  // Contours of a density in coordinates of the latent plane, each at so many nats under the peak: [[fine, coarse], …]. The
  // coarse ones count outside of the fine grid alone.
  contours(name) {
    if (!this.paths.has(name)) {
      const { fine, coarse, peak } = this.grid(name);
      this.paths.set(
        name,
        LEVELS[name].map((under) => [fine, coarse].map((grid) => pathOf(grid, peak - under))),
      );
    }
    return this.paths.get(name);
  }

  // Where to look to see it and the encoder's q: { u, v, unit } for a rectangle in pixels. Far modes of little mass may be left out.
  place({ width, height }) {
    const spans = this.meta.low.map((_, d) => this.span(d));
    const lengths = spans.map(([low, high]) => high - low);
    const unit = Math.max(lengths[0] / width, (lengths[1] ?? 0) / height);
    const [u, v = 0] = spans.map(([low, high]) => (low + high) / 2);
    return { u, v, unit };
  }

  // Of dimension d: what holds nearly all of the mass, with air, and three standard deviations of the encoder's q.
  span(d) {
    const { fine } = this.grid("posterior");
    const marginal = new Float64Array(fine.cells);
    fine.values.forEach((value, i) => (marginal[d ? Math.floor(i / fine.cells) : i % fine.cells] += Math.exp(value)));
    const total = marginal.reduce((a, b) => a + b, 0);
    let below = 0;
    const inside = [...marginal.keys()].filter(
      (i) => (below += marginal[i] / total) > TAIL && below - marginal[i] / total < 1 - TAIL,
    );
    const [low, high] = [middle(fine, d, inside[0]), middle(fine, d, inside.at(-1))];
    const air = AIR * (high - low);
    const [mu, sigma] = [this.ofEncoder.mu[d], this.ofEncoder.sigmas()[d]];
    return [Math.min(low - air, mu - 3 * sigma), Math.max(high + air, mu + 3 * sigma)];
  }
}

function pathOf(grid, level) {
  const path = new Path2D();
  const segments = contour(grid.values, grid.cells, level);
  const [x, y] = [0, 1].map((d) => (i) => middle(grid, d, segments[i + d]));
  for (let i = 0; i < segments.length; i += 4) {
    path.moveTo(x(i), y(i));
    path.lineTo(x(i + 2), y(i + 2));
  }
  return path;
}

// The logarithm of each density on a grid of the likelihood's.
const ON = {
  likelihood: (grid) => grid,
  posterior: posteriorOn,
  prior: (grid) => posteriorOn({ ...grid, values: new Float32Array(grid.values.length) }, 0),
};
