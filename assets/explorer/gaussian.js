// Closed forms of vae/gaussian.py that the page shows.

// KL(N(mu, sigma²) ‖ N(0, 1)) in nats of one dimension.
export const klPerDim = (mu, logvar) => 0.5 * (mu * mu + Math.exp(logvar) - 1 - logvar);

// ln N(z; 0, I) in nats.
export function logPrior(z) {
  let sum = 0;
  for (const v of z) sum += v * v;
  return -0.5 * (sum + z.length * Math.log(2 * Math.PI));
}

// A vector of k independent standard-normal draws (Box–Muller).
export function standardNormal(k, random = Math.random) {
  const draw = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Float64Array.from({ length: k }, draw);
}

// What each data point costs, from the frame's mu and logvar: rate and ln of the posterior's volume (Σ ln sigma).
export function perPoint(mu, logvar, n, k) {
  const rate = new Float32Array(n);
  const logVolume = new Float32Array(n);
  for (let i = 0; i < n * k; i++) {
    const point = Math.floor(i / k);
    rate[point] += klPerDim(mu[i], logvar[i]);
    logVolume[point] += 0.5 * logvar[i];
  }
  return { rate, logVolume };
}
