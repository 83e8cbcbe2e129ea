// What is drawn above the points of the latent plane: contours, modes, q with its handles, its path during an optimisation,
// draws with their weights. In a latent space of one dimension densities are curves.

import { ellipse } from "../math/projection.js";
import { middle } from "../math/surface.js";
import { disc, line } from "../plot/chart.js";
import { faded } from "../plot/palette.js";
import { handles } from "./handles.js";

/** @import { Point } from "../core/link-fields.js" */
/** @import { Pixel, View } from "../map/view.js" */
/** @import { ElboColours } from "./colours.js" */
/** @import { Gaussian } from "./gaussian.js" */
/** @import { Grip } from "./handles.js" */
/** @import { DensityName, Posterior } from "./posterior.js" */

/** @typedef {CanvasRenderingContext2D} Context */

/**
 * A Gaussian as it is seen on the plane.
 * @typedef {{ mu: ArrayLike<number>, covariance: (i: number, j: number) => number }} Spread
 */

/**
 * Draws of q on the plane, with the logarithms of their importance weights.
 * @typedef {{ us: Float32Array, vs: Float32Array, logW: Float32Array }} Draws
 */

const WIDTHS = [2.4, 1.8, 1.3]; // px, of the contours at 0.5, 2 and 4.5 nats below the peak; the others are thinner
const LIGHTEST = 0.002; // share of the largest weight below which a draw gets no disc
const LARGEST = 13; // px: radius of the draw with the largest weight

/**
 * @param {Context} context
 * @param {View} view
 * @param {Posterior} posterior
 * @param {"likelihood" | "posterior"} name
 * @param {string} colour
 */
export function drawContours(context, view, posterior, name, colour) {
  const onScreen = planeToPixel(view);
  const { low, high } = posterior.grid(name).fine;
  const [x, y] = view.toPixel(low[0], high[1]);
  const [width, height] = [(high[0] - low[0]) * view.pixelsPerUnit, (high[1] - low[1]) * view.pixelsPerUnit];
  const outside = new Path2D();
  outside.rect(view.left, view.top, view.width, view.height);
  outside.rect(x, y, width, height);
  posterior.contours(name).forEach(({ fine, coarse }, level) => {
    context.strokeStyle = faded(colour, level < WIDTHS.length ? 0.95 : 0.5);
    context.lineWidth = WIDTHS[level] ?? 1;
    strokeAt(context, fine, onScreen);
    context.save();
    context.clip(outside, "evenodd");
    strokeAt(context, coarse, onScreen);
    context.restore();
  });
}

/**
 * @param {Context} context
 * @param {Path2D} path in coordinates of the plane
 * @param {DOMMatrix} matrix from the plane to pixels
 */
function strokeAt(context, path, matrix) {
  const shown = new Path2D();
  shown.addPath(path, matrix);
  context.stroke(shown);
}

function planeToPixel(/** @type {View} */ view) {
  const [x0, y0] = view.toPixel(0, 0);
  const [x1, y1] = view.toPixel(1, 1);
  return new DOMMatrix([x1 - x0, 0, 0, y1 - y0, x0, y0]);
}

/**
 * A cross at every mode; where there are several, with its share of the posterior's mass.
 * @param {Context} context
 * @param {View} view
 * @param {number[][]} modes u, v and share of each
 * @param {ElboColours} colours
 */
export function drawModes(context, view, modes, colours) {
  for (const [u, v, weight] of modes) {
    const [x, y] = view.toPixel(u, v);
    for (const [colour, width] of [
      [colours.background, 4.5],
      [colours.text, 2],
    ]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: width });
      line(context, x - 6, y, x + 6, y);
      line(context, x, y - 6, x, y + 6);
    }
    if (modes.length > 1) label(context, `${percent(weight)} %`, x + 10, y - 12, colours.text, colours);
  }
}

/** @param {number} share */
const percent = (share) => (share < 0.01 ? (100 * share).toFixed(1) : Math.round(100 * share));

/**
 * The ellipse of a Gaussian at one standard deviation, and at two where it is `strong`: that is the q that the user moves.
 * @param {Context} context
 * @param {View} view
 * @param {Spread} q
 * @param {string} colour
 * @param {{ strong?: boolean, dashes?: number[], opacity?: number }} [options]
 */
export function drawGaussian(context, view, q, colour, { strong = false, dashes = [], opacity = 1 } = {}) {
  const { major, minor, angle } = ellipse([q.covariance(0, 0), q.covariance(0, 1), q.covariance(1, 1)]);
  const [x, y] = view.toPixel(q.mu[0], q.mu[1]);
  context.setLineDash(dashes);
  for (const scale of strong ? [1, 2] : [1]) {
    context.beginPath();
    const [a, b] = [major, minor].map((sigma) => Math.max(0.6, scale * sigma * view.pixelsPerUnit));
    context.ellipse(x, y, a, b, -angle, 0, 2 * Math.PI);
    if (strong && scale === 1) {
      context.fillStyle = faded(colour, 0.13);
      context.fill();
    }
    context.strokeStyle = faded(colour, opacity * (scale === 1 ? 1 : 0.65));
    context.lineWidth = strong && scale === 1 ? 2.6 : 1.5;
    context.stroke();
  }
  context.setLineDash([]);
}

/**
 * @param {Context} context
 * @param {View} view
 * @param {Gaussian} q
 * @param {boolean} full q may be correlated
 * @param {ElboColours} colours
 * @param {Grip | null} held what the pointer has taken
 */
