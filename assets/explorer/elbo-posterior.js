// The true posterior of one image, as the server has computed it: its evidence, and ln p(x|z) wherever it is asked for.

import { contour } from "./elbo-contours.js";
import { Gaussian } from "./elbo-gaussian.js";
import { Surface, posteriorOn } from "./elbo-surface.js";

const HALVES = [0.5, 2, 4.5]; // nats under the peak: of a Gaussian 1, 2 and 3 standard deviations
const LEVELS = { posterior: [...HALVES, 8], likelihood: [...HALVES, 10, 30, 100, 300] };
const AIR = 1.12; // around the picture, when it is looked at

export class Posterior {
  constructor(frame, q) {
    const { meta, arrays } = frame;
    this.meta = meta;
    this.k = meta.latent_dim;
    this.logEvidence = meta.log_evidence;
    this.ofEncoder = meta.q ? Gaussian.diagonal(meta.q.mu, meta.q.logvar.map((v) => Math.exp(v / 2))) : q;
    this.paths = new Map();
    if (!arrays.log_likelihood) return;
    const fine = this.gridOf(meta, arrays.log_likelihood);
    const coarse = this.gridOf(meta.coarse, arrays.coarse_log_likelihood);
    this.surface = new Surface(fine, coarse);
    this.grids = {
      likelihood: [fine, coarse],
      posterior: [posteriorOn(fine, this.logEvidence), posteriorOn(coarse, this.logEvidence)],
      prior: [priorOn(fine), priorOn(coarse)],
    };
  }

  gridOf({ low, high }, values) {
    return { low, high, cells: Math.round(values.length ** (1 / this.k)), values };
  }

  // Fine and coarse values of a density's logarithm, and the highest of them.
  grid(name) {
    const [fine, coarse] = this.grids[name];
    this.grids[name].peak ??= [fine, coarse].reduce((best, { values }) => values.reduce((a, b) => Math.max(a, b), best), -Infinity);
    return { fine, coarse, peak: this.grids[name].peak };
  }

  // Contours of a density in coordinates of the latent plane: [[nats under the peak, Path2D], …].
  contours(name) {
    if (!this.paths.has(name)) this.paths.set(name, LEVELS[name].map((under) => [under, this.path(name, under)]));
    return this.paths.get(name);
  }

  path(name, under) {
    const { fine, coarse, peak } = this.grid(name);
    const inFine = (x, y) => x > fine.low[0] && x < fine.high[0] && y > fine.low[1] && y < fine.high[1];
    const path = new Path2D();
    for (const segments of [contour(fine, peak - under), contour(coarse, peak - under, inFine)])
      for (let i = 0; i < segments.length; i += 4) {
        path.moveTo(segments[i], segments[i + 1]);
        path.lineTo(segments[i + 2], segments[i + 3]);
      }
    return path;
  }

  // Where to look to see all of it: { u, v, unit } for a rectangle in pixels.
  place({ width, height }) {
    const { low, high } = this.meta;
    const spans = low.map((least, d) => high[d] - least);
    const unit = AIR * Math.max(spans[0] / width, (spans[1] ?? 0) / height);
    return { u: (low[0] + high[0]) / 2, v: ((low[1] ?? 0) + (high[1] ?? 0)) / 2, unit };
  }
}

const priorOn = (grid) => posteriorOn({ ...grid, values: new Float32Array(grid.values.length) }, 0);
