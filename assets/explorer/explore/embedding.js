// A map of neighbours made by t-SNE on the server: a place for every point, and no way back from a place to a z. It has the
// methods of a projection; they go by the nearest point.

/** @import { Covariance, Floats } from "../math/projection.js" */
/** @import { Point } from "../core/link-fields.js" */
/** @import { MapFrame } from "../data/frame.js" */

import { Frame } from "../data/frame.js";

export const MOST = 20_000; // points, at most, for which the server makes one
const RETRY = 700; // ms between two requests
const UNREACHED = "The server did not answer. See whether it still runs, then choose t-SNE again.";

export class Embedding {
  /**
   * @param {Float32Array} points (N, 2), row by row: the places of the N means
   * @param {Float32Array} mu (N, k), row by row
   * @param {number} k
   */
  constructor(points, mu, k) {
    const n = points.length / 2;
    this.mu = mu;
    this.dim = k;
    this.labels = ["t-SNE 1", "t-SNE 2"];
    this.isLine = false;
    this.invertible = false;
    this.us = Float32Array.from({ length: n }, (_, i) => points[2 * i]);
    this.vs = Float32Array.from({ length: n }, (_, i) => points[2 * i + 1]);
  }

  /** @returns {[us: Float32Array, vs: Float32Array]} */
  projectAll() {
    return [this.us, this.vs];
  }

  /**
   * The place of the point whose mean is nearest to z.
   * @param {ArrayLike<number>} z
   * @param {number} [offset] where z begins in the array
   * @returns {Point}
   */
  project(z, offset = 0) {
    const { mu, dim } = this;
    let [best, least] = [0, Infinity];
    for (let i = 0, p = 0; p < mu.length; i++) {
      let squared = 0;
      for (let d = 0; d < dim; d++, p++) squared += (mu[p] - z[offset + d]) ** 2;
      if (squared < least) [best, least] = [i, squared];
    }
    return [this.us[best], this.vs[best]];
  }

  /**
   * Sets z to the mean of the point that is drawn nearest to (u, v).
   * @param {Floats} z
   * @param {number} u
   * @param {number} v
   */
  lift(z, u, v) {
    const { us, vs, mu, dim } = this;
    let [best, least] = [0, Infinity];
    for (let i = 0; i < us.length; i++) {
      const squared = (us[i] - u) ** 2 + (vs[i] - v) ** 2;
      if (squared < least) [best, least] = [i, squared];
    }
    for (let d = 0; d < dim; d++) z[d] = mu[best * dim + d];
  }

  /**
   * A buffer zone has no shape on this map.
   * @returns {Covariance}
   */
  covariance() {
    return [0, 0, 0];
  }
}

/**
 * Fetches the embedding of a frame's points, repeating the request until the server has made it. Throws an error with the server's
 * own sentence where it fails.
 * @param {string} address
 * @param {MapFrame} frame
 * @param {(share: number) => void} progressed called with how much of it is done, 0 to 1
 * @param {() => boolean} wanted
 * @returns {Promise<Embedding | null>} null once it is not `wanted` any more
 */
export async function fetchEmbedding(address, frame, progressed, wanted) {
  while (wanted()) {
    const { points, done = 0, error } = await request(address);
    if (error) throw new Error(error);
    if (points) return new Embedding(points, frame.arrays.mu, frame.meta.latent_dim);
    progressed(done);
    await new Promise((resolve) => setTimeout(resolve, RETRY));
  }
  return null;
}

/**
 * The points, or else how much of the work is done, or an error.
 * @param {string} address
 * @returns {Promise<{ points?: Float32Array, done?: number, error?: string }>}
 */
async function request(address) {
  try {
    const response = await fetch(address, { method: "POST" });
    if (response.status !== 200) return await response.json();
    /** @type {Frame<object, { points: Float32Array }>} */
    const frame = new Frame(await response.arrayBuffer());
    return frame.arrays;
  } catch (error) {
    console.error(error);
    return { error: UNREACHED };
  }
}
