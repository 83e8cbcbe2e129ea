// Two dimensions of the noise ζ ~ N(0, I): rings of the prior at 1, 2 and 3 σ, many draws, and the current draw.

import { contextOf } from "../../core/dom.js";
import { subscript } from "../../math/projection.js";
import { faded, theme } from "../../plot/palette.js";

const REACH = 3.2; // σ from the middle to each edge
const SIZE = 260; // px of the canvas

export class NoisePlane {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    canvas.width = SIZE;
    canvas.height = SIZE;
    canvas.setAttribute("role", "img");
  }

  /**
   * @param {Float64Array} zeta the current draw
   * @param {Float64Array} many further draws, one after the other
   * @param {[number, number | null]} dimensions those shown; the second is null where there is one only
   */
  show(zeta, many, [i, j]) {
    const context = contextOf(this.canvas);
    const colours = theme(this.canvas);
    const unit = SIZE / 2 / REACH;
    /**
     * @param {Float64Array} e
     * @returns {[number, number]}
     */
    const place = (e, offset = 0) => [
      SIZE / 2 + e[offset + i] * unit,
      SIZE / 2 - (j === null ? 0 : e[offset + j]) * unit,
    ];
    context.clearRect(0, 0, SIZE, SIZE);
    context.strokeStyle = faded(colours.text, 0.4);
    context.lineWidth = 2;
    for (const r of [1, 2, 3]) circle(context, SIZE / 2, SIZE / 2, r * unit, "stroke");
    context.fillStyle = faded(colours.accent, 0.55);
    for (let m = 0; m < many.length; m += zeta.length) circle(context, ...place(many, m), 3, "fill");
    const [x, y] = place(zeta);
    context.strokeStyle = colours.accent;
    context.fillStyle = colours.background;
    context.lineWidth = 4;
    context.beginPath();
    context.moveTo(SIZE / 2, SIZE / 2);
    context.lineTo(x, y);
    context.stroke();
    circle(context, x, y, 8, "fill");
    circle(context, x, y, 8, "stroke");
    const shown = j === null ? [i] : [i, j];
    this.canvas.setAttribute(
      "aria-label",
      `the draw of ζ: ${shown.map((d) => `${subscript("ζ", d + 1)} = ${zeta[d].toFixed(2)}`).join(", ")}`,
    );
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {"fill" | "stroke"} what
 */
function circle(context, x, y, radius, what) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context[what]();
}
