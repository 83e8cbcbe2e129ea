// The bar below the map. Upper row: ELBO + KL(q ‖ p(z|x)) = ln p(x), whose line stays at one place whatever q is. Lower row:
// ELBO = E ln p(x|z) − KL(q ‖ p(z)).

import { find } from "../core/dom.js";
import { BarChart } from "./bar-chart.js";
import { mismatch, printed } from "./parts.js";

/** @import { ElboColours } from "./colours.js" */
/** @import { Parts } from "./parts.js" */

const GREY = ". Bernoulli likelihood of grey pixels: ln p(x) is no normalised density";

const HTML = `
  <div class="eb-row"><p class="eb-sum"><span>ln p(x) <b class="eb-evidence">–</b></span> = <span>ELBO <b class="eb-elbo">–</b></span> + <span class="eb-of-q">KL(q ‖ p(z|x)) <b class="eb-gap">–</b></span> <small>nats per image</small></p><div class="eb-q"><button class="eb-reset" data-control="reset" title="back to the encoder’s own q(z|x)" hidden>encoder’s q</button><button data-switch="full" data-control="full" title="q may be correlated: a knob turns it" class="eb-of-q">full covariance</button></div></div>
  <p class="eb-check"></p>
  <canvas role="img" aria-label="ELBO and gap, adding up to the evidence"></canvas>`;

export class Bar {
  /** @param {HTMLElement} root */
  constructor(root) {
    root.innerHTML = HTML;
    this.root = root;
    this.chart = new BarChart(find(root, "canvas", HTMLCanvasElement));
    this.$ = (/** @type {string} */ name) => find(root, `.eb-${name}`);
  }

  /**
   * @param {Parts} parts
   * @param {string} whose which q they are of, in words
   * @param {ElboColours} colours
   * @param {boolean} unnormalised the likelihood is no normalised density of this image's pixels
   */
  show(parts, whose, colours, unnormalised) {
    const { exact, gapIsRest } = parts;
    const { about, text } = printed(parts);
    this.$("evidence").textContent = (gapIsRest ? "≈ " : "") + text("evidence");
    for (const name of /** @type {const} */ (["elbo", "gap"])) this.$(name).textContent = about + text(name);
    this.setText(`${whose}: ${checked(parts)}${unnormalised ? GREY : ""}`, Boolean(exact));
    this.root.dataset.exact = exact ? "1" : "0";
    this.chart.colours = colours;
    this.chart.show(parts);
  }

  /**
   * Sets the line of text below the sum. While q moves, the line keeps at least its height, so that the map does not change
   * its size under the pointer.
   * @param {string} text
   * @param {boolean} exact
   */
  setText(text, exact) {
    const check = this.$("check");
    if (exact) check.style.minHeight = "";
    else check.style.minHeight ||= `${check.getBoundingClientRect().height}px`;
    check.textContent = text;
  }

  draw() {
    this.chart.draw();
  }
}

/**
 * How the parts were computed and what their errors are, as text.
 * @param {Parts} parts
 */
function checked(parts) {
  const { error = null, gapError = null, withheld, gapIsRest } = parts;
  if (withheld) return `the evidence by sampling. ${withheld} The gap is what is left, so it is too small`;
  if (gapIsRest && error !== null && gapError !== null)
    return `the evidence by sampling, ± ${error.toFixed(2)}; the gap is what is left, ± ${gapError.toFixed(2)}`;
  return parts.exact
    ? `each part computed without the others; they add up to within ${mismatch(parts)} nats`
    : "each part computed without the others, in the browser while q moves";
}
