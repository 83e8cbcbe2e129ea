// The true posterior of an image as a target: ln p(x|z) on the server's grids, interpolated, and the prior.

import { Evidence, Refusal, UNREACHED } from "../data/evidence.js";
import { Frame } from "../data/frame.js";
import { Surface } from "../math/surface.js";

const USUAL = 3.6; // half the width of the other targets' pictures: their learning rate suits that

// ln p(x, z) of one image, from the surface of its ln p(x|z).
export function posterior(surface) {
  const f = (z, slope) => {
    const value = surface.at(z, slope);
    if (slope) for (let i = 0; i < 2; i++) slope[i] -= z[i];
    return value - 0.5 * (z[0] * z[0] + z[1] * z[1]) - Math.log(2 * Math.PI);
  };
  return { k: 2, f, box: surface.fine };
}

export class Posteriors {
  // `frame` and `evidence` are the model's addresses, `name` is what it is called.
  constructor({ frame, evidence, name }) {
    this.frame = frame;
    this.name = name;
    this.evidence = new Evidence(evidence);
  }

  // What the page has to know of the target of image `row`: as an entry of TARGETS, and the image's pixels. Null where
  // another was asked for meanwhile; a `Refusal` where it cannot be had.
  async fetch(row) {
    const [{ meta, arrays, count }, found] = await Promise.all([
      this.images(),
      this.evidence.ask("posterior", { image: row }),
    ]);
    if (!found) return null;
    const { low, high, q } = found.meta;
    const target = posterior(Surface.of(found));
    const half = (high[0] - low[0]) / 2;
    const size = meta.image_shape.reduce((a, b) => a * b, 1);
    return {
      make: () => target,
      start: [q.mu, q.logvar.map((v) => Math.exp(v / 2))],
      half,
      middle: low.map((v, i) => (v + high[i]) / 2),
      rate: Number(((0.05 * half) / USUAL).toPrecision(1)),
      image: {
        number: arrays.index[row],
        pixels: arrays.images.subarray(row * size, (row + 1) * size),
        shape: meta.image_shape,
        count,
      },
    };
  }

  // The model's frame; where it cannot be had, it can be asked for again.
  async images() {
    this.shown ??= Frame.fetch(this.frame);
    try {
      return await this.shown;
    } catch (error) {
      this.shown = null;
      throw new Refusal(UNREACHED, { cause: error });
    }
  }
}
