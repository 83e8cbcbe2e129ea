// A beta path: what is known of one model at every stop of beta, and where on the slider each stop stands.

import { Frame } from "../data/frame.js";

const ZERO = 0.06; // share of the slider between beta 0 and the least beta above it: there the scale is linear, then log
const CATCH = 0.0035; // how near a stop the slider is taken to be at it
const AT_ONCE = 3; // decoders fetched at the same time
const ACTIVE = 0.01; // a dimension is active where the variance of its mean is larger (Burda et al. 2016)

export class Path {
  // `frame` is the base frame, `decoderUrl(stop)` where a stop's decoder is.
  constructor(frame, decoderUrl) {
    const { betas, up, down, latent_dim: k, classes, linear } = frame.meta;
    this.frame = frame;
    this.decoderUrl = decoderUrl;
    this.betas = betas;
    this.up = up;
    this.down = down;
    this.k = k;
    this.classes = classes;
    this.linear = linear;
    this.count = frame.arrays.labels.length;
    this.kinds = {
      names: frame.meta.factors.length ? frame.meta.factors : ["class"],
      labels: frame.arrays.labels,
      classes,
    };
    this.colour = 0;
    this.stops = betas.length;
    this.positions = betas.map((beta) => this.positionOf(beta));
    this.decoders = betas.map(() => null);
    this.forces = readForces(frame);
    this.spreads = betas.map((_, s) => this.variances(s));
    this.deaths = Array.from({ length: k }, (_, d) => this.death(d));
    this.plane = this.chiefDimensions();
    this.boxes = betas.map((_, s) => this.box(s));
  }

  // --- what the colours tell ---------------------------------------------------------------------------------------------

  // Takes the values of a factor for the classes; those of the first are the classes themselves.
  colourBy(factor) {
    const { frame, kinds, count } = this;
    const { names } = kinds;
    this.colour = factor;
    const values = factor
      ? Int32Array.from({ length: count }, (_, i) => frame.arrays.factors[i * names.length + factor])
      : kinds.labels;
    this.classes = factor
      ? Array.from({ length: Math.max(...values) + 1 }, (_, value) => String(value + 1))
      : kinds.classes;
    Object.assign(frame.meta, { classes: this.classes, ordered: factor > 0 });
    frame.arrays.labels = values;
  }

  get ordered() {
    return this.colour > 0;
  }

  // What a class is here, in a word.
  get kind() {
    return this.kinds.names[this.colour];
  }

  // --- the slider's scale ----------------------------------------------------------------------------------------------

  get low() {
    return this.betas[0] > 0 ? this.betas[0] : this.betas[1];
  }

  // Where the logarithmic part begins.
  get start() {
    return this.betas[0] > 0 ? 0 : ZERO;
  }

  positionOf(beta) {
    if (beta < this.low) return (this.start * Math.max(0, beta)) / this.low;
    const share = Math.log(beta / this.low) / Math.log(this.betas.at(-1) / this.low);
    return Math.min(1, this.start + (1 - this.start) * share);
  }

  betaAt(position) {
    const { stop, t } = this.place(position);
    if (t === 0) return this.betas[stop];
    if (position < this.start) return (this.low * position) / this.start;
    return this.low * (this.betas.at(-1) / this.low) ** ((position - this.start) / (1 - this.start));
  }

  // The stop at or before a position, and how far it is to the next one, 0 to 1.
  place(position) {
    let stop = 0;
    while (stop < this.stops - 1 && this.positions[stop + 1] <= position + 1e-9) stop++;
    if (stop === this.stops - 1) return { stop, t: 0 };
    const t = (position - this.positions[stop]) / (this.positions[stop + 1] - this.positions[stop]);
    return { stop, t: t < 1e-6 ? 0 : t };
  }

  // The position itself, or a stop's where one is near.
  caught(position) {
    return this.positions.find((at) => Math.abs(at - position) < CATCH) ?? Math.min(1, Math.max(0, position));
  }

  // The position of the stop before or after.
  neighbour(position, step) {
    const { stop, t } = this.place(position);
    const next = step > 0 ? stop + 1 : t > 0 ? stop : stop - 1;
    return this.positions[Math.min(this.stops - 1, Math.max(0, next))];
  }

  // --- numbers -----------------------------------------------------------------------------------------------------------

