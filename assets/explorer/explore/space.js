// Three dimensions of the latent space, or its three largest principal axes, that a drag turns. The projection is
// orthographic: a turned space is seen as the plane of two orthonormal rows, so lens, ellipses and paths are exactly as on
// any plane; what is added here is depth.

/** @import { View } from "../map/view.js" */
/** @import { MapFrame } from "../data/frame.js" */
/** @import { Explorer } from "./explorer.js" */
/** @import { Colours } from "../plot/palette.js" */
/** @import { MapPoints } from "./map.js" */

import { contextOf } from "../core/dom.js";
import { markerSize } from "../map/marker.js";
import { drawRings } from "../map/zones.js";
import { ellipse, subscript, unit } from "../math/projection.js";
import { classColour, faded, theme } from "../plot/palette.js";
import { cholesky, dot, Turned, vector } from "./turned.js";

const TURN = 0.008; // radians per pixel of a drag
/** @type {[across: number, up: number]} */
const FIRST = [0.6, 0.35]; // radians by which a space is turned when it is first seen
const STILL = 5; // px that a press may wander and still be a click
const REACH = 3.4; // how far the axes go, in σ
const LAYERS = 24; // of depth, painted from back to front
const FAINTEST = 0.22; // opacity of the furthest layer
const LEVELS = 32; // of colour, where points are coloured by a number
const ZONES = 1500; // ellipsoids painted at most
const ROUND = 48; // corners of the polygon that is drawn for a great circle
const CIRCLES = [
  [0, 1],
  [1, 2],
  [2, 0],
]; // the pairs of axes between which they lie
export const MOST = 20_000; // points of which a space can be shown

/** @typedef {{ start: [x: number, y: number], last: [x: number, y: number], turned: boolean }} Press in px */

export class Space {
  /**
   * @param {Explorer} explorer
   * @param {HTMLCanvasElement} canvas
   * @param {SVGPathElement} wire of the ellipsoid beside the lens
   */
  constructor(explorer, canvas, wire) {
    this.explorer = explorer;
    this.canvas = canvas;
    this.wire = wire;
    /** @type {Turned | null} */
    this.projection = null;
    /** @type {Press | null} the press that may become a drag */
    this.from = null;
    /** The three coordinates of every point before they are turned, row by row. */
    this.places = new Float32Array(0);
    /** How far to the front every point is. */
    this.depths = new Float32Array(0);
  }

