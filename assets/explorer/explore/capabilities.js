// What a frame has of its own. That of a model has everything; latents from elsewhere may have their means alone.

/** @import { Frame, Given, MapFrame } from "../data/frame.js" */
/** @import { StateValues } from "./state.js" */

import { evenShare } from "../core/random.js";

const UNSEEN = -60; // the logvar of points that came without one: an ellipse too small to be seen at any zoom

/**
 * Notes in `frame.given` what the frame has, and fills in what the map computes with; what is filled in is never shown.
 * @param {Frame} frame
 * @returns {MapFrame} the same frame
 */
export function complete(frame) {
  const { meta, arrays, count } = frame;
  const given = {
    decoder: meta.plan.decoder.length > 0,
    logvar: "logvar" in arrays,
    distortion: "distortion" in arrays,
    images: "images" in arrays,
    index: "index" in arrays,
  };
  arrays.index ??= rows(count, meta.stride ?? 1);
  arrays.logvar ??= new Float32Array(count * meta.latent_dim).fill(UNSEEN);
  arrays.distortion ??= new Float32Array(count);
  return Object.assign(frame, { given });
}

/**
 * The rows of the whole set that a frame's points are: one of every `stride`, as `sampled` in vae/data/latents.py
 * chooses them.
 * @param {number} count
 * @param {number} stride
 */
const rows = (count, stride) =>
  new Int32Array(count).map((_, i) => i * stride + (i < count - 1 ? Math.floor(evenShare(i) * stride) : 0));

/**
 * The name of point i: its place in the test split, or its row in the file that it came from.
 * @param {MapFrame} frame
 * @param {number} i
 */
export const pointName = ({ given, arrays }, i) =>
  given.index ? `test image ${arrays.index[i]}` : `row ${arrays.index[i] + 1}`;

/**
 * Values without what a link, or the model before, has chosen and this frame cannot show.
 * @param {StateValues} values
 * @param {Given} given
 * @returns {StateValues}
 */
export const restrict = (values, given) => ({
  ...values,
  colour: coloursOf(given)[values.colour] ? values.colour : "class",
  density: given.logvar ? values.density : "off",
  manifold: given.decoder ? values.manifold : "off",
});

/**
 * Colour → whether the points can have it.
 * @param {Given} given
 */
export const coloursOf = (given) => ({
  class: true,
  rate: given.logvar,
  distortion: given.distortion,
  volume: given.logvar,
});

/**
 * What the lens cannot do without a decoder, and what it shows instead; "" where there is a decoder.
 * @param {Given} given
 */
export function lensNote(given) {
  if (given.decoder) return "";
  if (given.images) return "These latents have no decoder: the image is that of the nearest point.";
  return "These latents have neither a decoder nor images.";
}
