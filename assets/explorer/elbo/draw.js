// What lies above the points of the latent plane: contours, modes, q with its handles, its way during an optimisation,
// draws with their weights. In a latent space of one dimension densities are curves.

import { ellipse } from "../math/projection.js";
import { middle } from "../math/surface.js";
import { disc, line } from "../plot/chart.js";
import { faded } from "../plot/palette.js";
import { handles } from "./handles.js";

const WIDTHS = [2.4, 1.8, 1.3]; // of the contours at half a nat, 2 and 4.5 nats under the peak; thinner further down
const LIGHTEST = 0.002; // share of the largest weight from which a draw is seen to have one
const LARGEST = 13; // px: radius of the draw that weighs most

export function drawContours(context, view, posterior, name, colour) {
  const onScreen = planeToPixel(view);
  const { low, high } = posterior.surface.fine;
  const [x, y] = view.toPixel(low[0], high[1]);
  const [width, height] = [(high[0] - low[0]) * view.pixelsPerUnit, (high[1] - low[1]) * view.pixelsPerUnit];
  const outside = new Path2D();
  outside.rect(view.left, view.top, view.width, view.height);
  outside.rect(x, y, width, height);
  posterior.contours(name).forEach(([fine, coarse], level) => {
    context.strokeStyle = faded(colour, level < WIDTHS.length ? 0.95 : 0.5);
    context.lineWidth = WIDTHS[level] ?? 1;
    strokeAt(context, fine, onScreen);
    context.save();
    context.clip(outside, "evenodd");
    strokeAt(context, coarse, onScreen);
    context.restore();
  });
}

function strokeAt(context, path, matrix) {
  const shown = new Path2D();
  shown.addPath(path, matrix);
  context.stroke(shown);
}

function planeToPixel(view) {
  const [x0, y0] = view.toPixel(0, 0);
  const [x1, y1] = view.toPixel(1, 1);
  return new DOMMatrix([x1 - x0, 0, 0, y1 - y0, x0, y0]);
}

// A cross at every mode; where there are several, with its share of the posterior's mass.
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

const percent = (share) => (share < 0.01 ? (100 * share).toFixed(1) : Math.round(100 * share));

// q at one and two standard deviations; `strong` is the one that a hand moves.
export function drawGaussian(context, view, q, colour, { strong = false, dashes = [], opacity = 1 } = {}) {
  const { major, minor, angle } = ellipse([q.covariance(0, 0), q.covariance(0, 1), q.covariance(1, 1)]);
  const [x, y] = view.toPixel(...q.mu);
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

export function drawHandles(context, view, q, full, colours, held) {
  const { centre, ends, knob } = handles(q, view, full);
  Object.assign(context, { strokeStyle: faded(colours.q, 0.7), lineWidth: 1.2 });
  for (let axis = 0; axis < ends.length; axis += 2)
    line(context, ...ends[axis].slice(0, 2), ...ends[axis + 1].slice(0, 2));
  const dot = ([x, y], radius, filled) =>
    disc(context, x, y, radius, filled ? colours.q : colours.background, colours.q, 2.2);
  for (const end of ends) dot(end, held?.part === "end" && held.axis === end[2] ? 6.5 : 5, held?.axis === end[2]);
  dot(centre, held?.part === "mean" ? 6.5 : 5, true);
  if (!knob) return;
  line(context, ...ends[0].slice(0, 2), ...knob);
  dot(knob, 5.5, held?.part === "knob");
  context.beginPath();
  context.arc(...knob, 10, -0.9 * Math.PI, -0.1 * Math.PI);
  Object.assign(context, { strokeStyle: colours.q, lineWidth: 2 });
  context.stroke();
}

// Where an optimisation has led: every q on the way faintly, their means joined.
export function drawWay(context, view, path, step, colours) {
  const seen = path.slice(0, step + 1);
  for (const q of seen) drawGaussian(context, view, q, colours.q, { opacity: 0.3 });
  context.beginPath();
  for (const q of seen) context.lineTo(...view.toPixel(...q.mu));
  Object.assign(context, { strokeStyle: colours.q, lineWidth: 2, lineJoin: "round" });
  context.stroke();
  for (const q of seen) {
    context.beginPath();
    context.arc(...view.toPixel(...q.mu), 2.2, 0, 2 * Math.PI);
    context.fillStyle = colours.q;
    context.fill();
  }
}

// Draws of q: a dot each, and around it a disc with the area of its weight.
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

function label(context, text, x, y, colour, { font, background }, align = "left") {
  Object.assign(context, {
    font: `600 14px ${font}`,
    textAlign: align,
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

const TALL = 0.4; // of the map's height: the posterior's peak above the middle line

// A density over z₁ as a curve from the middle of the map up, its peak at a fixed height.
export function drawCurve(context, view, posterior, name, colour) {
  const { fine, coarse, peak } = posterior.grid(name);
  const points = [coarse, fine].flatMap((grid, g) =>
    Array.from(grid.values, (value, i) => [middle(grid, 0, i), value]).filter(
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

// q's density on the posterior's scale, so that areas can be compared.
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

function curve(context, view, points, colour) {
  const base = view.top + view.height / 2;
  context.beginPath();
  for (const [u, share] of points) context.lineTo(view.toPixel(u, 0)[0], base - TALL * view.height * share);
  Object.assign(context, { strokeStyle: colour, lineWidth: 2.2, lineJoin: "round" });
  context.stroke();
}
