// The derivation of the ELBO, line by line as in a textbook, with the numbers of this image and this q under every line.

import { find, findAll } from "../core/dom.js";
import { signed, whole } from "../core/format.js";
import { formula } from "../plot/formula.js";
import { JensenChart } from "./jensen-chart.js";
import { mismatch, printed } from "./parts.js";

/** @import { ElboColours } from "./colours.js" */
/** @import { Parts, Weighted } from "./parts.js" */
/** @import { Posterior } from "./posterior.js" */

/** @typedef {"evidence" | "ratio" | "jensen" | "terms" | "rest"} Step a line of the derivation */

/**
 * What the derivation shows; `weights` is null while no draws of q are known.
 * @typedef {{ parts: Parts, weights: Weighted | null, posterior: Posterior, colours: ElboColours }} Shown
 */

const LIKELIHOOD = "\\htmlClass{eb-of-likelihood}{p(x\\mid z)}";
const PRIOR = "\\htmlClass{eb-of-prior}{p(z)}";
const Q = "\\htmlClass{eb-of-q}{q(z\\mid x)}";
const POSTERIOR = "\\htmlClass{eb-of-posterior}{p(z\\mid x)}";

/** @type {[Step, string, string][]} key, title and formula */
const LINES = [
  ["evidence", "z is integrated out", `\\ln p(x) = \\ln \\int ${LIKELIHOOD}\\,${PRIOR}\\,dz`],
  [
    "ratio",
    "times q/q",
    `\\phantom{\\ln p(x)} = \\ln \\int ${Q}\\,\\frac{${LIKELIHOOD}\\,${PRIOR}}{${Q}}\\,dz = \\ln \\mathbb{E}_{q}[w]`,
  ],
  [
    "jensen",
    "Jensen: ln is concave",
    `\\phantom{\\ln p(x)} \\ge \\mathbb{E}_{q}\\Big[\\ln \\frac{${LIKELIHOOD}\\,${PRIOR}}{${Q}}\\Big] = \\mathbb{E}_{q}[\\ln w]`,
  ],
  [
    "terms",
    "the two terms",
    `\\phantom{\\ln p(x)} = \\mathbb{E}_{q}\\big[\\ln ${LIKELIHOOD}\\big] - \\mathrm{KL}\\big(${Q}\\,\\|\\,${PRIOR}\\big) = \\text{ELBO}`,
  ],
  [
    "rest",
    "what Jensen leaves",
    `\\ln p(x) - \\text{ELBO} = \\mathbb{E}_{q}\\Big[\\ln\\frac{${Q}}{${POSTERIOR}}\\Big] = \\mathrm{KL}\\big(${Q}\\,\\|\\,${POSTERIOR}\\big)`,
  ],
];

export class Derivation {
  /** @param {HTMLElement} root */
  constructor(root) {
    const item = (/** @type {string[]} */ [key, name]) =>
      `<li data-line="${key}"><h4>${name}</h4><div class="eb-formula"></div><p class="eb-numbers"></p></li>`;
    root.innerHTML = `<ol class="eb-steps">${LINES.map(item).join("")}</ol><canvas class="eb-jensen" role="img" aria-label="distribution of ln w under q, the average of the logarithms and the logarithm of the average"></canvas>`;
    this.root = root;
    this.chart = new JensenChart(find(root, "canvas", HTMLCanvasElement));
    /** @type {Shown | null} */ this.shown = null;
  }

  /** Renders the formulas; KaTeX has to be loaded. */
  async set() {
    const places = findAll(this.root, ".eb-formula");
    await Promise.all(LINES.map(([, , tex], i) => formula(places[i], `\\displaystyle ${tex}`)));
    this.root.dataset.set = "1";
  }

  /** @param {Shown} shown */
  show(shown) {
    this.shown = shown;
    const { parts, weights, posterior } = shown;
    const { sampled } = parts;
    const { about, text } = printed(parts);
    this.put("evidence", `<b>${text("evidence")}</b> ${converged(posterior.meta)}`);
    if (weights) this.put("ratio", `≈ <b>${signed(weights.logMean)}</b> ${errorOf(weights)}`);
    const mean = sampled
      ? `≈ <b>${signed(sampled.mean)}</b> ± ${sampled.standard_error.toFixed(2)} <small>${sampled.draws ? `from ${whole(sampled.draws)} draws` : "from draws of q"}</small>`
      : weights
        ? `≈ <b>${signed(weights.mean)}</b> <small>from the same draws</small>`
        : "";
    this.put("jensen", mean);
    this.put(
      "terms",
      `${about}<b class="eb-of-likelihood">${text("likelihood")}</b> − <b class="eb-of-prior">${text("rate")}</b> = <b>${text("elbo")}</b> <small>${posterior.surface ? "quadrature under q" : "draws of q"}; closed form</small>`,
    );
    const gap = `${about}<b class="eb-of-q">${text("gap")}</b>`;
    this.put(
      "rest",
      `${gap} <small>${parts.gapIsRest ? errorOfGap(parts) : `by difference; a quadrature of its own is within ${mismatch(parts)} of that`}</small>`,
    );
    this.draw();
  }

  /**
   * @param {Step} key
   * @param {string} html
   */
  put(key, html) {
    find(this.root, `[data-line="${key}"] .eb-numbers`).innerHTML = html;
  }

  draw() {
    const { canvas } = this.chart;
    canvas.hidden = !this.shown?.weights;
    if (!this.shown?.weights || !canvas.clientWidth) return;
    const { weights, parts, colours } = this.shown;
    this.chart.colours = colours;
    const { logMean, logW } = weights;
    const { elbo, logEvidence } = parts;
    this.chart.show({ logW, logMean, elbo, logEvidence });
  }
}

const drawn = (/** @type {Weighted} */ { draws, logW }) => `${whole(draws ?? logW.length)} draws of q`;

/**
 * The standard error of ln E[w] as HTML, or why it is unknown.
 * @param {Weighted} weights
 */
function errorOf(weights) {
  const { withheld, logMeanError, effective } = weights;
  if (withheld || logMeanError === null) return `<small>from ${drawn(weights)}. ${withheld}</small>`;
  return `± ${logMeanError.toFixed(2)} <small>from ${drawn(weights)}, effective sample size ${whole(effective)}</small>`;
}

/**
 * The standard error of a sampled gap. Its two terms are from independent draws, so their variances add up.
 * @param {Parts} parts
 */
const errorOfGap = ({ withheld, gapError = null }) =>
  withheld || gapError === null
    ? "without an error, as ln p(x) has none"
    : `± ${gapError.toFixed(2)}, from the errors of both`;

/**
 * The error of ln p(x) as HTML: its convergence on finer grids, or the standard error of an estimate from draws.
 * @param {Posterior["meta"]} meta
 */
function converged(meta) {
  if (!("levels" in meta)) {
    const { standard_error: error, withheld, effective_sample_size: effective, draws, method } = meta;
    if (withheld || error === null) return `<small>${method}. ${withheld}</small>`;
    return `± ${error.toFixed(2)} <small>${method}, effective sample size ${whole(effective)} of ${whole(draws)}</small>`;
  }
  const { levels, error } = meta;
  const steps = levels
    .slice(-3)
    .map(
      ([cells, value]) =>
        `<span title="${whole(cells)} cells a side">${signed(value, value === levels[levels.length - 1][1] ? 4 : 3)}</span>`,
    );
  const last = error < 1e-4 ? "less than 0.0001" : error.toFixed(4);
  return `<small class="eb-levels">grid halved: ${steps.join(" → ")}; the last halving changes it by ${last}</small>`;
}
