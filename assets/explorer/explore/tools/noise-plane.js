// Where ζ ~ N(0, I) is drawn, two of its dimensions: the rings of the prior, many draws, and the one that is looked at.

import { subscript } from "../../math/projection.js";
import { faded, theme } from "../../plot/palette.js";

const REACH = 3.2; // σ to every side
const SIZE = 260; // px of the canvas

export class NoisePlane {
  constructor(canvas) {
    this.canvas = Object.assign(canvas, { width: SIZE, height: SIZE });
    canvas.setAttribute("role", "img");
  }

  // `many` is a flat array of draws of k dimensions; [i, j] are those shown, j null in one dimension.
  show(zeta, many, [i, j]) {
    const context = this.canvas.getContext("2d");
    const colours = theme(this.canvas);
    const unit = SIZE / 2 / REACH;
    const place = (e, offset = 0) => [
      SIZE / 2 + e[offset + i] * unit,
      SIZE / 2 - (j === null ? 0 : e[offset + j]) * unit,
    ];
    context.clearRect(0, 0, SIZE, SIZE);
    Object.assign(context, { strokeStyle: faded(colours.text, 0.4), lineWidth: 2 });
    for (const r of [1, 2, 3]) circle(context, SIZE / 2, SIZE / 2, r * unit, "stroke");
    context.fillStyle = faded(colours.accent, 0.55);
    for (let m = 0; m < many.length; m += zeta.length) circle(context, ...place(many, m), 3, "fill");
    const [x, y] = place(zeta);
    Object.assign(context, { strokeStyle: colours.accent, fillStyle: colours.background, lineWidth: 4 });
    context.beginPath();
    context.moveTo(SIZE / 2, SIZE / 2);
    context.lineTo(x, y);
    context.stroke();
    for (const what of ["fill", "stroke"]) circle(context, x, y, 8, what);
    const said = j === null ? [i] : [i, j];
    this.canvas.setAttribute(
      "aria-label",
      `the draw of ζ: ${said.map((d) => `${subscript("ζ", d + 1)} = ${zeta[d].toFixed(2)}`).join(", ")}`,
    );
  }
}

function circle(context, x, y, radius, what) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context[what]();
}
