// A beta path: one model trained at every stop of beta. What is known of the model at each stop, and where each stop lies
// on the slider.
//
// A stop is an index into `betas`; a position is a place on the slider, from 0 to 1.

/** @import { NetworkMeta } from "../data/frame.js" */

import { Frame } from "../data/frame.js";

const ZERO = 0.06; // share of the slider between beta 0 and the smallest positive beta: linear there, logarithmic after it
const SNAP = 0.0035; // the slider snaps to a stop that is nearer than this
const AT_ONCE = 3; // decoders fetched at the same time
const ACTIVE = 0.01; // a dimension is active where the variance of its mean is larger (Burda et al. 2016)

/**
 * Averages over the images of one split, in nats per image.
 * @typedef {{ distortion: number, rate: number }} SplitNumbers
 */

/**
 * The three parts of the rate, in nats.
 * @typedef {{ index_code_mi: number, total_correlation: number, dimension_wise_kl: number }} Surgery
 */

/**
 * Scores of disentanglement, and how many images, draws and votes they were measured with.
 * @typedef {object} Disentanglement
 * @property {number} mig
 * @property {number} factor_vae
 * @property {number} factor_vae_se
 * @property {number} images
 * @property {number} draws
 * @property {number} votes
 * @property {number} votes_of images per vote
 */

/**
 * The numbers of the model at one stop. Files may lack the optional ones.
 * @typedef {object} StopNumbers
 * @property {SplitNumbers} test
 * @property {SplitNumbers} train
 * @property {number[]} rate_per_dim rate of every latent dimension on the test images, in nats
 * @property {number} active_units
 * @property {Surgery} [surgery]
 * @property {Disentanglement} [disentanglement]
 * @property {number} [hole_share]
 * @property {number} [hole_share_se]
 * @property {number} [overlap]
 * @property {number} [overlap_se]
 */

/**
 * The optimum of a linear VAE in closed form: the beta at which every dimension collapses, and a curve of rate and
 * distortion.
 * @typedef {{ thresholds: number[], rates: number[], distortions: number[] }} ClosedForm
 */

/**
 * The part of a path frame's header that this page reads. `up` holds the stops of the training with increasing beta,
 * `down` those of the way back; both are in the order of `betas`.
 * @typedef {object} PathFacts
 * @property {string[]} classes
 * @property {boolean} [ordered] whether the classes have an order
 * @property {number[]} betas
 * @property {StopNumbers[]} up
 * @property {StopNumbers[]} down
 * @property {number} sigma standard deviation of a gaussian likelihood
 * @property {ClosedForm | null} linear
 * @property {string[]} factors names of the factors that the images were drawn from, the class first; may be empty
 */

/**
 * Arrays of a path frame: `mu` and `logvar` (stops, images, k), `images` (images, channels, height, width), `labels` and
 * `index` (images), `factors` (images, factors); "force.points" (points), the other forces (stops, points, k).
 * @typedef {{
 *   mu: Float32Array,
 *   logvar: Float32Array,
 *   images: Uint8Array,
 *   labels: Int32Array,
 *   index: Int32Array,
 *   factors: Int32Array,
 *   "force.points"?: Int32Array,
 *   "force.distortion_mu": Float32Array,
 *   "force.distortion_mu_se": Float32Array,
 *   "force.distortion_logsigma": Float32Array,
 *   "force.distortion_logsigma_se": Float32Array
 * }} PathArrays
 */

/** @typedef {NetworkMeta & PathFacts} PathMeta */

/** @typedef {Frame<PathMeta, PathArrays>} PathFrame */

/**
 * Forces of the distortion on some points of the map, with their standard errors: arrays (stops, points, k).
 * @typedef {object} PathForces
 * @property {Int32Array} points indices of these points on the map
 * @property {Float32Array} mu
 * @property {Float32Array} muError
 * @property {Float32Array} logSigma
 * @property {Float32Array} logSigmaError
 */

/** @typedef {[low: number, high: number]} Span */

/**
 * What the colours show: the class of every image, or the value of a factor, and the names of all.
 * @typedef {{ labels: Int32Array, classes: string[] }} Colouring
 */

/** The weights of the decoder of one stop, by name. @typedef {Record<string, Float32Array>} DecoderWeights */