  /**
   * Begins the space of a plane.
   * @param {MapFrame} frame
   * @param {string} plane "3d", or dimensions as "i,j,l"
   * @param {number[] | null} turns as a link has them; null for how the space is first seen
   */
  begin({ arrays, meta, count }, plane, turns) {
    const k = meta.latent_dim;
    const principal = plane === "3d" && k > 3;
    const three = plane === "3d" ? [0, 1, 2] : plane.split(",").map(Number);
    /** @param {number} i */
    const row = (i) => (principal ? Float64Array.from(arrays.pca.subarray(i * k, (i + 1) * k)) : unit(k, i));
    /** @param {number} i */
    const name = (i) => (principal ? `principal axis ${i + 1}` : subscript("z", i + 1));
    const projection = new Turned(three.map(row), three.map(name));
    this.projection = projection;
    this.turnTo(turns);
    this.places = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) this.places.set(projection.place(arrays.mu, i * k), 3 * i);
    this.depths = new Float32Array(count);
    return projection;
  }

  /** How the space is turned at first. */
  get firstTurns() {
    const first = new Turned([unit(3, 0), unit(3, 1), unit(3, 2)], []);
    first.turn(...FIRST);
    return first.turns;
  }

  /**
   * Turns the space; null for how it is first seen.
   * @param {number[] | null} turns
   */
  turnTo(turns) {
    const { projection } = this;
    const wanted = turns ?? this.firstTurns;
    if (projection && String(projection.turns) !== String(wanted)) projection.turns = wanted;
  }

  /**
   * Where all points would be, were the space turned so.
   * @param {number[]} turns
   */
  placesAt(turns) {
    const { places } = this;
    const turned = new Turned([unit(3, 0), unit(3, 1), unit(3, 2)], []);
    turned.turns = turns;
    const along = (/** @type {0 | 1} */ axis) => {
      const [a, b, c] = turned.turned[axis];
      return this.depths.map((_, n) => a * places[3 * n] + b * places[3 * n + 1] + c * places[3 * n + 2]);
    };
    return { us: along(0), vs: along(1) };
  }

  /** The space's projection, where the map shows it; or null. */
  get shown() {
    return this.explorer.projection === this.projection ? this.projection : null;
  }

  // --- drags -------------------------------------------------------------------------------------------------------

  /**
   * Claims the drag that begins where the map shows a space.
   * @param {number} x px
   * @param {number} y
   */
  press(x, y) {
    if (!this.shown) return false;
    this.from = { start: [x, y], last: [x, y], turned: false };
    return /** @type {const} */ ("across");
  }

  /**
   * @param {number} x px
   * @param {number} y
   * @param {number} at
   */
  drag(x, y, at) {
    const { from, projection } = this;
    if (!from || !projection) return;
    from.turned ||= Math.hypot(x - from.start[0], y - from.start[1]) > STILL;
    if (!from.turned) return;
    projection.turn((x - from.last[0]) * TURN, (y - from.last[1]) * TURN);
    from.last = [x, y];
    this.explorer.state.set({ turn: projection.turns }, at);
  }

  /**
   * @param {number} x px
   * @param {number} y
   * @param {number} at
   * @param {boolean} cancelled
   */
  drop(x, y, at, cancelled) {
    const turned = this.from?.turned;
    this.from = null;
    if (!turned && !cancelled) this.explorer.click(x, y, at, true);
  }

  // --- painting ----------------------------------------------------------------------------------------------------

  /**
   * Writes the places of all points, as the space is turned now.
   * @param {Float32Array} us
   * @param {Float32Array} vs
   */
  project(us, vs) {
    const { places, depths, projection } = this;
    if (!projection) return;
    const [[a, b, c], [d, e, f], [g, h, i]] = projection.turned;
    for (let n = 0, p = 0; n < us.length; n++, p += 3) {
      const [x, y, z] = [places[p], places[p + 1], places[p + 2]];
      us[n] = a * x + b * y + c * z;
      vs[n] = d * x + e * y + f * z;
      depths[n] = g * x + h * y + i * z;
    }
  }

  /** @param {View | null} view */
  draw(view) {
    const { canvas, shown } = this;
    canvas.hidden = !shown;
    if (!shown) this.explorer.map.say("ellipsoids", "");
    this.wire.style.display = "none";
    this.explorer.root.classList.toggle("er-spatial", Boolean(shown));
    this.explorer.map.say("space", shown ? this.note() : "");
    if (!shown || !view) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.explorer.map.root;
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const context = contextOf(canvas);
    context.scale(ratio, ratio);
    const colours = theme(canvas);
    context.fillStyle = colours.background;
    context.fillRect(0, 0, width, height);
    drawRings(context, view, colours, false);
    this.drawAxes(context, view, colours, shown);
    this.drawZones(context, view, shown);
    this.drawPoints(context, view);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Colours} colours
   * @param {Turned} projection
   */
  drawAxes(context, view, colours, { turned: [right, up], names }) {
    Object.assign(context, {
      font: `13px ${colours.font}`,
      textAlign: "center",
      textBaseline: "middle",
      lineWidth: 1.4,
    });
    names.forEach((name, j) => {
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

  /**
   * Draws the outlines of the ellipsoids that the state names.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {Turned} projection
   */
  drawZones(context, view, projection) {
    const { state, frame, points } = this.explorer;
    this.explorer.map.say("ellipsoids", "");
    if (!frame.given.logvar || ["none", "pointer"].includes(state.zones)) return;
    const { us, vs, labels } = points;
    const { classes } = frame.meta;
    /** @type {number[]} */
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
      const { major, minor, angle } = ellipse(projection.covariance(frame.arrays.logvar, i));
      const colour = classColour(labels[i], classes.length);
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

  /**
   * Draws the points: the far ones first and faint, the near ones last.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   */
  drawPoints(context, view) {
    const { state, points, frame } = this.explorer;
    const { us, vs, labels } = points;
    const [near, far] = this.depths.reduce(([a, b], d) => [Math.max(a, d), Math.min(b, d)], [-Infinity, Infinity]);
    /** @type {number[][]} the points of each, the furthest first */
    const layers = Array.from({ length: LAYERS }, () => []);
    /** @param {number} depth */
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

  /**
   * Draws the ellipsoid of data point i as three great circles, above everything; nothing for −1.
   * @param {View | null} view
   * @param {number} i
   */
  mark(view, i) {
    const { state, frame, points } = this.explorer;
    const { shown } = this;
    const drawn = i >= 0 && frame.given.logvar && state.zones !== "none";
    this.wire.style.display = shown && view && drawn ? "" : "none";
    if (!shown || !view || !drawn) return;
    const root = cholesky(shown.volume(frame.arrays.logvar, i));
    const middle = vector((axis) => this.places[3 * i + axis]);
    const [right, up] = shown.turned;
    let path = "";
    for (const [a, b] of CIRCLES) {
      for (let step = 0; step < ROUND; step++) {
        const [c, s] = [Math.cos((2 * Math.PI * step) / ROUND), Math.sin((2 * Math.PI * step) / ROUND)];
        const spot = vector((axis) => middle[axis] + state.scale * (c * root[axis][a] + s * root[axis][b]));
        const [x, y] = view.toPixel(dot(right, spot), dot(up, spot));
        path += `${step ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      }
      path += "Z";
    }
    this.wire.setAttribute("d", path);
    this.wire.setAttribute("stroke", classColour(points.labels[i], frame.meta.classes.length));
  }
}

/**
 * Point → its colour: that of its class, or of the number that the map is coloured by.
 * @param {MapPoints} points
 * @param {MapFrame["meta"]} meta
 * @returns {(i: number) => string}
 */
function pointColours({ labels, values }, { classes }) {
  if (!values) {
    const colours = classes.map((_, c) => classColour(c, classes.length));
    return (i) => colours[labels[i]];
  }
  const ramp = Array.from({ length: LEVELS }, (_, level) => classColour(level, LEVELS, true));
  const { array, low, high } = values;
  return (i) => ramp[Math.max(0, Math.min(LEVELS - 1, Math.floor(((array[i] - low) / (high - low || 1)) * LEVELS)))];
}
