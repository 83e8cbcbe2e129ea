// The bar that adds up: ELBO + KL(q ‖ p(z|x)) reaches the line of ln p(x), which stands still whatever q does. Beneath, how
// the ELBO comes about: the rate leads back from E ln p(x|z).

import { signed } from "../core/format.js";
import { line, prepareCanvas } from "../plot/chart.js";
import { faded } from "../plot/palette.js";
import { niceStep, ticks } from "../plot/ticks.js";
import { mismatch, printed } from "./parts.js";

const EVIDENCE_AT = 0.5; // share of the width
const AIR = 1.12;
const MARGIN = { left: 12, right: 12, top: 20, bottom: 20 };

const GREY = ". Bernoulli likelihood of grey pixels: ln p(x) is no normalised density";

const HTML = `
  <div class="eb-row"><p class="eb-sum"><span>ln p(x) <b class="eb-evidence">–</b></span> = <span>ELBO <b class="eb-elbo">–</b></span> + <span class="eb-of-q">KL(q ‖ p(z|x)) <b class="eb-gap">–</b></span> <small>nats per image</small></p><div class="eb-q"><button class="eb-reset" title="back to the encoder’s own q(z|x)" hidden>encoder’s q</button><button data-switch="full" title="q may be correlated: a knob turns it" class="eb-of-q">full covariance</button></div></div>
  <p class="eb-check"></p>
  <canvas role="img" aria-label="ELBO and gap, adding up to the evidence"></canvas>`;

export class Bar {
  constructor(root) {
    root.innerHTML = HTML;
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.$ = (name) => root.querySelector(`.eb-${name}`);
  }

  // `parts` = { logEvidence, elbo, rate, distortion, gap, exact }, of `whose` q; `colours` the page's; `unnormalised`: the
  // likelihood is no density of this image.
  show(parts, whose, colours, unnormalised) {
    this.parts = parts;
    this.colours = colours;
    const { exact, gapIsRest } = parts;
    const { about, text } = printed(parts);
    this.$("evidence").textContent = (gapIsRest ? "≈ " : "") + text("evidence");
    for (const name of ["elbo", "gap"]) this.$(name).textContent = about + text(name);
    this.say(`${whose}: ${checked(parts)}${unnormalised ? GREY : ""}`, exact);
    this.root.dataset.exact = exact ? "1" : "0";
    this.draw();
  }

  // What stands beneath the sum. While q moves it takes no fewer lines than before, so that the map keeps its size under
  // the hand.
  say(text, exact) {
    const check = this.$("check");
    if (exact) check.style.minHeight = "";
    else check.style.minHeight ||= `${check.getBoundingClientRect().height}px`;
    check.textContent = text;
  }

  draw() {
    if (!this.parts) return;
    const { context, width, height } = prepareCanvas(this.canvas);
    if (width < 100 || height < 50) return;
    const { logEvidence, elbo, distortion } = this.parts;
    const axis = this.axisOf(width);
    const rows = rowsOf(height);
    this.drawAxis(context, axis, rows, width);
    const { text, q, likelihood, prior } = this.colours;
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
    this.drawEnds(context, axis, rows, elbo);
    for (const [row, from, to, , name] of blocks) this.name(context, axis, row, from, to, name);
  }

  // Nats to pixels, with the evidence always at the same pixel; a scale in steps, so that it seldom changes.
  axisOf(width) {
    const { logEvidence, elbo, distortion } = this.parts;
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

  drawAxis(context, axis, rows, width) {
    const { colours } = this;
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

  // A block's name stands in it, where there is room, else to the right of it.
  name(context, axis, { top, height }, from, to, name) {
    const { font, background, text } = this.colours;
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
    if ((first && !fits) || (!fits && x1 + wide > this.canvas.clientWidth)) return;
    context.textAlign = first || !fits ? "left" : "center";
    const x = first ? 8 : fits ? (x0 + x1) / 2 : x1 + 8;
    context.strokeText(name, x, top + height / 2);
    context.fillText(name, x, top + height / 2);
  }

  // The line of the evidence, and the ELBO as it passes from one row to the other.
  drawEnds(context, axis, rows, elbo) {
    const { colours } = this;
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
}

function rowsOf(height) {
  const each = (height - MARGIN.top - MARGIN.bottom - 8) / 2;
  return [0, 1].map((i) => ({ top: MARGIN.top + i * (each + 6), height: each }));
}

// What is taken away lies within what it is taken from.
const inner = ({ top, height }) => ({ top: top + 0.28 * height, height: 0.44 * height });

// What the parts, computed without each other, are off by when they are added up.
function checked(parts) {
  const { error, gapError, withheld, gapIsRest } = parts;
  if (withheld) return `the evidence by sampling. ${withheld} The gap is what is left, so it is too small`;
  if (gapIsRest)
    return `the evidence by sampling, ± ${error.toFixed(2)}; the gap is what is left, ± ${gapError.toFixed(2)}`;
  return parts.exact
    ? `each part computed without the others; they add up to within ${mismatch(parts)} nats`
    : "each part computed without the others, in the browser while q moves";
}
