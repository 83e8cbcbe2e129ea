// Densities that q is fitted to, the twins of vae/inference/targets.py: a target's `f(z, slope)` is ln p(z), whose gradient it writes
// into `slope` where one is given. float64 throughout.

const LOG_2PI = Math.log(2 * Math.PI);

// f(z) = −½ zᵀ A z + bᵀ z + c, of which Gaussian expectations have closed forms; A row by row.
function quadratic(A, b, c) {
  const k = b.length;
  const f = (z, slope) => {
    let value = c;
    for (let i = 0; i < k; i++) {
      let row = 0;
      for (let j = 0; j < k; j++) row += A[i * k + j] * z[j];
      value += z[i] * (b[i] - 0.5 * row);
      if (slope) slope[i] = b[i] - row;
    }
    return value;
  };
  return { k, f, quadratic: { A: Float64Array.from(A), b: Float64Array.from(b) } };
}

// ‖z‖², the integrand of the estimators' closed forms.
export function square(k) {
  const f = (z, slope) => {
    let value = 0;
    for (let i = 0; i < k; i++) {
      value += z[i] * z[i];
      if (slope) slope[i] = 2 * z[i];
    }
    return value;
  };
  return { k, f };
}

// N(mean, sigma²) on a line.
export const onALine = (mean = 0.8, sigma = 0.6) => ({
  ...quadratic([1 / sigma ** 2], [mean / sigma ** 2], -0.5 * ((mean / sigma) ** 2 + LOG_2PI) - Math.log(sigma)),
  covariance: [sigma ** 2],
});

// N(0, ((1, ρ), (ρ, 1))).
export function correlated(rho) {
  const determinant = 1 - rho * rho;
  const A = [1 / determinant, -rho / determinant, -rho / determinant, 1 / determinant];
  return { ...quadratic(A, [0, 0], -LOG_2PI - 0.5 * Math.log(determinant)), covariance: [1, rho, rho, 1] };
}

// share · N(−m, sigma²) + (1 − share) · N(m, sigma²) with ‖m‖ = distance/2 along (1, …, 1).
export function twoModes(k = 2, distance = 4, sigma = 0.7, share = 0.5) {
  const middle = distance / 2 / Math.sqrt(k);
  const constant = k * (Math.log(sigma) + 0.5 * LOG_2PI);
  const precision = 1 / sigma ** 2;
  const f = (z, slope) => {
    let [left, right] = [Math.log(share) - constant, Math.log(1 - share) - constant];
    for (let i = 0; i < k; i++) {
      left -= 0.5 * precision * (z[i] + middle) ** 2;
      right -= 0.5 * precision * (z[i] - middle) ** 2;
    }
    const top = Math.max(left, right);
    const value = top + Math.log(Math.exp(left - top) + Math.exp(right - top));
    if (slope) {
      const ofRight = Math.exp(right - value);
      for (let i = 0; i < k; i++) slope[i] = -precision * (z[i] + middle * (1 - 2 * ofRight));
    }
    return value;
  };
  return { k, f };
}

// z₁ ~ N(0, spread²), z₂ | z₁ ~ N(bend · (z₁² − spread²), ½²).
export function banana(bend = 0.5, spread = 1.5) {
  const constant = Math.log(spread) + Math.log(0.5) + LOG_2PI;
  const f = (z, slope) => {
    const across = z[0] / spread;
    const up = (z[1] - bend * (z[0] ** 2 - spread ** 2)) / 0.5;
    if (slope) {
      slope[0] = -across / spread + 4 * up * bend * z[0];
      slope[1] = -2 * up;
    }
    return -0.5 * (across * across + up * up) - constant;
  };
  const reach = 5.7 * spread; // where the density has fallen by e^−16
  return {
    k: 2,
    f,
    box: { low: [-reach, -bend * spread ** 2 - 3], high: [reach, bend * (reach ** 2 - spread ** 2) + 3] },
  };
}

// exp(−(‖z‖ − radius)²/(2 width²)) on the plane. Its constant but for a tail of e^(−radius²/(2 width²)), 2e-10 here.
export function ring(radius = 2, width = 0.3) {
  const constant = Math.log(2 * Math.PI * radius * width * Math.sqrt(2 * Math.PI));
  const f = (z, slope) => {
    const distance = Math.sqrt(z[0] ** 2 + z[1] ** 2 + 1e-12); // whose slope is finite at the origin too
    const off = (distance - radius) / width;
    if (slope) for (let i = 0; i < 2; i++) slope[i] = ((-off / width) * z[i]) / distance;
    return -0.5 * off * off - constant;
  };
  return { k: 2, f };
}

// The one that the server has to be asked for.
export const POSTERIOR = "posterior";

// What can be chosen. `start` is where q begins, `half` how far around the middle the picture reaches.
export const TARGETS = {
  correlated: {
    name: "correlated Gaussian",
    make: ({ rho }) => correlated(rho),
    start: [
      [1.5, 0.5],
      [0.5, 0.5],
    ],
    half: 3.6,
  },
  modes: {
    name: "two modes",
    make: () => twoModes(),
    start: [
      [0.3, -0.6],
      [0.8, 0.8],
    ],
    half: 3.8,
  },
  banana: {
    name: "banana",
    make: () => banana(),
    start: [
      [-1.4, 2.4],
      [0.5, 0.5],
    ],
    half: 4.2,
  },
  ring: {
    name: "ring",
    make: () => ring(),
    start: [
      [0.7, 0.3],
      [0.7, 0.7],
    ],
    half: 3.6,
  },
  line: { name: "Gaussian, 1-D", make: () => onALine(), start: [[-2], [1]], half: 5 },
  "modes-line": { name: "two modes, 1-D", make: () => twoModes(1), start: [[0.4], [1]], half: 5 },
};
