// The model at one position of a path: means, posteriors and decoder, interpolated between the two stops around it.
//
// mu, ln sigma² and the weights are interpolated linearly, into arrays that are made once. To a map it is what morph.js is.

/** @import { DecoderWeights, Path } from "./path.js" */

import { NearestMean } from "../math/nearest-mean.js";
import { InferenceClient } from "../network/inference-client.js";

/** @typedef {InferenceClient<"decode">} PathDecoder */

export class Model {
  /** @param {Path} path */
  constructor(path) {
    const { count, k, frame } = path;
    this.path = path;
    this.count = count;
    this.k = k;
    this.settled = true;
    /** The position on the slider; −1 before the first call of `to`. */
    this.position = -1;
    this.changed = false;
    this.decoderIsStale = false;
    this.meansAreStale = false;
    /** What a map shows of every point: u, v and the covariance uu, uv, vv. */
    this.shown = Array.from({ length: 5 }, () => new Float32Array(count));
    if (k === 1) this.shown[1] = Float32Array.from({ length: count }, (_, i) => ((i * 0.61803398875) % 1) - 0.5);
    this.meta = frame.meta;
    this.means = new NearestMean(new Float32Array(count * k), k, frame.arrays.labels);
    /** @type {Float32Array[] | null} */
    this.sigma = null;
    /** @type {DecoderWeights | null} */
    this.weights = null;
    /**
     * Null until the first weights have arrived.
     * @type {PathDecoder | null}
     */
    this.decoder = null;
  }

  get us() {
    return this.shown[0];
  }

  get vs() {
    return this.shown[1];
  }

  /**
   * Covariance of the posterior of point i on the map: [variance of u, covariance, variance of v].
   * @param {number} i
   * @returns {[number, number, number]}
   */
  covariance(i) {
    return [this.shown[2][i], this.shown[3][i], this.shown[4][i]];
  }

  /**
   * Moves to a position of the slider.
   * @param {number} position
   */
  to(position) {
    if (position === this.position) return;
    this.position = position;
    this.changed = this.decoderIsStale = this.meansAreStale = true;
    const { path, count, k, shown } = this;
    const { mu, logvar } = path.frame.arrays;
    const { stop, t } = path.place(position);
    const size = count * k;
    const [from, to] = [stop * size, Math.min(stop + 1, path.stops - 1) * size];
    path.plane.forEach((d, axis) => {
      const [middle, variance] = [shown[axis], shown[axis === 0 ? 2 : 4]];
      for (let i = 0, a = from + d, b = to + d; i < count; i++, a += k, b += k) {
        middle[i] = mu[a] + t * (mu[b] - mu[a]);
        variance[i] = Math.exp(logvar[a] + t * (logvar[b] - logvar[a]));
      }
    });
  }

  /** Handles labels that have changed with what the colours show. */
  recolour() {
    this.means.labels = this.path.frame.arrays.labels;
    this.means.renew();
  }

  /** For a map: whether something has moved since the last call. */
  advance() {
    const { changed } = this;
    this.changed = false;
    return changed;
  }

  /** Brings the decoder up to date and returns it; null while the stops around this position have not arrived. */
  prepare() {
    if (!this.decoderIsStale) return this.decoder;
    const { path } = this;
    const { stop, t } = path.place(this.position);
    const a = path.decoders[stop];
    const b = t === 0 ? a : path.decoders[Math.min(stop + 1, path.stops - 1)];
    if (!a || !b) return null;
    this.decoderIsStale = false;
    this.weights ??= Object.fromEntries(
      Object.entries(a).map(([name, array]) => [name, new Float32Array(array.length)]),
    );
    for (const [name, out] of Object.entries(this.weights)) {
      if (t === 0) out.set(a[name]);
      else mix(a[name], b[name], t, out);
    }
    const frame = { meta: this.meta, arrays: this.weights };
    if (this.decoder) this.decoder.adopt(frame);
    else this.decoder = new InferenceClient("decode", frame);
    return this.decoder;
  }

  /** Whether images that were requested are not decoded yet. */
  get isBusy() {
    const { decoder } = this;
    return decoder !== null && (decoder.asked !== null || decoder.waiting.size > 0 || decoder.series.size > 0);
  }

  close() {
    this.decoder?.close();
  }

  /**
   * Mean of point i, written into `z`.
   * @template {Float32Array | Float64Array} Z
   * @param {number} i
   * @param {Z} z
   */
  mean(i, z) {
    return this.path.row(this.path.frame.arrays.mu, i, this.position, z);
  }

  /**
   * The point whose mean is nearest to z in all dimensions, among those of classes that are not hidden; or −1.
   * @param {Float64Array} z
   * @param {number[]} hidden
   */
  nearest(z, hidden) {
    const { means, k, count } = this;
    if (this.meansAreStale) {
      for (let i = 0; i < count; i++) this.mean(i, means.means.subarray(i * k, (i + 1) * k));
      means.renew();
      this.meansAreStale = false;
    }
    return means.now(z, hidden);
  }

  /**
   * ln sigma² of point i, written into `out`.
   * @template {Float32Array | Float64Array} Z
   * @param {number} i
   * @param {Z} out
   */
  logvar(i, out) {
    return this.path.row(this.path.frame.arrays.logvar, i, this.position, out);
  }

  /** Sigma of every point, one array for each dimension; the next call overwrites them. */
  sigmas() {
    const { path, count, k } = this;
    this.sigma ??= Array.from({ length: k }, () => new Float32Array(count));
    const { sigma } = this;
    const { logvar } = path.frame.arrays;
    const { stop, t } = path.place(this.position);
    let [a, b] = [stop * count * k, Math.min(stop + 1, path.stops - 1) * count * k];
    for (let i = 0; i < count; i++)
      for (let d = 0; d < k; d++, a++, b++) sigma[d][i] = Math.exp((logvar[a] + t * (logvar[b] - logvar[a])) / 2);
    return sigma;
  }

  /** Number of active dimensions: the file's count at a stop, else by the variance of the means on the map. */
  activeUnits() {
    const { path, position } = this;
    const { stop, t } = path.place(position);
    if (t === 0) return path.up[stop].active_units;
    return path.deaths.filter((death) => death === null || death > position).length;
  }
}

/**
 * @param {Float32Array} a
 * @param {Float32Array} b
 * @param {number} t
 * @param {Float32Array} out
 */
function mix(a, b, t, out) {
  for (let i = 0; i < out.length; i++) out[i] = a[i] + t * (b[i] - a[i]);
}
