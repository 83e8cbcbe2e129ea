// The draws ζ under N(0, 1) on an upper line, joined to z = mu + sigma·ζ under q on a lower line.

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
/** @import { Colours } from "../plot/palette.js" */

import { short } from "../core/format.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { disc, line } from "../plot/chart.js";
import { faded } from "../plot/palette.js";

const REACH = 6;
const INSET = 16;
const SEAM = 1.2; // px around a dot

/**
 * @typedef {object} StripSpec
 * @property {Float64Array | null} zeta null where z is drawn from q directly: then there is no upper line
 * @property {Float64Array} z
 * @property {number} mu
 * @property {number} sigma
 * @property {number} chosen index of the highlighted draw
 * @property {string} colour of the highlighted draw
 */

/** @extends {CanvasChart<StripSpec>} */
export class NoiseStrip extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { least: { width: 100, height: 80 } });
  }

  /**
   * The pixel column of a value.
   * @param {number} value
   */
  x(value) {
    return INSET + ((value + REACH) / (2 * REACH)) * (this.canvas.clientWidth - 2 * INSET);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {StripSpec} data
   * @param {ChartFrame} frame
   */
  paint(context, { zeta, z, mu, sigma, chosen, colour }, { width, height, colours }) {
    /** @param {number} value */
    const x = (value) => this.x(value);
    const [upper, lower] = [0.36 * height, height - 24];
    const high = (zeta ? 0.3 : 0.72) * height;
    if (zeta) {
      bell(context, x, upper, 0, 1, high, colours.text);
      axis(context, x, upper, width, colours, "ζ");
      zeta.forEach((from, i) => {
        context.strokeStyle = i === chosen ? colour : faded(colours.text, 0.25);
        context.lineWidth = i === chosen ? 2.5 : 1;
        line(context, x(from), upper, x(z[i]), lower);
      });
      dots(context, x, upper, zeta, chosen, faded(colours.text, 0.65), colour, colours);
    }
    bell(context, x, lower, mu, sigma, Math.min(1 / sigma, 1.5) * high * 0.66, colours.accent);
    axis(context, x, lower, width, colours, "z");
    dots(context, x, lower, z, chosen, faded(colours.accent, 0.85), colour, colours);
  }
}

/**
 * The density of N(mu, sigma²), scaled to a height.
 * @param {CanvasRenderingContext2D} context
 * @param {(value: number) => number} x pixel of a value
 * @param {number} base
 * @param {number} mu
 * @param {number} sigma
 * @param {number} high height of its peak, in pixels
 * @param {string} colour
 */
function bell(context, x, base, mu, sigma, high, colour) {
  context.beginPath();
  context.moveTo(x(-REACH), base);
  for (let i = 0; i <= 240; i++) {
    const at = -REACH + (2 * REACH * i) / 240;
    context.lineTo(x(at), base - high * Math.exp(-0.5 * ((at - mu) / sigma) ** 2));
  }
  context.lineTo(x(REACH), base);
  Object.assign(context, { fillStyle: faded(colour, 0.14), strokeStyle: faded(colour, 0.85), lineWidth: 1.6 });
  context.fill();
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {(value: number) => number} x pixel of a value
 * @param {number} base
 * @param {number} width
 * @param {Colours} colours
 * @param {string} name
 */
function axis(context, x, base, width, colours, name) {
  Object.assign(context, { strokeStyle: faded(colours.text, 0.5), lineWidth: 1, fillStyle: faded(colours.text, 0.8) });
  line(context, x(-REACH), base + 0.5, x(REACH), base + 0.5);
  Object.assign(context, { font: `13px ${colours.font}`, textAlign: "center", textBaseline: "top" });
  for (let at = -REACH + 2; at < REACH; at += 2) context.fillText(short(at), x(at), base + 7);
  context.font = `600 15px ${colours.font}`;
  context.fillText(name, width - INSET, base + 6);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {(value: number) => number} x pixel of a value
 * @param {number} y
 * @param {Float64Array} values
 * @param {number} chosen
 * @param {string} usual colour of the other dots
 * @param {string} colour of the chosen dot
 * @param {Colours} colours
 */
function dots(context, x, y, values, chosen, usual, colour, { background }) {
  values.forEach((value, i) => {
    if (i !== chosen) disc(context, x(value), y, 3.2, usual, background, SEAM);
  });
  if (chosen >= 0) disc(context, x(values[chosen]), y, 7, colour, background, SEAM);
}