export class Path {
  /**
   * @param {PathFrame} frame everything but the decoders
   * @param {(stop: number) => string} decoderUrl
   */
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
    this.factors = {
      names: frame.meta.factors.length ? frame.meta.factors : ["class"],
      labels: frame.arrays.labels,
      classes,
    };
    this.colour = 0;
    /**
     * For every factor that the colours have shown, what they show.
     * @type {Colouring[]}
     */
    this.colourings = [];
    this.stops = betas.length;
    this.positions = betas.map((beta) => this.positionOf(beta));
    /** @type {(DecoderWeights | null)[]} */
    this.decoders = betas.map(() => null);
    this.forces = readForces(frame);
    this.spreads = betas.map((_, s) => this.variances(s));
    this.deaths = Array.from({ length: k }, (_, d) => this.death(d));
    this.plane = this.chiefDimensions();
    this.boxes = betas.map((_, s) => this.box(s));
  }

  // --- what the colours show ---------------------------------------------------------------------------------------------

  /**
   * What the colours show for a factor. The first factor is the class itself.
   * @param {number} factor
   */
  colouring(factor) {
    this.colourings[factor] ??= this.makeColouring(factor);
    return this.colourings[factor];
  }

  /**
   * @param {number} factor
   * @returns {Colouring}
   */
  makeColouring(factor) {
    const { frame, factors, count } = this;
    if (!factor) return factors;
    const { length } = factors.names;
    const labels = Int32Array.from({ length: count }, (_, i) => frame.arrays.factors[i * length + factor]);
    const most = labels.reduce((a, b) => Math.max(a, b), 0);
    return { labels, classes: Array.from({ length: most + 1 }, (_, value) => String(value + 1)) };
  }

  /**
   * Colours show the values of this factor in place of the classes.
   * @param {number} factor
   */
  colourBy(factor) {
    const { frame } = this;
    const { labels, classes } = this.colouring(factor);
    this.colour = factor;
    this.classes = classes;
    frame.meta.classes = classes;
    frame.meta.ordered = factor > 0;
    frame.arrays.labels = labels;
  }

  /** Whether the values that the colours show have an order. */
  get ordered() {
    return this.colour > 0;
  }

  /** Name of the factor that the colours show. */
  get factor() {
    return this.factors.names[this.colour];
  }

  // --- the slider's scale ----------------------------------------------------------------------------------------------

  /** The smallest positive beta. */
  get low() {
    return this.betas[0] > 0 ? this.betas[0] : this.betas[1];
  }

  /** The largest beta. */
  get high() {
    return this.betas[this.stops - 1];
  }

  /** The position where the logarithmic part of the scale begins. */
  get start() {
    return this.betas[0] > 0 ? 0 : ZERO;
  }

  /** @param {number} beta */
  positionOf(beta) {
    if (beta < this.low) return (this.start * Math.max(0, beta)) / this.low;
    const share = Math.log(beta / this.low) / Math.log(this.high / this.low);
    return Math.min(1, this.start + (1 - this.start) * share);
  }

  /** @param {number} position */
  betaAt(position) {
    const { stop, t } = this.place(position);
    if (t === 0) return this.betas[stop];
    if (position < this.start) return (this.low * position) / this.start;
    return this.low * (this.high / this.low) ** ((position - this.start) / (1 - this.start));
  }

  /**
   * The stop at or before a position, and the share `t` of the way from there to the next stop.
   * @param {number} position
   */
  place(position) {
    let stop = 0;
    while (stop < this.stops - 1 && this.positions[stop + 1] <= position + 1e-9) stop++;
    if (stop === this.stops - 1) return { stop, t: 0 };
    const t = (position - this.positions[stop]) / (this.positions[stop + 1] - this.positions[stop]);
    return { stop, t: t < 1e-6 ? 0 : t };
  }

  /**
   * The position, within 0 and 1, or that of a stop where one is near.
   * @param {number} position
   */
  snap(position) {
    return this.positions.find((at) => Math.abs(at - position) < SNAP) ?? Math.min(1, Math.max(0, position));
  }

  /**
   * The position of the next stop, or of the stop before where `step` is negative.
   * @param {number} position
   * @param {number} step
   */
  neighbour(position, step) {
    const { stop, t } = this.place(position);
    const next = step > 0 ? stop + 1 : t > 0 ? stop : stop - 1;
    return this.positions[Math.min(this.stops - 1, Math.max(0, next))];
  }

  /**
   * Row i of an array (stops, images, k) at a position, interpolated between the stops around it, written into `out`.
   * @template {Float32Array | Float64Array} Z
   * @param {Float32Array} array
   * @param {number} i
   * @param {number} position
   * @param {Z} out
   */
  row(array, i, position, out) {
    const { count, k } = this;
    const { stop, t } = this.place(position);
    const a = (stop * count + i) * k;
    const b = (Math.min(stop + 1, this.stops - 1) * count + i) * k;
    for (let d = 0; d < k; d++) out[d] = array[a + d] + t * (array[b + d] - array[a + d]);
    return out;
  }

  // --- numbers -----------------------------------------------------------------------------------------------------------

  /**
   * Test numbers of the model at a position, on the way up: the file's at a stop, and interpolated between two stops.
   * @param {number} position
   */
  numbers(position) {
    const { stop, t } = this.place(position);
    const [a, b] = [this.up[stop], this.up[Math.min(stop + 1, this.stops - 1)]];
    const mix = (/** @type {number} */ x, /** @type {number} */ y) => x + t * (y - x);
    const distortion = mix(a.test.distortion, b.test.distortion);
    const rate = mix(a.test.rate, b.test.rate);
    const rates = a.rate_per_dim.map((x, d) => mix(x, b.rate_per_dim[d]));
    return { beta: this.betaAt(position), exact: t === 0, distortion, rate, elbo: -(distortion + rate), rates };
  }

  /**
   * Variance of mu over the map's images at a stop, for every dimension.
   * @param {number} s
   */
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

  /**
   * The position after which a dimension is never active again; null where there is none.
   * @param {number} d
   */
  death(d) {
    const alive = this.spreads.map((spread) => spread[d] > ACTIVE);
    const last = alive.lastIndexOf(true);
    if (last < 0 || last === this.stops - 1) return null;
    const [before, after] = [last, last + 1].map((s) => Math.log(this.spreads[s][d] + 1e-12));
    const t = (before - Math.log(ACTIVE)) / (before - after);
    return this.positions[last] + t * (this.positions[last + 1] - this.positions[last]);
  }

  /** The position after which no dimension is active; null where one always is. */
  get collapse() {
    const known = this.deaths.filter((death) => death !== null);
    return known.length < this.deaths.length ? null : Math.max(...known);
  }

  /** The dimensions that the map shows: of more than two, the two with the highest rate at beta 1. */
  chiefDimensions() {
    if (this.k <= 2) return this.k === 1 ? [0] : [0, 1];
    const rates = this.numbers(this.positionOf(1)).rates;
    return this.byRate(rates)
      .slice(0, 2)
      .sort((a, b) => a - b);
  }

  /**
   * Dimensions in the order of decreasing rate.
   * @param {number[]} rates
   */
  byRate(rates) {
    return [...rates.keys()].sort((a, b) => rates[b] - rates[a] || a - b);
  }

  /**
   * The smallest and the largest mean of a stop along both axes of the map.
   * @param {number} s
   * @returns {[Span, Span]}
   */
  box(s) {
    return [this.span(s, 0), this.span(s, 1)];
  }

  /**
   * @param {number} s
   * @param {number} axis
   * @returns {Span}
   */
  span(s, axis) {
    const { mu } = this.frame.arrays;
    const { k, count, plane } = this;
    if (plane[axis] === undefined) return [-0.5, 0.5];
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0, p = s * count * k + plane[axis]; i < count; i++, p += k) {
      low = Math.min(low, mu[p]);
      high = Math.max(high, mu[p]);
    }
    return [low, high];
  }

  // --- decoders ------------------------------------------------------------------------------------------------------------

  /**
   * Fetches all decoders, those nearest to `position()` first, and calls `arrived(stop)` after each.
   * @param {() => number} position
   * @param {(stop: number) => void} arrived
   * @param {AbortSignal} signal
   */
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
        /** @type {Frame<{ beta: number }, DecoderWeights>} */
        const frame = await Frame.fetch(this.decoderUrl(stop));
        this.decoders[stop] = frame.arrays;
        if (!signal.aborted) arrived(stop);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }
}

/**
 * Null where the file has no forces.
 * @param {PathFrame} frame
 * @returns {PathForces | null}
 */
function readForces({ arrays }) {
  const points = arrays["force.points"];
  if (!points) return null;
  return {
    points,
    mu: arrays["force.distortion_mu"],
    muError: arrays["force.distortion_mu_se"],
    logSigma: arrays["force.distortion_logsigma"],
    logSigmaError: arrays["force.distortion_logsigma_se"],
  };
}
