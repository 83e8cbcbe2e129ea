// The variance of every estimator's mean of n draws, measured: for f = ‖z‖², with respect to mu₁ and sigma₁.

import { singles } from "./estimators.js";
import { Gaussian } from "./gaussian.js";
import { square } from "./targets.js";

export const MEASURED = ["score", "baseline", "leave-one-out", "pathwise"];

// Mean and variance of numbers that come one by one (Welford).
class Running {
  count = 0;
  mean = 0;
  scatter = 0;

  add(value) {
    this.count++;
    const off = value - this.mean;
    this.mean += off / this.count;
    this.scatter += off * (value - this.mean);
  }

  get variance() {
    return this.scatter / (this.count - 1);
  }
}

export class Meter {
  // `ns` are the sizes of the means, each a divisor of the largest; all dimensions have the same `mu` and `sigma`.
  constructor(dims, mu, sigma, ns) {
    this.q = Gaussian.diagonal(Array(dims).fill(mu), Array(dims).fill(sigma));
    this.f = square(dims).f;
    this.ns = ns;
    this.block = Math.max(...ns);
    this.baseline = dims * (mu * mu + sigma * sigma); // E f
    this.draws = 0;
    const both = (n) => ({
      mu: new Running(),
      sigma: new Running(),
      latest: { mu: new Float64Array(this.block / n), sigma: new Float64Array(this.block / n) },
    });
    this.found = Object.fromEntries(MEASURED.map((name) => [name, new Map(ns.map((n) => [n, both(n)]))]));
  }

  // One block of draws more, used by every estimator; its means are the `latest`.
  measure(random) {
    const zeta = random.normals(this.block * this.q.k);
    for (const estimator of MEASURED) this.measureOne(estimator, zeta);
    this.draws += this.block;
  }

  measureOne(estimator, zeta) {
    const { f, q, ns, block, baseline } = this;
    const alone = estimator === "leave-one-out" ? null : singles(f, q, estimator, zeta, baseline);
    for (const n of ns) {
      if (!alone && n < 2) continue;
      const found = this.found[estimator].get(n);
      for (let s = 0; s < block; s += n) {
        const rows = alone
          ? alone.subarray(s * q.size, (s + n) * q.size)
          : singles(f, q, estimator, zeta.subarray(s * q.k, (s + n) * q.k));
        this.add(found, rows, s);
      }
    }
  }

  add({ mu, sigma, latest }, rows, s) {
    const { k, size } = this.q;
    let [ofMu, ofSigma] = [0, 0];
    for (let at = 0; at < rows.length; at += size) [ofMu, ofSigma] = [ofMu + rows[at], ofSigma + rows[at + k]];
    const count = rows.length / size;
    mu.add(ofMu / count);
    sigma.add(ofSigma / count);
    latest.mu[s / count] = ofMu / count;
    latest.sigma[s / count] = ofSigma / count;
  }
}
