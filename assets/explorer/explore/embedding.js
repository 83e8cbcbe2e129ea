// A map of neighbours made by t-SNE on the server: a place for every point, and no way back from a place to a z. What
// stands for a plane's arithmetic here goes by the nearest point.

import { Frame } from "../data/frame.js";

export const MOST = 20_000; // points that the server makes it of
const ASK_AGAIN = 700; // ms
const UNREACHED = "The server did not answer. See whether it still runs, then choose t-SNE again.";

export class Embedding {
  // `points` are (N, 2), row by row, of the N means `mu` (N, k).
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

  projectAll() {
    return [this.us, this.vs];
  }

  // Where the point stands whose mean is nearest to z.
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

  // Sets z to the mean of the point that stands nearest to (u, v).
  lift(z, u, v) {
    const { us, vs, mu, dim } = this;
    let [best, least] = [0, Infinity];
    for (let i = 0; i < us.length; i++) {
      const squared = (us[i] - u) ** 2 + (vs[i] - v) ** 2;
      if (squared < least) [best, least] = [i, squared];
    }
    for (let d = 0; d < dim; d++) z[d] = mu[best * dim + d];
  }

  // A zone has no shape here.
  covariance() {
    return [0, 0, 0];
  }
}

// The embedding of a frame's points from the server at `address`; `tell(share)` hears how far it is. Null once `wanted()`
// is false; an error with the server's own sentence where it fails.
export async function fetchEmbedding(address, frame, tell, wanted) {
  while (wanted()) {
    const { points, done, error } = await ask(address);
    if (error) throw new Error(error);
    if (points) return new Embedding(points, frame.arrays.mu, frame.meta.latent_dim);
    tell(done);
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN));
  }
  return null;
}

// { points }, or how far they are: { done }; or { error }.
async function ask(address) {
  try {
    const response = await fetch(address, { method: "POST" });
    return response.status === 200 ? new Frame(await response.arrayBuffer()).arrays : await response.json();
  } catch (error) {
    console.error(error);
    return { error: UNREACHED };
  }
}
