/** @import { FrameMeta } from "../data/frame.js" */

/**
 * −ln p(x|z) as in vae/model.py, in nats.
 * @param {ArrayLike<number>} raw the decoder's output: logits if the likelihood is Bernoulli, else means
 * @param {ArrayLike<number>} x pixels in [0, 1]
 * @param {Pick<FrameMeta, "likelihood" | "sigma">} meta
 */
export function distortionOf(raw, x, { likelihood, sigma }) {
  let sum = 0;
  if (likelihood === "bernoulli") {
    for (let i = 0; i < x.length; i++) sum += softplus(raw[i]) - x[i] * raw[i];
    return sum;
  }
  for (let i = 0; i < x.length; i++) sum += (x[i] - raw[i]) ** 2;
  return 0.5 * (sum / sigma ** 2 + x.length * Math.log(2 * Math.PI * sigma ** 2));
}

/** @param {number} v */
const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
