// −ln p(x|z) of vae/model.py, in nats, for pixels x in [0, 1]: `raw` is what the decoder of a frame with this header makes
// of z, the logits or the means.

export function distortionOf(raw, x, { likelihood, sigma }) {
  let sum = 0;
  if (likelihood === "bernoulli") {
    for (let i = 0; i < x.length; i++) sum += softplus(raw[i]) - x[i] * raw[i];
    return sum;
  }
  for (let i = 0; i < x.length; i++) sum += (x[i] - raw[i]) ** 2;
  return 0.5 * (sum / sigma ** 2 + x.length * Math.log(2 * Math.PI * sigma ** 2));
}

const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
