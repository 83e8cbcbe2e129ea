// A Gaussian q(z|x) = N(mu, L Lᵀ) of one image, as vae/full_gaussian.py has it, and the axes that a hand takes it by.

const LOG_2PI = Math.log(2 * Math.PI);

export class Gaussian {
  // `mu` has k numbers, `tril` k rows of k: lower triangular, with a positive diagonal.
  constructor(mu, tril) {
    this.mu = Float64Array.from(mu);
    this.tril = tril.map((row) => Float64Array.from(row));
    this.k = this.mu.length;
    this.logDeterminant = this.tril.reduce((sum, row, d) => sum + Math.log(row[d]), 0);
  }

  static diagonal(mu, sigma) {
    return new Gaussian(mu, Array.from(sigma, (s, d) => Array.from(sigma, (_, j) => (j === d ? s : 0))));
  }

  // What the encoder says of row `i` of a frame's mu and logvar.
  static ofRow({ mu, logvar }, i, k) {
    const part = (array) => array.subarray(i * k, (i + 1) * k);
    return Gaussian.diagonal(part(mu), Array.from(part(logvar), (v) => Math.exp(v / 2)));
  }

  // In the plane: standard deviations along two axes, the first of them turned by `angle` from z₁.
  static ofAxes(mu, lengths, angle) {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const [a, b] = lengths.map((length) => length * length);
    const [uu, uv, vv] = [c * c * a + s * s * b, c * s * (a - b), s * s * a + c * c * b];
    const first = Math.sqrt(uu);
    const q = new Gaussian(mu, [[first, 0], [uv / first, Math.sqrt(Math.max(1e-300, vv - (uv * uv) / uu))]]);
    q.turned = { lengths, angle };
    return q;
  }

  // The same spread around another mean.
  moved(mu) {
    const q = new Gaussian(mu, this.tril);
    q.turned = this.turned;
    return q;
  }

  // Without correlations: the family that an encoder chooses from.
  diagonalised() {
    return Gaussian.diagonal(this.mu, this.sigmas());
  }

  covariance(i, j) {
    return this.tril[i].reduce((sum, value, d) => sum + value * this.tril[j][d], 0);
  }

  sigmas() {
    return Array.from(this.mu, (_, d) => Math.sqrt(this.covariance(d, d)));
  }

  // In the plane: the axis nearest to z₁ first, unless a hand has turned it on.
  axes() {
    return this.turned ?? axesOf(this.covariance(0, 0), this.covariance(0, 1), this.covariance(1, 1));
  }

  // z = mu + L·zeta, for zeta from `offset` in `zetas`, into `z`.
  at(zetas, offset, z) {
    for (let i = 0; i < this.k; i++) {
      let value = this.mu[i];
      for (let j = 0; j <= i; j++) value += this.tril[i][j] * zetas[offset + j];
      z[i] = value;
    }
    return z;
  }

  // ln q at z = mu + L·zeta.
  logProb(zetas, offset) {
    let squares = 0;
    for (let d = 0; d < this.k; d++) squares += zetas[offset + d] ** 2;
    return -0.5 * (squares + this.k * LOG_2PI) - this.logDeterminant;
  }

  // KL to the prior N(0, I) in nats.
  kl() {
    let squares = -this.k;
    for (let i = 0; i < this.k; i++) squares += this.mu[i] ** 2 + this.covariance(i, i);
    return 0.5 * squares - this.logDeterminant;
  }

  toJSON() {
    return { mu: Array.from(this.mu), tril: this.tril.map((row) => Array.from(row)) };
  }
}

function axesOf(uu, uv, vv) {
  const middle = (uu + vv) / 2;
  const half = Math.hypot((uu - vv) / 2, uv);
  const major = Math.sqrt(middle + half);
  const minor = Math.sqrt(Math.max(uu * vv - uv * uv, 0)) / major;
  const angle = 0.5 * Math.atan2(2 * uv, uu - vv);
  if (Math.abs(angle) <= Math.PI / 4) return { lengths: [major, minor], angle };
  return { lengths: [minor, major], angle: angle - Math.sign(angle) * (Math.PI / 2) };
}
