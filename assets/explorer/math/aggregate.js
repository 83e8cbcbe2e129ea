// The aggregate posterior q(z) = (1/N) Σ q(z|x_n) in all dimensions, exactly: the counterpart of
// vae/analysis/aggregate.py.

import { evenly } from "../core/random.js";
import { shownClasses } from "./grid-index.js";

/** @import { FrameArrays } from "../data/frame.js" */

/** mu and logvar (N, k). @typedef {Pick<FrameArrays, "mu" | "logvar">} PosteriorArrays */

const LOG_2PI = Math.log(2 * Math.PI);
const NEGLIGIBLE = 40; // nats below the largest term: a term further below does not change the sum

export class Aggregate {
  /**
   * @param {PosteriorArrays} arrays
   * @param {ArrayLike<number>} chosen indices of the posteriors that count
   * @param {number} k
   */
  constructor({ mu, logvar }, chosen, k) {
    const count = chosen.length;
    this.k = k;
    this.count = count;
    this.chosen = chosen;
    this.means = new Float64Array(count * k);
    this.precisions = new Float64Array(count * k);
    this.constants = new Float64Array(count);
    this.logs = new Float64Array(count);
    for (let n = 0; n < count; n++) {
      let sum = 0;
      for (let d = 0; d < k; d++) {
        const from = chosen[n] * k + d;
        this.means[n * k + d] = mu[from];
        this.precisions[n * k + d] = Math.exp(-logvar[from]);
        sum += logvar[from];
      }
      this.constants[n] = -0.5 * (sum + k * LOG_2PI);
    }
  }

  /**
   * ln q(z) in nats; −∞ without posteriors.
   * @param {ArrayLike<number>} z
   */
  log(z) {
    const largest = this.terms(z);
    let sum = 0;
    for (const log of this.logs) if (log > largest - NEGLIGIBLE) sum += Math.exp(log - largest);
    return largest + Math.log(sum / this.count);
  }

  /**
   * p(class|z): the share of q(z) that each class contributes.
   * @param {ArrayLike<number>} z
   * @param {ArrayLike<number>} labels
   * @param {number} classes
   */
  shares(z, labels, classes) {
    const shares = new Float64Array(classes);
    const largest = this.terms(z);
    let sum = 0;
    for (let n = 0; n < this.count; n++) {
      const weight = Math.exp(this.logs[n] - largest);
      shares[labels[this.chosen[n]]] += weight;
      sum += weight;
    }
    return shares.map((share) => share / sum);
  }

  /**
   * Writes ln q(z|x_n) of every posterior into `logs`; returns the largest.
   * @param {ArrayLike<number>} z
   */
  terms(z) {
    const { k, count, means, precisions, constants, logs } = this;
    let largest = -Infinity;
    for (let n = 0, p = 0; n < count; n++) {
      let squared = 0;
      for (let d = 0; d < k; d++, p++) squared += (z[d] - means[p]) ** 2 * precisions[p];
      logs[n] = constants[n] - 0.5 * squared;
      if (logs[n] > largest) largest = logs[n];
    }
    return largest;
  }
}

const MOST = 20_000; // posteriors in a sum, at most

/**
 * The indices of the images whose class is not hidden; of more than `MOST`, so many that are evenly spread.
 * @param {{ arrays: Pick<FrameArrays, "labels">, count: number }} frame
 * @param {number[]} hidden
 */
export function counted({ arrays: { labels }, count }, hidden) {
  const shown = shownClasses(hidden);
  const found = new Uint32Array(count);
  let n = 0;
  for (let i = 0; i < count; i++) if (shown[labels[i]]) found[n++] = i;
  return evenly(n, MOST).map((rank) => found[rank]);
}
