// A plane through the latent space: two rows P, orthonormal, so that u = P z. The prior stays N(0, I) on it.

export class Projection {
  // `rows` are two arrays of length k; the second may be null where the latent space has one dimension only.
  constructor(rows, labels) {
    this.rows = rows;
    this.labels = labels;
    this.dim = rows[0].length;
  }

  static axes(k, i, j) {
    return new Projection([unit(k, i), unit(k, j)], [subscript("z", i + 1), subscript("z", j + 1)]);
  }

  // One dimension only, along u; v parts the points and means nothing.
  get isLine() {
    return this.rows[1] === null;
  }

  static line() {
    return new Projection([unit(1, 0), null], ["z₁", ""]);
  }

  // Every spot of a plane stands for a z.
  get invertible() {
    return true;
  }

  // `components` (k·k, row by row) and the share of variance of each row, as the frame carries them.
  static pca(components, shares, k) {
    const row = (i) => components.subarray(i * k, (i + 1) * k);
    const label = (i) => `principal axis ${i + 1} (${Math.round(100 * shares[i])} % of the variance)`;
    return new Projection([row(0), row(1)], [label(0), label(1)]);
  }

  project(z, offset = 0) {
    return this.rows.map((row) => (row ? dot(row, z, offset) : 0));
  }

  // Coordinates of n points as two arrays. In one dimension the second is a fixed scatter that only parts the points.
  projectAll(mu, n) {
    return this.rows.map((row) => {
      const out = new Float32Array(n);
      for (let i = 0; i < n; i++) out[i] = row ? dot(row, mu, i * this.dim) : ((i * 0.61803398875) % 1) - 0.5;
      return out;
    });
  }

  // Moves z within the plane until it projects to (u, v); what is orthogonal to the plane stays.
  lift(z, u, v) {
    const target = [u, v];
    this.rows.forEach((row, r) => {
      if (!row) return;
      const step = target[r] - dot(row, z, 0);
      for (let d = 0; d < this.dim; d++) z[d] += step * row[d];
    });
  }

  // Covariance P diag(sigma²) Pᵀ of point i, exactly: [variance of u, covariance, variance of v].
  covariance(logvar, i) {
    let uu = 0,
      uv = 0,
      vv = 0;
    const [p, q] = this.rows;
    for (let d = 0; d < this.dim; d++) {
      const s = Math.exp(logvar[i * this.dim + d]);
      uu += s * p[d] * p[d];
      if (!q) continue;
      uv += s * p[d] * q[d];
      vv += s * q[d] * q[d];
    }
    return [uu, uv, vv];
  }
}

// The 1-σ ellipse of a 2×2 covariance: semi-axes and the angle of the first.
export function ellipse([uu, uv, vv]) {
  const mean = (uu + vv) / 2;
  const spread = Math.hypot((uu - vv) / 2, uv);
  return {
    major: Math.sqrt(mean + spread),
    minor: Math.sqrt(Math.max(0, mean - spread)),
    angle: 0.5 * Math.atan2(2 * uv, uu - vv),
  };
}

export const subscript = (letter, n) => letter + String(n).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d]);

function dot(row, z, offset) {
  let sum = 0;
  for (let d = 0; d < row.length; d++) sum += row[d] * z[offset + d];
  return sum;
}

export function unit(k, i) {
  const row = new Float64Array(k);
  row[i] = 1;
  return row;
}
