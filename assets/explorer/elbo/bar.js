// The bar below the map. Upper row: ELBO + KL(q ‖ p(z|x)) = ln p(x), whose line stays at one place whatever q is. Lower row:
// ELBO = E ln p(x|z) − KL(q ‖ p(z)).

import { find } from "../core/dom.js";
import { signed } from "../core/format.js";
import { line, prepareCanvas } from "../plot/chart.js";
import { faded } from "../plot/palette.js";
import { niceStep, ticks } from "../plot/ticks.js";
import { mismatch, printed } from "./parts.js";

/** @import { ElboColours } from "./colours.js" */
/** @import { Parts } from "./parts.js" */

/**
 * The horizontal axis: `x` converts nats to pixels, `from` and `to` are its ends in nats, `middle` is the pixel of ln p(x).
 * @typedef {{ x: (nats: number) => number, from: number, to: number, middle: number }} Axis
 */

/** @typedef {{ top: number, height: number }} Row in pixels */

const EVIDENCE_AT = 0.5; // share of the width
const AIR = 1.12;
const MARGIN = { left: 12, right: 12, top: 20, bottom: 20 };

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
    this.canvas = find(root, "canvas", HTMLCanvasElement);
    this.$ = (/** @type {string} */ name) => find(root, `.eb-${name}`);
    /** @type {Parts | null} */ this.parts = null;
    /** @type {ElboColours | null} */ this.colours = null;
  }

  /**
   * @param {Parts} parts
   * @param {string} whose which q they are of, in words
   * @param {ElboColours} colours
   * @param {boolean} unnormalised the likelihood is no normalised density of this image's pixels
   */
  show(parts, whose, colours, unnormalised) {
    this.parts = parts;
    this.colours = colours;
    const { exact, gapIsRest } = parts;
    const { about, text } = printed(parts);
    this.$("evidence").textContent = (gapIsRest ? "≈ " : "") + text("evidence");
    for (const name of /** @type {const} */ (["elbo", "gap"])) this.$(name).textContent = about + text(name);
    this.setText(`${whose}: ${checked(parts)}${unnormalised ? GREY : ""}`, Boolean(exact));
    this.root.dataset.exact = exact ? "1" : "0";
    this.draw();
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
    const { parts, colours } = this;
    if (!parts || !colours) return;
    const { context, width, height } = prepareCanvas(this.canvas);
    if (width < 100 || height < 50) return;
    const { logEvidence, elbo, distortion } = parts;
    const axis = axisOf(parts, width);
    const rows = rowsOf(height);
    drawAxis(context, axis, rows, width, colours);
    const { text, q, likelihood, prior } = colours;
    /** @type {[Row, number, number, string, string][]} */
    const blocks = [
      [rows[0], axis.from, elbo, faded(text, 0.22), "ELBO"],
      [rows[0], elbo, logEvidence, q, "KL(q ‖ p(z|x))"],
      [rows[1], axis.from, -distortion, faded(likelihood, 0.75), "E ln p(x|z)"],
      [inner(rows[1]), elbo, -distortion, prior, "KL(q ‖ p(z))"],
    ];
    for (const [row, from, to, colour] of blocks) {
      context.fillStyle = colour;
      context.fillRect(
        axis.x(Math.min(from, to)),
        row.top,
        axis.x(Math.max(from, to)) - axis.x(Math.min(from, to)),
        row.height,
      );
    }
    drawEnds(context, axis, rows, elbo, colours);
    for (const [row, from, to, , name] of blocks) drawName(context, axis, row, from, to, name, colours);
  }
}

/**
 * The axis of a canvas so wide, with ln p(x) always at the same pixel. Its scale takes few different values, so that it
 * seldom changes while q moves.
 * @param {Parts} parts
 * @param {number} width
 * @returns {Axis}
 */