export function drawHandles(context, view, q, full, colours, held) {
  const { centre, ends, knob } = handles(q, view, full);
  Object.assign(context, { strokeStyle: faded(colours.q, 0.7), lineWidth: 1.2 });
  for (let axis = 0; axis < ends.length; axis += 2) line(context, ...ends[axis].at, ...ends[axis + 1].at);
  /** @type {(at: Pixel, radius: number, filled: boolean) => void} */
  const dot = ([x, y], radius, filled) =>
    disc(context, x, y, radius, filled ? colours.q : colours.background, colours.q, 2.2);
  for (const { at, axis } of ends) dot(at, held?.part === "end" && held.axis === axis ? 6.5 : 5, held?.axis === axis);
  dot(centre, held?.part === "mean" ? 6.5 : 5, true);
  if (!knob) return;
  line(context, ...ends[0].at, ...knob);
  dot(knob, 5.5, held?.part === "knob");
  context.beginPath();
  context.arc(...knob, 10, -0.9 * Math.PI, -0.1 * Math.PI);
  Object.assign(context, { strokeStyle: colours.q, lineWidth: 2 });
  context.stroke();
}

/**
 * The path of an optimisation up to a step: every q on it faintly, their means joined.
 * @param {Context} context
 * @param {View} view
 * @param {Gaussian[]} path
 * @param {number} step
 * @param {ElboColours} colours
 */
export function drawWay(context, view, path, step, colours) {
  const seen = path.slice(0, step + 1);
  for (const q of seen) drawGaussian(context, view, q, colours.q, { opacity: 0.3 });
  context.beginPath();
  for (const q of seen) context.lineTo(...view.toPixel(q.mu[0], q.mu[1]));
  Object.assign(context, { strokeStyle: colours.q, lineWidth: 2, lineJoin: "round" });
  context.stroke();
  for (const q of seen) {
    context.beginPath();
    context.arc(...view.toPixel(q.mu[0], q.mu[1]), 2.2, 0, 2 * Math.PI);
    context.fillStyle = colours.q;
    context.fill();
  }
}

/**
 * Draws of q: each a dot, and around it a disc whose area is proportional to its weight.
 * @param {Context} context
 * @param {View} view
 * @param {Draws} draws
 * @param {ElboColours} colours
 */
export function drawDraws(context, view, { us, vs, logW }, colours) {
  const peak = logW.reduce((a, b) => Math.max(a, b), -Infinity);
  context.fillStyle = faded(colours.text, 0.55);
  for (let i = 0; i < us.length; i++) {
    const [x, y] = view.toPixel(us[i], vs[i]);
    context.fillRect(x - 1, y - 1, 2, 2);
  }
  Object.assign(context, {
    fillStyle: faded(colours.posterior, 0.22),
    strokeStyle: faded(colours.posterior, 0.75),
    lineWidth: 1,
  });
  for (let i = 0; i < us.length; i++) {
    const share = Math.exp(logW[i] - peak);
    if (share < LIGHTEST) continue;
    context.beginPath();
    context.arc(...view.toPixel(us[i], vs[i]), LARGEST * Math.sqrt(share), 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

/**
 * @param {Context} context
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} colour
 * @param {ElboColours} colours
 */
function label(context, text, x, y, colour, { font, background }) {
  Object.assign(context, {
    font: `600 14px ${font}`,
    textAlign: "left",
    textBaseline: "middle",
    lineJoin: "round",
    lineWidth: 4,
    strokeStyle: background,
    fillStyle: colour,
  });
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

// --- one dimension -----------------------------------------------------------------------------------------------------

const TALL = 0.4; // share of the map's height: the peak of a curve above the middle line

/**
 * A density over z₁ as a curve above the horizontal middle line of the map, its peak at a fixed height.
 * @param {Context} context
 * @param {View} view
 * @param {Posterior} posterior
 * @param {DensityName} name
 * @param {string} colour
 */
export function drawCurve(context, view, posterior, name, colour) {
  const { fine, coarse, peak } = posterior.grid(name);
  const points = [coarse, fine].flatMap((grid, g) =>
    Array.from(grid.values, (value, i) => /** @type {Point} */ ([middle(grid, 0, i), value])).filter(
      ([u]) => g === 1 || u < fine.low[0] || u > fine.high[0],
    ),
  );
  points.sort((a, b) => a[0] - b[0]);
  curve(
    context,
    view,
    points.map(([u, value]) => [u, Math.exp(value - peak)]),
    colour,
  );
}

/**
 * q's density on the posterior's scale, so that areas can be compared.
 * @param {Context} context
 * @param {View} view
 * @param {Gaussian} q
 * @param {Posterior} posterior
 * @param {string} colour
 * @param {number[]} [dashes]
 */
export function drawNormal(context, view, q, posterior, colour, dashes = []) {
  const [sigma] = q.sigmas();
  const scale = Math.exp(-posterior.grid("posterior").peak) / (sigma * Math.sqrt(2 * Math.PI));
  const points = Array.from({ length: 121 }, (_, i) => (i - 60) / 15).map((zeta) => [
    q.mu[0] + zeta * sigma,
    scale * Math.exp(-0.5 * zeta * zeta),
  ]);
  context.setLineDash(dashes);
  curve(context, view, points, colour);
  context.setLineDash([]);
}

/**
 * @param {Context} context
 * @param {View} view
 * @param {number[][]} points z₁, and the height as a share of the tallest curve's
 * @param {string} colour
 */
function curve(context, view, points, colour) {
  const base = view.top + view.height / 2;
  context.beginPath();
  for (const [u, share] of points) context.lineTo(view.toPixel(u, 0)[0], base - TALL * view.height * share);
  Object.assign(context, { strokeStyle: colour, lineWidth: 2.2, lineJoin: "round" });
  context.stroke();
}
