// −ln p(x|z) of vae/model.py, in nats, at the z that `decoder` has decoded last: for pixels x in [0, 1].

export function distortionOf(decoder, x, sigma) {
  let sum = 0;
  if (decoder.bernoulli) {
    for (let i = 0; i < x.length; i++) sum += softplus(decoder.raw[i]) - x[i] * decoder.raw[i];
    return sum;
  }
  for (let i = 0; i < x.length; i++) sum += (x[i] - decoder.raw[i]) ** 2;
  return 0.5 * (sum / sigma ** 2 + x.length * Math.log(2 * Math.PI * sigma ** 2));
}

const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
