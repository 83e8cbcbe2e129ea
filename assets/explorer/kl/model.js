// The model at one spot of a path: points, zones and decoder, interpolated between the two stops around it.
//
// mu, ln sigma² and the weights are mixed linearly, into arrays that are made once. For a map it is what morph.js is.

import { NearestMean } from "../math/nearest-mean.js";
import { AskedNetwork } from "../network/inference-client.js";

export class Model {
  constructor(path) {
    const { count, k, frame } = path;
    this.path = path;
    this.count = count;
    this.k = k;
    this.settled = true;
    this.position = null;
    this.changed = false;
    this.shown = Array.from({ length: 5 }, () => new Float32Array(count)); // u, v and the covariance uu, uv, vv
    if (k === 1) this.shown[1] = Float32Array.from({ length: count }, (_, i) => ((i * 0.61803398875) % 1) - 0.5);
    this.meta = frame.meta;
    this.means = new NearestMean(new Float32Array(count * k), k, frame.arrays.labels);
    this.weights = null;
    this.decoder = null; // an AskedNetwork, once its first weights are there
  }

  get us() {
    return this.shown[0];
  }

  get vs() {
    return this.shown[1];
  }

  covariance(i) {
    return [this.shown[2][i], this.shown[3][i], this.shown[4][i]];
  }

  // Moves to a position of the slider.
  to(position) {
    if (position === this.position) return;
    this.position = position;
    this.changed = true;
    this.stale = this.meansAreStale = true;
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

  // For a map: whether something has moved since it was asked last.
  advance() {
    const { changed } = this;
    this.changed = false;
    return changed;
  }

  // The decoder at this spot; false while the stops around it are still on their way.
  prepare() {
    if (!this.stale) return Boolean(this.decoder);
    const { path } = this;
    if (!path.hasDecoders(this.position)) return false;
    this.stale = false;
    const { stop, t } = path.place(this.position);
    const a = path.decoders[stop];
    const b = path.decoders[Math.min(stop + 1, path.stops - 1)];
    this.weights ??= Object.fromEntries(
      Object.entries(a).map(([name, array]) => [name, new Float32Array(array.length)]),
    );
    for (const [name, out] of Object.entries(this.weights)) t === 0 ? out.set(a[name]) : mix(a[name], b[name], t, out);
    const frame = { meta: this.meta, arrays: this.weights };
    if (this.decoder) this.decoder.adopt(frame);
    else this.decoder = new AskedNetwork("decode", frame);
    return true;
  }

  close() {
    this.decoder?.close();
  }

  // Mean of point i into `z`.
  mean(i, z) {
    return this.mixed(this.path.frame.arrays.mu, i, z);
  }

  // The point whose mean is nearest to z, all dimensions counted, among those of classes that are not hidden; or −1.
  nearest(z, hidden) {
    const { means, k, count } = this;
    if (this.meansAreStale) {
      for (let i = 0; i < count; i++) this.mean(i, means.means.subarray(i * k, (i + 1) * k));
      means.renew();
      this.meansAreStale = false;
    }
    return means.now(z, hidden);
  }

  // ln sigma² of point i into `out`.
  logvar(i, out) {
    return this.mixed(this.path.frame.arrays.logvar, i, out);
  }

  mixed(array, i, out) {
    const { path, count, k } = this;
    const { stop, t } = path.place(this.position);
    const a = (stop * count + i) * k;
    const b = (Math.min(stop + 1, path.stops - 1) * count + i) * k;
    for (let d = 0; d < k; d++) out[d] = array[a + d] + t * (array[b + d] - array[a + d]);
    return out;
  }

  // Sigma of every point, one array for each dimension; overwritten by the next call.
  sigmas() {
    const { path, count, k } = this;
    this.sigma ??= Array.from({ length: k }, () => new Float32Array(count));
    const { logvar } = path.frame.arrays;
    const { stop, t } = path.place(this.position);
    let [a, b] = [stop * count * k, Math.min(stop + 1, path.stops - 1) * count * k];
    for (let i = 0; i < count; i++)
      for (let d = 0; d < k; d++, a++, b++) this.sigma[d][i] = Math.exp((logvar[a] + t * (logvar[b] - logvar[a])) / 2);
    return this.sigma;
  }

  // How many dimensions are active: the file's count at a stop, else by the variance of the map's means.
  activeUnits() {
    const { path, position } = this;
    const { stop, t } = path.place(position);
    if (t === 0) return path.up[stop].active_units;
    return path.deaths.filter((death) => death === null || death > position).length;
  }
}

function mix(a, b, t, out) {
  for (let i = 0; i < out.length; i++) out[i] = a[i] + t * (b[i] - a[i]);
}
