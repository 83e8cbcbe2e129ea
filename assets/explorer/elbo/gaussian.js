// q(z|x) in a hand: as the encoder has it, and the axes that it is taken by.

import { FullGaussian } from "../math/full-gaussian.js";

export class Gaussian extends FullGaussian {
  // What the encoder says of row `i` of a frame's mu and logvar.
  static ofRow({ mu, logvar }, i, k) {
    const part = (array) => array.subarray(i * k, (i + 1) * k);
    return Gaussian.diagonal(
      part(mu),
      Array.from(part(logvar), (v) => Math.exp(v / 2)),
    );
  }

  // In the plane: standard deviations along two axes, the first of them turned by `angle` from z₁.
  static ofAxes(mu, lengths, angle) {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const [a, b] = lengths.map((length) => length * length);
    const [uu, uv, vv] = [c * c * a + s * s * b, c * s * (a - b), s * s * a + c * c * b];
    const first = Math.sqrt(uu);
    const q = new Gaussian(mu, [first, 0, uv / first, Math.sqrt(Math.max(1e-300, vv - (uv * uv) / uu))]);
    q.turned = { lengths, angle };
    return q;
  }

  // The same spread around another mean.
  moved(mu) {
    const q = new Gaussian(mu, this.tril, this.full);
    q.turned = this.turned;
    return q;
  }

  // Without correlations: the family that an encoder chooses from.
  diagonalised() {
    return Gaussian.diagonal(this.mu, this.sigmas());
  }

  // In the plane: the axis nearest to z₁ first, unless a hand has turned it on.
  axes() {
    return this.turned ?? axesOf(this.covariance(0, 0), this.covariance(0, 1), this.covariance(1, 1));
  }

  // L as rows.
  rows() {
    return Array.from(this.mu, (_, i) => Array.from(this.tril.subarray(i * this.k, (i + 1) * this.k)));
  }

  toJSON() {
    return { mu: Array.from(this.mu), tril: this.rows() };
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
