// The ends A and B of a path.

/** @import { PathEnd } from "../fields.js" */
/** @import { MapFrame } from "../../data/frame.js" */

/**
 * An end of a path: a z, the data point that it is the mean of (or −1), and its image (null while that is unknown).
 * @typedef {{ z: Float64Array, point: number, pixels: Float64Array | null }} End
 */

/**
 * An end as the state or a link names it, with z and image: at a data point, at any z, or at z = 0 where neither is given.
 * @param {MapFrame} frame
 * @param {PathEnd} named
 * @returns {End}
 */
export function endOf({ meta: { latent_dim: k, image_shape: shape }, arrays: { mu, images } }, { point, z }) {
  const size = shape.reduce((a, b) => a * b, 1);
  const isPoint = point >= 0;
  return {
    z: z ?? (isPoint ? Float64Array.from(mu.subarray(point * k, (point + 1) * k)) : new Float64Array(k)),
    point,
    pixels: isPoint ? Float64Array.from(images.subarray(point * size, (point + 1) * size), (byte) => byte / 255) : null, // such an end looks like the first or the last image of the film
  };
}

/**
 * Two data points that are far apart: of the two classes with the most distant means, the points nearest to these means.
 * −1 where there are no data points.
 * @param {MapFrame} frame
 * @returns {[number, number]}
 */
export function apart({ arrays: { mu, labels }, count, meta: { latent_dim: k, classes } }) {
  const means = classes.map(() => new Float64Array(k));
  const counts = classes.map(() => 0);
  for (let i = 0; i < count; i++) {
    counts[labels[i]]++;
    for (let d = 0; d < k; d++) means[labels[i]][d] += mu[i * k + d];
  }
  means.forEach((mean, c) => {
    for (let d = 0; d < k; d++) mean[d] /= counts[c];
  });
  /**
   * @param {number} a
   * @param {number} b
   */
  const far = (a, b) => Math.hypot(...means[a].map((v, d) => v - means[b][d]));
  const known = classes.map((_, c) => c).filter((c) => counts[c]);
  if (known.length < 2) return count > 1 ? [0, 1] : [-1, -1];
  let [a, b] = known;
  for (const c of known) for (const d of known) if (far(c, d) > far(a, b)) [a, b] = [c, d];
  return [nearestTo(means[a]), nearestTo(means[b])];

  /** @param {Float64Array} mean */
  function nearestTo(mean) {
    let [found, least] = [0, Infinity];
    for (let i = 0; i < count; i++) {
      let squared = 0;
      for (let d = 0; d < k; d++) squared += (mu[i * k + d] - mean[d]) ** 2;
      if (squared < least) [found, least] = [i, squared];
    }
    return found;
  }
}
