// Three dimensions of the latent space, or its three largest principal axes, turned in the hand. Seen from afar, a turned
// space is a plane: two orthonormal rows of it, so lens, ellipses and paths are what they are on any plane, exactly; what
// comes to it here is depth.

import { markerSize } from "../map/marker.js";
import { drawRings } from "../map/zones.js";
import { ellipse, Projection, subscript, unit } from "../math/projection.js";
import { classColour, faded, theme } from "../plot/palette.js";

const TURN = 0.008; // radians a pixel
const STILL = 5; // px that a press may wander and still be a click
const REACH = 3.4; // how far the axes go, in σ
const LAYERS = 24; // of depth that points are painted in
const FAINTEST = 0.22; // opacity of the furthest of them
const LEVELS = 32; // of colour, where a number colours the points
const ZONES = 1500; // ellipsoids painted at most
const ROUND = 48; // corners of a great circle
export const MOST = 20_000; // points

class Turned extends Projection {
  // `basis` are three orthonormal rows; `names` those of their axes.
  constructor(basis, names) {
    super([basis[0].slice(), basis[1].slice()], ["across the view, σ", "up the view, σ"]);
    this.basis = basis;
    this.names = names;
    this.spatial = true;
    this.turned = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ];
  }

  // What lies to the right and what upwards, as a link has it.
  get turns() {
    return this.turned.slice(0, 2).flat();
  }

  set turns([a, b, c, d, e, f]) {
    this.turned = orthonormal([
      [a, b, c],
      [d, e, f],
      [b * f - c * e, c * d - a * f, a * e - b * d],
    ]);
    this.flatten();
  }

  // By angles about the view's upright and its level axis.
  turn(across, up) {
    const [c, s, d, t] = [Math.cos(across), Math.sin(across), Math.cos(up), Math.sin(up)];
    const step = [
      [c, 0, s],
      [t * s, d, -t * c],
      [-d * s, t, d * c],
    ];
    this.turned = step.map((row) => [0, 1, 2].map((j) => row.reduce((sum, v, i) => sum + v * this.turned[i][j], 0)));
    this.turned = orthonormal(this.turned);
    this.flatten();
  }

  // The plane that is seen.
  flatten() {
    this.rows = [0, 1].map((r) =>
      Float64Array.from(this.basis[0], (_, d) => this.turned[r].reduce((sum, v, j) => sum + v * this.basis[j][d], 0)),
    );
  }

  // The three coordinates of z (or of a row of means) before they are turned.
  place(z, offset = 0) {
    return this.basis.map((row) => row.reduce((sum, v, d) => sum + v * z[offset + d], 0));
  }

  // Covariance of a point in the three coordinates, exactly.
  volume(logvar, i) {
    const variances = this.basis[0].map((_, d) => Math.exp(logvar[i * this.dim + d]));
    return this.basis.map((p) => this.basis.map((q) => p.reduce((sum, v, d) => sum + v * q[d] * variances[d], 0)));
  }
}

export class Space {
  constructor(explorer, canvas, wire) {
    this.explorer = explorer;
    this.canvas = canvas;
    this.wire = wire;
    this.projection = null;
    this.from = null;
  }

