// Two rows of blocks on one axis. Upper row: ELBO + KL(q ‖ p(z|x)) = ln p(x), whose line stays at one place whatever q is. Lower
// row: ELBO = E ln p(x|z) − KL(q ‖ p(z)).

import { signed } from "../core/format.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { line } from "../plot/chart.js";
import { faded } from "../plot/palette.js";
import { niceStep, ticks } from "../plot/ticks.js";

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
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

/** @extends {CanvasChart<Parts, ElboColours>} */
export class BarChart extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { least: { width: 100, height: 50 } });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Parts} parts
   * @param {ChartFrame<ElboColours>} frame
   */
  paint(context, parts, { width, height, colours }) {
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
