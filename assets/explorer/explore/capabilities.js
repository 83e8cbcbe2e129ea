// What a frame brings along. That of a model brings everything; latents from elsewhere may lack all but their means.

import { evenShare } from "../core/random.js";

const UNSEEN = -60; // the logvar of points that came without: an ellipse too small to be seen, however far one zooms in

// Notes in `frame.given` what the frame has, and fills in what the map computes with; nothing of that is shown.
export function complete(frame) {
  const { meta, arrays, count } = frame;
  frame.given = { decoder: meta.plan.decoder.length > 0 };
  for (const name of ["logvar", "distortion", "images", "index"]) frame.given[name] = name in arrays;
  arrays.index ??= rows(count, meta.stride ?? 1);
  arrays.logvar ??= new Float32Array(count * meta.latent_dim).fill(UNSEEN);
  arrays.distortion ??= new Float32Array(count);
}

// Of very many points one in `stride` is here, each from a stretch of its own: the rows of vae/data/latents.py, `sampled`.
const rows = (count, stride) =>
  new Int32Array(count).map((_, i) => i * stride + (i < count - 1 ? Math.floor(evenShare(i) * stride) : 0));

// What a point is called: by its place in the test split, or in the file that it came from.
export const pointName = ({ given, arrays }, i) =>
  given.index ? `test image ${arrays.index[i]}` : `row ${arrays.index[i] + 1}`;

// Takes back what a link, or the model before, has chosen and this frame cannot show.
export function restrict(state, given) {
  if (!coloursOf(given)[state.colour]) state.colour = "class";
  if (!given.logvar) state.density = "off";
  if (!given.decoder) state.manifold = "off";
}

// Colour → whether the points can have it.
export const coloursOf = (given) => ({
  class: true,
  rate: given.logvar,
  distortion: given.distortion,
  volume: given.logvar,
});

// What the lens cannot do without a decoder, and what it shows instead.
export function lensNote(given) {
  if (given.decoder) return "";
  if (given.images) return "These latents have no decoder: the image is that of the nearest point.";
  return "These latents have neither a decoder nor images.";
}
