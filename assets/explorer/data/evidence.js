// Requests to the server about the posterior of one image: everything that takes more than a frame of the display to
// compute. The answers are frames, written by vae/exports/posterior_frames.py. All values are in nats.

import { Frame } from "./frame.js";

/**
 * A Gaussian q as the server reads and writes it: N(mu, L Lᵀ), `tril` the rows of L.
 * @typedef {{ mu: number[], tril: number[][] }} GaussianJSON
 */

/**
 * An image: a row of the held-out images, or pixels in [0, 1].
 * @typedef {{ image: number } | { pixels: number[] }} Source
 */

/** A mean of draws with its standard error. @typedef {{ mean: number, standard_error: number }} SampledMean */

/** [cells per side, ln p(x) on that many cells]. @typedef {[cells: number, logEvidence: number]} Level */

/**
 * @typedef {Object} AboutImage
 * @property {number} latent_dim
 * @property {boolean} unnormalised whether a Bernoulli likelihood is no density of these pixels
 * @property {number} log_evidence ln p(x)
 * @property {{ mu: number[], logvar: number[] }} q the encoder's posterior
 */

/**
 * How ln p(x) was estimated by sampling.
 * @typedef {Object} EvidenceEstimate
 * @property {number | null} standard_error null if `withheld`
 * @property {string | null} withheld why no standard error is given, as a sentence
 * @property {string} method
 * @property {number} effective_sample_size
 * @property {number} draws
 */

/**
 * The bound of a sampled answer, for more than two dimensions.
 * @typedef {Object} SampledBound
 * @property {number} elbo
 * @property {number} rate
 * @property {number} distortion
 * @property {number} gap ln p(x) − elbo
 * @property {number | null} gap_standard_error
 */

/** The accuracy of ln p(x) by quadrature. @typedef {{ error: number, levels: Level[] }} Convergence */

/** Corners (k) and cells per side of a grid. @typedef {{ low: number[], high: number[], cells: number }} GridBox */

/**
 * Header of the answer "posterior" for one or two dimensions; `modes` are [...peak, weight].
 * @typedef {AboutImage & Convergence & GridBox & {
 *   modes: number[][],
 *   mean: number[],
 *   covariance: number[][],
 *   coarse: GridBox,
 * }} GridPosteriorMeta
 *
 * @typedef {{ log_likelihood: Float32Array, coarse_log_likelihood: Float32Array }} GridPosteriorArrays
 */

/**
 * Header of the answer "posterior" for more than two dimensions; it has no arrays.
 * @typedef {AboutImage & EvidenceEstimate & SampledBound & { elbo_standard_error: number }} SampledPosteriorMeta
 */

/**
 * Header of the answer "parts" for one or two dimensions.
 * @typedef {Convergence & {
 *   log_evidence: number,
 *   distortion: number,
 *   rate: number,
 *   gap: number,
 *   elbo: number,
 *   tolerance: number,
 *   sampled: SampledMean & { draws: number },
 * }} GridPartsMeta
 */

/**
 * Header of the answer "parts" for more than two dimensions.
 * @typedef {EvidenceEstimate & SampledBound & {
 *   log_evidence: number,
 *   sampled: SampledMean & { draws: number },
 * }} SampledPartsMeta
 */

/**
 * Header of the answer "fit": the path of q to the best Gaussian.
 * @typedef {Convergence & {
 *   path: (GaussianJSON & { elbo: number })[],
 *   elbo: number,
 *   encoder_elbo: number,
 *   log_evidence: number,
 *   gaps: { approximation: number, amortisation: number },
 *   start_mode: number | null,
 * }} FitMeta
 */

/**
 * Header of the answer "weights": bounds of k importance-weighted draws.
 * @typedef {Object} WeightsMeta
 * @property {number[]} k
 * @property {number[]} mean
 * @property {number[]} standard_error
 * @property {number} elbo
 * @property {{ mean: number, standard_error: number | null }} estimate
 * @property {string | null} withheld
 * @property {number | null} pareto_k
 * @property {number} effective_sample_size
 * @property {number} draws
 *
 * @typedef {{ z: Float32Array, log_w: Float32Array }} WeightsArrays
 */

/**
 * @typedef {{
 *   posterior: Frame<GridPosteriorMeta, GridPosteriorArrays> | Frame<SampledPosteriorMeta, {}>,
 *   parts: Frame<GridPartsMeta | SampledPartsMeta, {}>,
 *   fit: Frame<FitMeta, {}>,
 *   weights: Frame<WeightsMeta, WeightsArrays>,
 * }} Answers
 */

export const UNREACHED = "The server did not answer. See whether it still runs, then choose the image again.";

/** A request that the server refused or did not answer; the message is a sentence for the page. */
export class Refusal extends Error {}

export class Evidence {
  /** @param {string} address URL of the model */
  constructor(address) {
    this.address = address;
    /** @type {Map<keyof Answers, AbortController>} */
    this.pending = new Map();
  }

  /**
   * Sends a request. A pending request of the same kind is aborted and resolves to null.
   * @template {keyof Answers} Kind
   * @param {Kind} kind
   * @param {Source} source
   * @param {object} fields further fields of the request
   * @returns {Promise<Answers[Kind] | null>}
   */
  async ask(kind, source, fields = {}) {
    this.pending.get(kind)?.abort();
    const control = new AbortController();
    this.pending.set(kind, control);
    try {
      const response = await fetch(`${this.address}/${kind}`, {
        method: "POST",
        body: JSON.stringify({ ...source, ...fields }),
        signal: control.signal,
      });
      if (response.ok) return /** @type {Answers[Kind]} */ (new Frame(await response.arrayBuffer()));
      throw new Refusal((await response.json()).error);
    } catch (error) {
      if (control.signal.aborted) return null;
      throw error instanceof Refusal ? error : new Refusal(UNREACHED, { cause: error });
    } finally {
      if (this.pending.get(kind) === control) this.pending.delete(kind);
    }
  }

  /**
   * Aborts pending requests, of these kinds or of all.
   * @param {...keyof Answers} kinds
   */
  forget(...kinds) {
    for (const [kind, control] of this.pending) if (!kinds.length || kinds.includes(kind)) control.abort();
  }
}

/**
 * The message of a `Refusal`; any other error is thrown again.
 * @param {unknown} error
 */
export function sentence(error) {
  if (!(error instanceof Refusal)) throw error;
  return error.message;
}
