// The true posterior of an image as a target: ln p(x|z), interpolated between the server's grid values, plus the log prior.

/** @import { GridPosteriorArrays, GridPosteriorMeta } from "../data/evidence.js" */
/** @import { ImageShape } from "../data/frame.js" */
/** @import { LogDensity, Target, TargetSpec } from "./targets.js" */

import { Evidence, Refusal, UNREACHED } from "../data/evidence.js";
import { Frame } from "../data/frame.js";
import { Surface } from "../math/surface.js";

const USUAL = 3.6; // half the width of the other targets' pictures, which the default learning rate suits

/**
 * Where the server has a model's frame and answers questions about its posteriors.
 * @typedef {object} ModelSource
 * @property {string} frame URL of the model's frame
 * @property {string} evidence URL for requests about the posteriors
 * @property {string} name the model's name
 */

/**
 * A test image whose posterior is a target.
 * @typedef {object} TestImage
 * @property {number} number its number in the test set
 * @property {ArrayLike<number>} pixels 0–255
 * @property {ImageShape} shape
 * @property {number} count how many images there are to choose from
 */

/**
 * ln p(x, z) of one image, from the surface of its ln p(x|z).
 * @param {Surface} surface
 * @returns {Target}
 */
export function posterior(surface) {
  /** @type {LogDensity} */
  const f = (z, slope) => {
    const value = surface.at(z, slope);
    if (slope) for (let i = 0; i < 2; i++) slope[i] -= z[i];
    return value - 0.5 * (z[0] * z[0] + z[1] * z[1]) - Math.log(2 * Math.PI);
  };
  return { k: 2, f, box: surface.fine };
}

export class PosteriorSource {
  /** @param {ModelSource} source */
  constructor({ frame, evidence, name }) {
    this.frame = frame;
    this.name = name;
    this.evidence = new Evidence(evidence);
    /** @type {Promise<Frame> | null} */
    this.shown = null;
  }

  /**
   * Fetches the posterior of image `row` as a target, with the image's pixels. Null where a newer request has replaced
   * this one; throws a `Refusal` where the server cannot answer.
   * @param {number} row
   * @returns {Promise<TargetSpec | null>}
   */
  async fetch(row) {
    const { meta, arrays, count } = await this.images();
    if (row >= count) throw new Refusal(`There are only ${count} images here.`);
    const found = await this.evidence.ask("posterior", { image: row });
    if (!found) return null;
    // the page offers only models with two latent dimensions, whose posteriors are computed on a grid
    const grid = /** @type {Frame<GridPosteriorMeta, GridPosteriorArrays>} */ (found);
    const { low, high, q } = grid.meta;
    const target = posterior(Surface.of(grid));
    const half = (high[0] - low[0]) / 2;
    const size = meta.image_shape.reduce((a, b) => a * b, 1);
    return {
      make: () => target,
      start: [q.mu, q.logvar.map((v) => Math.exp(v / 2))],
      half,
      middle: low.map((v, i) => (v + high[i]) / 2),
      lr: Number(((0.05 * half) / USUAL).toPrecision(1)),
      image: {
        number: arrays.index[row],
        pixels: arrays.images.subarray(row * size, (row + 1) * size),
        shape: meta.image_shape,
        count,
      },
    };
  }

  /** The model's frame, fetched once; after a failure the next call fetches it again. */
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
