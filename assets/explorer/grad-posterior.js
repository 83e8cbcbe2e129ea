// The true posterior of an image as a target: ln p(x|z) on the server's grids, interpolated, and the prior.

import { Frame } from "./frame.js";
import { Grid } from "./grad-grid.js";

const UNREACHED = "The server did not answer; see whether it still runs, then choose the image again.";
const USUAL = 3.6; // half the width of the other targets' pictures: their learning rate suits that

// ln p(x, z) of one image: `fine` and `coarse` are grids of ln p(x|z).
export function posterior(fine, coarse) {
  const f = (z, slope) => {
    const value = (fine.holds(z) ? fine : coarse).f(z, slope);
    if (slope) for (let i = 0; i < 2; i++) slope[i] -= z[i];
    return value - 0.5 * (z[0] * z[0] + z[1] * z[1]) - Math.log(2 * Math.PI);
  };
  return { k: 2, f, box: { low: fine.low, high: fine.high } };
}

export class Posteriors {
  // `frame` and `evidence` are the model's addresses, `name` is what it is called.
  constructor({ frame, evidence, name }) {
    Object.assign(this, { frame, evidence, name });
  }

  // What the page has to know of the target of image `row`: as an entry of TARGETS, and the image's pixels.
  async fetch(row) {
    this.request?.abort();
    const { signal } = (this.request = new AbortController());
    const [{ meta, arrays, count }, found] = await Promise.all([this.images(), this.ask(row, signal)]);
    const { low, high, q, coarse } = found.meta;
    const target = posterior(new Grid({ low, high }, found.arrays.log_likelihood), new Grid(coarse, found.arrays.coarse_log_likelihood));
    const half = (high[0] - low[0]) / 2;
    const size = meta.image_shape.reduce((a, b) => a * b, 1);
    return {
      make: () => target, start: [q.mu, q.logvar.map((v) => Math.exp(v / 2))], half, middle: low.map((v, i) => (v + high[i]) / 2),
      rate: Number(((0.05 * half) / USUAL).toPrecision(1)),
      image: { number: arrays.index[row], pixels: arrays.images.subarray(row * size, (row + 1) * size), shape: meta.image_shape, count },
    };
  }

  // The model's frame; where it cannot be had, it can be asked for again.
  async images() {
    this.shown ??= Frame.fetch(this.frame);
    try {
      return await this.shown;
    } catch (error) {
      this.shown = null;
      throw new Error(UNREACHED, { cause: error });
    }
  }

  async ask(row, signal) {
    const response = await fetch(`${this.evidence}/posterior`, { method: "POST", body: JSON.stringify({ image: row }), signal }).catch((error) => {
      throw signal.aborted ? error : new Error(UNREACHED, { cause: error });
    });
    if (!response.ok) throw new Error((await response.json()).error);
    return new Frame(await response.arrayBuffer());
  }
}
