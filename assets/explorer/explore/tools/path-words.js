// A path through the latent space and the density along it, in words.

import { signed, whole } from "../../core/format.js";
import { HOLE } from "../../math/holes.js";

/** @import { MapFrame } from "../../data/frame.js" */
/** @import { Along } from "./path-chart.js" */

/**
 * Length, share in holes and classes passed.
 * @param {Float64Array[]} path z at every step
 * @param {Along} along
 * @param {MapFrame} frame
 * @param {number} counted posteriors that q is computed from
 */
export function pathInWords(path, { q, p, shares }, { meta: { classes, latent_dim: k }, count }, counted) {
  const length = path.slice(1).reduce((sum, z, i) => sum + Math.hypot(...z.map((v, d) => v - path[i][d])), 0);
  const holes = q.filter((log, i) => log < p[i] + Math.log(HOLE)).length / path.length;
  const names = shares.map((share) => classes[share.indexOf(Math.max(...share))]);
  const passed = names.filter((name, i) => name !== names[i - 1]);
  const space = k > 2 ? ` in all ${k} dimensions` : "";
  const part = counted < count ? `, q of ${whole(counted)} images` : "";
  return `length ${length.toFixed(2)} σ · ${Math.round(100 * holes)} % of it in holes (q < ${HOLE} p${space}${part}) · zones passed: ${passed.join(" → ")}`;
}

/**
 * What the chart shows, for those who do not see it.
 * @param {Along} along
 */
export function alongInWords({ q, p }) {
  const last = q.length - 1;
  const least = q.indexOf(Math.min(...q));
  /** @param {number} v */
  const nats = (v) => signed(Math.max(v, -999), 1);
  return `ln q(z) along the path: ${nats(q[0])} nats at A, ${nats(q[last])} at B, least at t = ${(least / last).toFixed(2)}, ${nats(q[least])} where ln p(z) is ${nats(p[least])}`;
}