  // The space of `plane`, "3d" or "i,j,l", seen as `turns` says, or as it begins.
  begin({ arrays, meta, count }, plane, turns) {
    const k = meta.latent_dim;
    const principal = plane === "3d" && k > 3;
    const three = plane === "3d" ? [0, 1, 2] : plane.split(",").map(Number);
    const row = (i) => (principal ? Float64Array.from(arrays.pca.subarray(i * k, (i + 1) * k)) : unit(k, i));
    const name = (i) => (principal ? `principal axis ${i + 1}` : subscript("z", i + 1));
    this.projection = new Turned(three.map(row), three.map(name));
    if (turns) this.projection.turns = turns;
    else this.projection.turn(0.6, 0.35);
    this.places = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) this.places.set(this.projection.place(arrays.mu, i * k), 3 * i);
    this.depths = new Float32Array(count);
    return this.projection;
  }

  get shown() {
    return this.explorer.projection === this.projection && this.projection !== null;
  }

  // --- the hand ----------------------------------------------------------------------------------------------------

  press(x, y) {
    if (!this.shown) return false;
    this.from = { start: [x, y], last: [x, y], turned: false };
    return "across";
  }

  drag(x, y, at) {
    const { from } = this;
    from.turned ||= Math.hypot(x - from.start[0], y - from.start[1]) > STILL;
    if (!from.turned) return;
    this.projection.turn((x - from.last[0]) * TURN, (y - from.last[1]) * TURN);
    from.last = [x, y];
    this.explorer.state.set({ turn: this.projection.turns }, at);
  }

  drop(x, y, at, cancelled) {
    const { turned } = this.from;
    this.from = null;
    if (!turned && !cancelled) this.explorer.click(x, y, at, true);
  }

  // --- painting ----------------------------------------------------------------------------------------------------

  // Where all points stand as the space is turned now, into [us, vs].
  project(us, vs) {
    const { places, depths } = this;
    const [[a, b, c], [d, e, f], [g, h, i]] = this.projection.turned;
    for (let n = 0, p = 0; n < us.length; n++, p += 3) {
      const [x, y, z] = [places[p], places[p + 1], places[p + 2]];
      us[n] = a * x + b * y + c * z;
      vs[n] = d * x + e * y + f * z;
      depths[n] = g * x + h * y + i * z;
    }
  }

  draw(view) {
    const { canvas, shown } = this;
    canvas.hidden = !shown;
    if (!shown) this.explorer.map.say("ellipsoids", "");
    this.wire.style.display = "none";
    this.explorer.root.classList.toggle("er-spatial", shown);
    this.explorer.map.say("space", shown ? this.note() : "");
    if (!shown || !view) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas.parentElement;
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const colours = theme(canvas);
    context.fillStyle = colours.background;
    context.fillRect(0, 0, width, height);
    drawRings(context, view, colours, false);
    this.drawAxes(context, view, colours);
    this.drawZones(context, view);
    this.drawPoints(context, view);
  }

  drawAxes(context, view, colours) {
    const [right, up] = this.projection.turned;
    Object.assign(context, {
      font: `13px ${colours.font}`,
      textAlign: "center",
      textBaseline: "middle",
      lineWidth: 1.4,
    });
    this.projection.names.forEach((name, j) => {
      const [x0, y0] = view.toPixel(-REACH * right[j], -REACH * up[j]);
      const [x1, y1] = view.toPixel(REACH * right[j], REACH * up[j]);
      context.strokeStyle = faded(colours.text, 0.45);
      context.beginPath();
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
      context.stroke();
      context.fillStyle = faded(colours.text, 0.85);
      const half = context.measureText(name).width / 2 + 6;
      context.fillText(
        name,
        Math.max(half, Math.min(view.left + view.width - half, x1 + 12 * Math.sign(x1 - x0))),
        y1 + 11 * Math.sign(y1 - y0 || 1),
      );
    });
  }

  // The outlines of ellipsoids, as the state's buffer zones say.
  drawZones(context, view) {
    const { state, frame, points } = this.explorer;
    this.explorer.map.say("ellipsoids", "");
    if (!frame.given.logvar || ["none", "pointer"].includes(state.zones)) return;
    const { us, vs, labels } = points;
    const { classes, ordered } = frame.meta;
    const chosen = [];
    for (let i = 0; i < us.length; i++)
      if ((state.zones === "all" || labels[i] === Number(state.zones)) && !state.hidden.includes(labels[i]))
        chosen.push(i);
    const stride = Math.max(1, Math.ceil(chosen.length / ZONES));
    this.explorer.map.say("ellipsoids", stride > 1 ? `one in ${stride} ellipsoids` : "");
    const pixels = view.pixelsPerUnit * state.scale;
    context.lineWidth = 0.8;
    for (let n = 0; n < chosen.length; n += stride) {
      const i = chosen[n];
      const { major, minor, angle } = ellipse(this.projection.covariance(frame.arrays.logvar, i));
      const colour = classColour(labels[i], classes.length, ordered);
      context.beginPath();
      context.ellipse(
        ...view.toPixel(us[i], vs[i]),
        major * pixels,
        Math.max(0.4, minor * pixels),
        -angle,
        0,
        2 * Math.PI,
      );
      context.fillStyle = faded(colour, 0.1);
      context.fill();
      context.strokeStyle = faded(colour, 0.4);
      context.stroke();
    }
  }

  note() {
    const { density, manifold } = this.explorer.state;
    const flat = [density !== "off" && "the density", manifold !== "off" && "the manifold"]
      .filter(Boolean)
      .join(" and ");
    return `Drag to turn, scroll or pinch to zoom${flat && `; ${flat} can be seen on a plane only`}`;
  }

  // The far ones first and faint, the near ones last.
  drawPoints(context, view) {
    const { state, points, frame } = this.explorer;
    const { us, vs, labels } = points;
    const [near, far] = this.depths.reduce(([a, b], d) => [Math.max(a, d), Math.min(b, d)], [-Infinity, Infinity]);
    const layers = Array.from({ length: LAYERS }, () => []);
    const layer = (depth) => Math.min(LAYERS - 1, Math.floor(((depth - far) / (near - far || 1)) * LAYERS));
    for (let i = 0; i < us.length; i++) if (!state.hidden.includes(labels[i])) layers[layer(this.depths[i])].push(i);
    const colours = pointColours(points, frame.meta);
    const base = markerSize(us.length, this.canvas.clientWidth);
    layers.forEach((indices, n) => {
      const share = n / (LAYERS - 1);
      const size = base * (0.6 + 0.5 * share);
      context.globalAlpha = FAINTEST + (0.95 - FAINTEST) * share;
      for (const i of indices) {
        const [x, y] = view.toPixel(us[i], vs[i]);
        context.fillStyle = colours(i);
        context.fillRect(x - size / 2, y - size / 2, size, size);
      }
    });
    context.globalAlpha = 1;
  }

  // The ellipsoid of data point i as three great circles, above everything.
  mark(view, i) {
    const { state, frame, points } = this.explorer;
    const drawn = this.shown && view && i >= 0 && frame.given.logvar && state.zones !== "none";
    this.wire.style.display = drawn ? "" : "none";
    if (!drawn) return;
    const root = cholesky(this.projection.volume(frame.arrays.logvar, i));
    const middle = [0, 1, 2].map((axis) => this.places[3 * i + axis]);
    const [right, up] = this.projection.turned;
    let path = "";
    for (const [a, b] of [
      [0, 1],
      [1, 2],
      [2, 0],
    ]) {
      for (let step = 0; step < ROUND; step++) {
        const [c, s] = [Math.cos((2 * Math.PI * step) / ROUND), Math.sin((2 * Math.PI * step) / ROUND)];
        const spot = middle.map((v, axis) => v + state.scale * (c * root[axis][a] + s * root[axis][b]));
        const [x, y] = view.toPixel(dot(right, spot), dot(up, spot));
        path += `${step ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      }
      path += "Z";
    }
    this.wire.setAttribute("d", path);
    this.wire.setAttribute("stroke", classColour(points.labels[i], frame.meta.classes.length, frame.meta.ordered));
  }
}

// What colours a point: its class, or the number that the map is coloured by.
function pointColours({ labels, values }, { classes, ordered }) {
  if (!values) {
    const colours = classes.map((_, c) => classColour(c, classes.length, ordered));
    return (i) => colours[labels[i]];
  }
  const ramp = Array.from({ length: LEVELS }, (_, level) => classColour(level, LEVELS, true));
  const { array, low, high } = values;
  return (i) => ramp[Math.max(0, Math.min(LEVELS - 1, Math.floor(((array[i] - low) / (high - low || 1)) * LEVELS)))];
}

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

// Gram–Schmidt, so that rounding never adds up over many turns.
function orthonormal(rows) {
  const done = [];
  for (const row of rows) {
    const rest = done.reduce((left, other) => left.map((v, j) => v - dot(left, other) * other[j]), row);
    const length = Math.hypot(...rest);
    done.push(rest.map((v) => v / length));
  }
  return done;
}

// L with L·Lᵀ = the 3×3 matrix given.
function cholesky(matrix) {
  const lower = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  for (let i = 0; i < 3; i++)
    for (let j = 0; j <= i; j++) {
      const rest = matrix[i][j] - dot(lower[i], lower[j]);
      lower[i][j] = i === j ? Math.sqrt(Math.max(rest, 1e-12)) : rest / lower[j][j];
    }
  return lower;
}
