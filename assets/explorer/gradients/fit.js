// q fitted step by step, by Adam on mu and ln sigma (on mu, ln L_ii and L_ij of a full q): the twin of vae.gradients.fit.

import { reverse } from "./divergence.js";
import { mean, singles } from "./estimators.js";
import { Gaussian, place } from "./gaussian.js";

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];
const BASELINE_DRAWS = 100;

// Adam's memory, of gradients as rows.
export class Adam {
  constructor(size) {
    this.steps = 0;
    this.first = new Float64Array(size);
    this.second = new Float64Array(size);
  }

  // The q after one step up `gradient` (∂/∂mu, ∂/∂sigma or ∂/∂L).
  climb(q, gradient, rate) {
    const moves = this.moves(q, gradient, rate);
    const next = new Gaussian(q.mu, q.tril, q.full);
    for (let i = 0; i < q.k; i++) {
      next.mu[i] += moves[i];
      for (let j = q.full ? 0 : i; j < i; j++) next.tril[i * q.k + j] += moves[place(q, i, j)];
      next.tril[i * q.k + i] *= Math.exp(moves[place(q, i, i)]);
    }
    return next;
  }

  moves(q, gradient, rate) {
    const free = Float64Array.from(gradient);
    for (let i = 0; i < q.k; i++) free[place(q, i, i)] *= q.scale(i); // ∂/∂ln sigma
    this.steps++;
    const [unbias1, unbias2] = [1 - BETA1 ** this.steps, Math.sqrt(1 - BETA2 ** this.steps)];
    return free.map((g, i) => {
      this.first[i] += (1 - BETA1) * (g - this.first[i]);
      this.second[i] = BETA2 * this.second[i] + (1 - BETA2) * g * g;
      return ((rate / unbias1) * this.first[i]) / (Math.sqrt(this.second[i]) / unbias2 + EPSILON);
    });
  }
}

// What an estimator says of −∇ KL(q ‖ p) at q with the noise `zeta`: single gradients, their mean, and the exact one.
export function estimate(target, cells, q, estimator, zeta, baseline) {
  const truth = reverse(target, cells, q);
  if (estimator === "exact") return { ...truth, exact: truth.gradient, singles: null };
  const rows = singles(target.f, q, estimator, zeta, baseline);
  for (let s = 0; s < rows.length; s += q.size)
    for (let i = 0; i < q.k; i++) rows[s + place(q, i, i)] += 1 / q.scale(i);
  return { ...truth, exact: truth.gradient, singles: rows, gradient: mean(rows, q.size) };
}

// E_q f by draws of its own.
export function drawnBaseline(f, q, random) {
  const z = new Float64Array(q.k);
  const zeta = random.normals(BASELINE_DRAWS * q.k);
  let sum = 0;
  for (let s = 0; s < BASELINE_DRAWS; s++) sum += f(q.at(zeta, z, s * q.k));
  return sum / BASELINE_DRAWS;
}
