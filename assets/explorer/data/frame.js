// The frame: one binary file that carries what the browser needs of a model. Written by vae/files/frame.py.
//
// bytes 0–3 "ELBF", bytes 4–7 header length (uint32, little endian), header (JSON), then the arrays, each at a multiple
// of 8 bytes from the end of the header.

import { expand } from "./half.js";
import { visible } from "./names.js";

/** @import { Layer } from "../network/layers.js" */

/** @typedef {Float32Array | Int32Array | Uint8Array} FrameArray */

/** @typedef {[channels: number, height: number, width: number]} ImageShape */

/**
 * The part of a header that the networks need: `header` in vae/files/frame.py.
 * @typedef {Object} NetworkMeta
 * @property {string} name of the model
 * @property {ImageShape} image_shape
 * @property {number} latent_dim
 * @property {number} features width of the encoder's last layer before the two heads
 * @property {"bernoulli" | "gaussian" | ""} likelihood "" for latents without a decoder
 * @property {{ trunk: Layer[], decoder: Layer[] }} plan
 */

/**
 * The header of a map's frame: of a model (`explorer_frame`), or of latents alone (vae/data/latents.py).
 * @typedef {Object} MapMeta
 * @property {"latents"} [kind] only for latents without a model
 * @property {number} sigma standard deviation of a Gaussian likelihood; missing for latents
 * @property {string[]} classes names, safe to display (see names.js)
 * @property {string[]} given_classes the same names as the file has them; added by `Frame`
 * @property {(number | null)[]} [values] for latents: each class's label in the file
 * @property {number[]} rate_per_dim mean rate of each dimension, in nats
 * @property {number[]} pca_shares share of the variance of each principal axis
 * @property {number} [stride] for latents: one point in `stride` is included
 *
 * @typedef {NetworkMeta & MapMeta} FrameMeta
 */

/**
 * The arrays of a map's frame, for N images with k latent dimensions; weights are named as in the checkpoint
 * ("decoder.layers.0.weight"). Latents may come without logvar, distortion and index, which `complete` in
 * explore/capabilities.js fills in, and without images, which are there if `Given.images`.
 * @typedef {{
 *   mu: Float32Array,
 *   logvar: Float32Array,
 *   distortion: Float32Array,
 *   labels: Int32Array | Uint8Array,
 *   index: Int32Array,
 *   images: Uint8Array,
 *   pca: Float32Array,
 *   [weights: string]: FrameArray,
 * }} FrameArrays
 */

/**
 * What a map's frame came with, before `complete` filled in the rest.
 * @typedef {{ decoder: boolean, logvar: boolean, distortion: boolean, images: boolean, index: boolean }} Given
 *
 * @typedef {Frame & { given: Given }} MapFrame
 */

/** The weights of a network, by name. @typedef {Record<string, FrameArray>} Weights */

/**
 * How the columns of a quantised array are coded.
 * @typedef {{ low: number[], step: number, bits: number[] }} Columns
 */

/** @typedef {[type: string, shape: number[], offset: number, columns?: Columns]} DirectoryEntry */

/** @type {Record<string, (buffer: ArrayBuffer, start: number, size: number, columns: Columns) => FrameArray>} */
const READERS = {
  f4: (buffer, start, size) => new Float32Array(buffer, start, size),
  i4: (buffer, start, size) => new Int32Array(buffer, start, size),
  u1: (buffer, start, size) => new Uint8Array(buffer, start, size),
  f2: (buffer, start, size) => expand(new Uint16Array(buffer, start, size)),
  p4: (buffer, start, size) => merge(new Uint8Array(buffer, start, 4 * size), size),
  q: (buffer, start, size, columns) => scaled(new Uint8Array(buffer, start), size, columns),
};

/**
 * A decoded frame. The type parameters describe its header and its arrays; without them it is a map's frame.
 * @template {object} [Meta=FrameMeta]
 * @template {object} [Arrays=FrameArrays]
 */
export class Frame {
  /** @param {ArrayBuffer} buffer the whole file */
  constructor(buffer) {
    const magic = new TextDecoder().decode(new Uint8Array(buffer, 0, 4));
    if (magic !== "ELBF") throw new Error("this is not a frame");
    const length = new DataView(buffer).getUint32(4, true);
    const meta = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    /** @type {string[] | undefined} */
    const classes = meta.classes;
    if (classes) Object.assign(meta, { classes: classes.map(visible), given_classes: classes });
    /** @type {Record<string, DirectoryEntry>} */
    const directory = meta.arrays;
    /** @type {Weights} */
    const arrays = {};
    for (const [name, [type, shape, offset, columns]] of Object.entries(directory)) {
      const size = shape.reduce((a, b) => a * b, 1);
      // only the reader of "q" uses `columns`, which the directory then has
      arrays[name] = READERS[type](buffer, 8 + length + offset, size, /** @type {Columns} */ (columns));
    }
    /** @type {Meta} */
    this.meta = meta;
    this.arrays = /** @type {Arrays} */ (arrays);
  }

  /**
   * @template {object} [Meta=FrameMeta]
   * @template {object} [Arrays=FrameArrays]
   * @param {string | URL} url
   * @param {RequestInit} [options]
   * @returns {Promise<Frame<Meta, Arrays>>}
   */
  static async fetch(url, options) {
    const response = await fetch(url, options);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return new Frame(await response.arrayBuffer());
  }

  /** Number of points: rows of mu; 0 in a frame without mu. */
  get count() {
    const { mu } = /** @type {{ mu?: Float32Array }} */ (this.arrays);
    return mu ? mu.length / /** @type {{ latent_dim: number }} */ (this.meta).latent_dim : 0;
  }
}

/**
 * Reads float32 numbers whose bytes are sorted by significance: first the lowest byte of every number, last the
 * highest.
 * @param {Uint8Array} planes
 * @param {number} size how many numbers
 */
function merge(planes, size) {
  const bytes = new Uint8Array(4 * size);
  for (let b = 0; b < 4; b++) for (let i = 0; i < size; i++) bytes[4 * i + b] = planes[b * size + i];
  return new Float32Array(bytes.buffer);
}

/**
 * Decodes quantised numbers (N, k) into row-major order. The file has them column by column; column d holds codes of
 * `bits[d]` bits (at most 16, lowest bit first), and a value is `low[d] + step * code`.
 * @param {Uint8Array} bytes
 * @param {number} size N · k
 * @param {Columns} columns
 */
function scaled(bytes, size, { low, step, bits }) {
  const k = low.length;
  const out = new Float32Array(size);
  let begin = 0;
  for (let d = 0; d < k; d++) {
    const mask = (1 << bits[d]) - 1;
    for (let i = d, at = 0; i < size; i += k, at += bits[d]) {
      const byte = begin + (at >>> 3);
      const code = ((bytes[byte] | (bytes[byte + 1] << 8) | (bytes[byte + 2] << 16)) >>> (at & 7)) & mask;
      out[i] = low[d] + step * code;
    }
    begin += Math.ceil(((size / k) * bits[d]) / 8);
  }
  return out;
}