function axisOf({ logEvidence, elbo, distortion }, width) {
  const room = width - MARGIN.left - MARGIN.right;
  const [left, right] = [room * EVIDENCE_AT, room * (1 - EVIDENCE_AT)];
  const needed = Math.max(
    (AIR * (logEvidence - Math.min(elbo, -distortion))) / left,
    (AIR * (Math.max(elbo, -distortion) - logEvidence)) / right,
    1 / room,
  );
  const unit = niceStep(needed * 100) / 100;
  const middle = MARGIN.left + left;
  const from = logEvidence - unit * (left + MARGIN.left);
  return {
    x: (value) => middle + (value - logEvidence) / unit,
    from,
    to: logEvidence + unit * (right + MARGIN.right),
    middle,
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Axis} axis
 * @param {Row[]} rows
 * @param {number} width
 * @param {ElboColours} colours
 */
function drawAxis(context, axis, rows, width, colours) {
  const bottom = rows[1].top + rows[1].height + 4;
  Object.assign(context, {
    font: `12px ${colours.font}`,
    fillStyle: faded(colours.text, 0.72),
    textBaseline: "top",
    textAlign: "center",
    lineWidth: 1,
    strokeStyle: faded(colours.text, 0.12),
  });
  for (const value of ticks(axis.from, axis.to, width / 110)) {
    const x = Math.round(axis.x(value)) + 0.5;
    line(context, x, rows[0].top, x, bottom);
    if (x > 24 && x < width - 24)
      context.fillText(
        signed(value, Number.isInteger(value) ? 0 : value * 10 === Math.round(value * 10) ? 1 : 2),
        x,
        bottom + 2,
      );
  }
}

/**
 * Writes a block's name into it where there is room, else to the right of it.
 * @param {CanvasRenderingContext2D} context
 * @param {Axis} axis
 * @param {Row} row
 * @param {number} from
 * @param {number} to
 * @param {string} name
 * @param {ElboColours} colours
 */
function drawName(context, axis, { top, height }, from, to, name, { font, background, text }) {
  Object.assign(context, {
    font: `600 13px ${font}`,
    textBaseline: "middle",
    lineJoin: "round",
    lineWidth: 4,
    strokeStyle: background,
    fillStyle: text,
  });
  const [x0, x1] = [axis.x(Math.min(from, to)), axis.x(Math.max(from, to))];
  const wide = context.measureText(name).width + 14;
  const fits = x1 - x0 > wide;
  const first = from === axis.from;
  if ((first && !fits) || (!fits && x1 + wide > context.canvas.clientWidth)) return;
  context.textAlign = first || !fits ? "left" : "center";
  const x = first ? 8 : fits ? (x0 + x1) / 2 : x1 + 8;
  context.strokeText(name, x, top + height / 2);
  context.fillText(name, x, top + height / 2);
}

/**
 * Draws the line of ln p(x), and the dashed line of the ELBO, which connects both rows.
 * @param {CanvasRenderingContext2D} context
 * @param {Axis} axis
 * @param {Row[]} rows
 * @param {number} elbo
 * @param {ElboColours} colours
 */
function drawEnds(context, axis, rows, elbo, colours) {
  const bottom = rows[1].top + rows[1].height + 4;
  Object.assign(context, { strokeStyle: faded(colours.text, 0.7), lineWidth: 1.5 });
  context.setLineDash([3, 3]);
  line(context, axis.x(elbo), rows[0].top, axis.x(elbo), bottom);
  context.setLineDash([]);
  Object.assign(context, { strokeStyle: colours.text, lineWidth: 2.5 });
  line(context, axis.middle, rows[0].top - 4, axis.middle, bottom);
  Object.assign(context, {
    font: `600 13px ${colours.font}`,
    fillStyle: colours.text,
    textAlign: "center",
    textBaseline: "bottom",
  });
  context.fillText("ln p(x)", axis.middle, rows[0].top - 4);
}

/**
 * The two rows of a canvas so high.
 * @param {number} height
 * @returns {Row[]}
 */
function rowsOf(height) {
  const each = (height - MARGIN.top - MARGIN.bottom - 8) / 2;
  return [0, 1].map((i) => ({ top: MARGIN.top + i * (each + 6), height: each }));
}

/**
 * The inner part of a row: a quantity that is subtracted is drawn inside the one that it is subtracted from.
 * @param {Row} row
 * @returns {Row}
 */
const inner = ({ top, height }) => ({ top: top + 0.28 * height, height: 0.44 * height });

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