  // Those of the file at a stop; between two, what lies between theirs.
  numbers(position, way = "up", split = "test") {
    const { stop, t } = this.place(position);
    const [a, b] = [this[way][stop], this[way][Math.min(stop + 1, this.stops - 1)]];
    const mix = (x, y) => x + t * (y - x);
    const distortion = mix(a[split].distortion, b[split].distortion);
    const rate = mix(a[split].rate, b[split].rate);
    const rates = a.rate_per_dim.map((x, d) => mix(x, b.rate_per_dim[d]));
    return { beta: this.betaAt(position), exact: t === 0, distortion, rate, elbo: -(distortion + rate), rates };
  }

  // Variance of the mean of every dimension over the map's images, at a stop.
  variances(s) {
    const { mu } = this.frame.arrays;
    const { k, count } = this;
    const [sums, squares] = [new Float64Array(k), new Float64Array(k)];
    for (let i = 0, p = s * count * k; i < count; i++)
      for (let d = 0; d < k; d++, p++) {
        sums[d] += mu[p];
        squares[d] += mu[p] * mu[p];
      }
    return squares.map((square, d) => square / count - (sums[d] / count) ** 2);
  }

  // Where on the slider a dimension stops being active for good; null where it never does.
  death(d) {
    const alive = this.spreads.map((spread) => spread[d] > ACTIVE);
    const last = alive.lastIndexOf(true);
    if (last < 0 || last === this.stops - 1) return null;
    const [before, after] = [last, last + 1].map((s) => Math.log(this.spreads[s][d] + 1e-12));
    const t = (before - Math.log(ACTIVE)) / (before - after);
    return this.positions[last] + t * (this.positions[last + 1] - this.positions[last]);
  }

  // Where no dimension is active any more; null where some always is.
  get collapse() {
    return this.deaths.includes(null) ? null : Math.max(...this.deaths);
  }

  // The two dimensions a map of more than two shows: those with the highest rate at beta 1.
  chiefDimensions() {
    if (this.k <= 2) return this.k === 1 ? [0] : [0, 1];
    const rates = this.numbers(this.positionOf(1)).rates;
    return this.byRate(rates)
      .slice(0, 2)
      .sort((a, b) => a - b);
  }

  byRate(rates) {
    return [...rates.keys()].sort((a, b) => rates[b] - rates[a] || a - b);
  }

  // What the points of a stop span: [least, largest] across and up.
  box(s) {
    const { mu } = this.frame.arrays;
    const { k, count, plane } = this;
    return [0, 1].map((axis) => {
      if (plane[axis] === undefined) return [-0.5, 0.5];
      let [low, high] = [Infinity, -Infinity];
      for (let i = 0, p = s * count * k + plane[axis]; i < count; i++, p += k) {
        low = Math.min(low, mu[p]);
        high = Math.max(high, mu[p]);
      }
      return [low, high];
    });
  }

  // --- decoders ------------------------------------------------------------------------------------------------------------

  // Fetches the decoders that lack, those nearest to `position()` first; `arrived(stop)` hears of each.
  async fetchDecoders(position, arrived, signal) {
    const waiting = new Set(this.betas.keys());
    const next = () => {
      const { stop, t } = this.place(position());
      return [...waiting].sort((a, b) => Math.abs(a - stop - t) - Math.abs(b - stop - t))[0];
    };
    const work = async () => {
      while (waiting.size && !signal.aborted) {
        const stop = next();
        waiting.delete(stop);
        this.decoders[stop] = (await Frame.fetch(this.decoderUrl(stop))).arrays;
        if (!signal.aborted) arrived(stop);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  hasDecoders(position) {
    const { stop, t } = this.place(position);
    return Boolean(this.decoders[stop] && (t === 0 || this.decoders[stop + 1]));
  }
}

// The forces of the distortion that the file may hold: { points, mu, muError, logSigma, logSigmaError }, or null.
function readForces({ arrays }) {
  if (!arrays["force.points"]) return null;
  return {
    points: arrays["force.points"],
    mu: arrays["force.distortion_mu"],
    muError: arrays["force.distortion_mu_se"],
    logSigma: arrays["force.distortion_logsigma"],
    logSigmaError: arrays["force.distortion_logsigma_se"],
  };
}
