// The derivation, line by line as in the textbook, with the numbers of this image and this q under every line.

import { signed, whole } from "../core/format.js";
import { line, Plot, prepareCanvas } from "../plot/chart.js";
import { formula } from "../plot/formula.js";
import { faded } from "../plot/palette.js";
import { mismatch, printed } from "./parts.js";

const LIKELIHOOD = "\\htmlClass{eb-of-likelihood}{p(x\\mid z)}";
const PRIOR = "\\htmlClass{eb-of-prior}{p(z)}";
const Q = "\\htmlClass{eb-of-q}{q(z\\mid x)}";
const POSTERIOR = "\\htmlClass{eb-of-posterior}{p(z\\mid x)}";

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
  constructor(root) {
    const item = ([key, name]) =>
      `<li data-line="${key}"><h4>${name}</h4><div class="eb-formula"></div><p class="eb-numbers"></p></li>`;
    root.innerHTML = `<ol class="eb-steps">${LINES.map(item).join("")}</ol><canvas class="eb-jensen" role="img" aria-label="distribution of ln w under q, the average of the logarithms and the logarithm of the average"></canvas>`;
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.items = Object.fromEntries(
      LINES.map(([key]) => [key, root.querySelector(`[data-line="${key}"] .eb-numbers`)]),
    );
  }

  // Once KaTeX is there.
  async set() {
    const places = [...this.root.querySelectorAll(".eb-formula")];
    await Promise.all(LINES.map(([, , tex], i) => formula(places[i], `\\displaystyle ${tex}`)));
    this.root.dataset.set = "1";
  }

  // `parts` as the bar has them, `weights` of draws of q, `posterior` with its grid's convergence.
  show({ parts, weights, posterior, colours }) {
    const { logEvidence, elbo, sampled } = parts;
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
      `${about}<b class="eb-of-likelihood">${text("likelihood")}</b> − <b class="eb-of-prior">${text("rate")}</b> = <b>${text("elbo")}</b> <small>${this.how(posterior)}</small>`,
    );
    const gap = `${about}<b class="eb-of-q">${text("gap")}</b>`;
    this.put(
      "rest",
      `${gap} <small>${parts.gapIsRest ? errorOfGap(parts) : `by difference; a quadrature of its own is within ${mismatch(parts)} of that`}</small>`,
    );
    this.weights = weights;
    this.colours = colours;
    this.elbo = elbo;
    this.logEvidence = logEvidence;
    this.draw();
  }

  how({ surface }) {
    return surface ? "quadrature under q; closed form" : "draws of q; closed form";
  }

  put(key, html) {
    this.items[key].innerHTML = html;
  }

  // How ln w is spread under q: what the average loses to the logarithm.
  draw() {
    this.canvas.hidden = !this.weights;
    if (!this.weights || !this.canvas.clientWidth) return;
    const { context, width, height } = prepareCanvas(this.canvas);
    const { logMean, logW } = this.weights;
    const { elbo, colours } = this;
    const sorted = Float64Array.from(logW).sort();
    const [low, high] = [
      Math.min(sorted[Math.floor(0.01 * sorted.length)], elbo),
      Math.max(sorted.at(-1), logMean, this.logEvidence),
    ];
    const air = 0.06 * (high - low) + 1e-3;
    const counts = histogram(sorted, low - air, high + air, Math.floor(width / 7));
    const box = { left: 8, top: 24, width: width - 16, height: height - 44 };
    const plot = new Plot(context, box, { x: [low - air, high + air], y: [0, Math.max(...counts) * 1.05] }, colours);
    plot.axes({ xName: "ln w, nats", xCount: 5, yCount: 0 });
    context.fillStyle = faded(colours.q, 0.4);
    counts.forEach((count, i) => {
      const x = box.left + (i * box.width) / counts.length;
      context.fillRect(x, plot.y(count), box.width / counts.length - 1, box.top + box.height - plot.y(count));
    });
    const mark = (value, text, align) => {
      Object.assign(context, { strokeStyle: colours.text, lineWidth: 2 });
      line(context, plot.x(value), box.top - 6, plot.x(value), box.top + box.height);
      plot.label(text, plot.x(value) + (align === "left" ? -4 : 4), box.top - 12, {
        align: align === "left" ? "right" : "left",
        font: "600 12.5px",
      });
    };
    const crowded = plot.x(elbo) < box.left + 90;
    mark(elbo, "E[ln w] = ELBO", crowded ? "right" : "left");
    if (!crowded || plot.x(this.logEvidence) > plot.x(elbo) + 125)
      mark(this.logEvidence, "ln E[w]", plot.x(this.logEvidence) > box.left + box.width - 60 ? "left" : "right");
  }
}

const drawn = ({ draws, logW }) => `${whole(draws ?? logW.length)} draws of q`;

// The error of ln E[w] by draws, or why there is none to tell.
function errorOf(weights) {
  const { withheld, logMeanError, effective } = weights;
  if (withheld) return `<small>from ${drawn(weights)}. ${withheld}</small>`;
  return `± ${logMeanError.toFixed(2)} <small>from ${drawn(weights)}, effective sample size ${whole(effective)}</small>`;
}

// Both parts of a sampled gap are by draws of their own, so their variances add up.
const errorOfGap = ({ withheld, gapError }) =>
  withheld ? "without an error, as ln p(x) has none" : `± ${gapError.toFixed(2)}, from the errors of both`;

function histogram(sorted, low, high, bins) {
  const counts = new Array(Math.max(1, bins)).fill(0);
  for (const value of sorted) {
    const bin = Math.floor(((value - low) / (high - low)) * counts.length);
    if (bin >= 0 && bin < counts.length) counts[bin]++;
  }
  return counts;
}

// What is known of the evidence's own error.
function converged({ levels, error, standard_error, withheld, effective_sample_size, draws, method }) {
  if (!levels && withheld) return `<small>${method}. ${withheld}</small>`;
  if (!levels)
    return `± ${standard_error.toFixed(2)} <small>${method}, effective sample size ${whole(effective_sample_size)} of ${whole(draws)}</small>`;
  const steps = levels
    .slice(-3)
    .map(
      ([cells, value]) =>
        `<span title="${whole(cells)} cells a side">${signed(value, value === levels.at(-1)[1] ? 4 : 3)}</span>`,
    );
  const last = error < 1e-4 ? "less than 0.0001" : error.toFixed(4);
  return `<small class="eb-levels">grid halved: ${steps.join(" → ")}; the last halving changes it by ${last}</small>`;
}
