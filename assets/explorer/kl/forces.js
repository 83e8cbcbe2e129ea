// Forces on the posteriors: the negative gradients of the distortion and of beta · rate with respect to mu and ln sigma.
//
// Those of the distortion come with the path, at its stops; those of the rate are closed forms: −beta·mu and
// −beta·(sigma² − 1).

/** @import { View } from "../map/view.js" */
/** @import { Colours } from "../plot/palette.js" */
/** @import { Model } from "./model.js" */
/** @import { Path, PathForces } from "./path.js" */
/** @import { PathState } from "./state.js" */

import { find } from "../core/dom.js";
import { short, signed } from "../core/format.js";
import { subscript } from "../math/projection.js";
import { line } from "../plot/chart.js";
import { niceStep } from "../plot/ticks.js";

/** @typedef {"distortion" | "rate" | "sum"} ForceName */

/**
 * A force on mu, in nats per unit of mu, and on ln sigma, in nats per e-fold of sigma.
 * @typedef {[mu: number, logSigma: number]} Force
 */

/** @type {Record<ForceName, string>} */
const COLOURS = { distortion: "#d9480f", rate: "#1971c2", sum: "#2b8a3e" };
/** @type {Record<ForceName, string>} */
const NAMES = { distortion: "distortion", rate: "β · rate", sum: "their sum" };
/** @type {ForceName[]} */
const KINDS = ["distortion", "rate", "sum"];
/**
 * The order in which arrows are drawn: those of the rate are the shortest and come last.
 * @type {ForceName[]}
 */
const ORDER = ["distortion", "sum", "rate"];
const LONG = 40; // px: three arrows of four are shorter
const HEAD = 5; // px
const GROWTH = 0.5; // three rings of four grow or shrink by less than a factor of e to this power
const LIMIT = 1.5; // the largest power of e that is drawn
const SHARE = 0.75; // the share of all forces that stay below the scale

export class Forces {
  /**
   * @param {Path} path
   * @param {PathForces} at the forces of the path
   * @param {Model} model
   * @param {Colours} colours
   */
  constructor(path, at, model, colours) {
    this.path = path;
    this.model = model;
    this.at = at;
    this.colours = colours;
    const arrays = () => [new Float32Array(2 * at.points.length), new Float32Array(2 * at.points.length)];
    /**
     * For each kind, the forces on mu and on ln sigma of every point, along the two dimensions of the map.
     * @type {Record<ForceName, Float32Array[]>}
     */
    this.pulls = { distortion: arrays(), rate: arrays(), sum: arrays() };
    this.z = new Float64Array(path.k);
    this.lnVariance = new Float64Array(path.k);
    /**
     * For every stop, what three of four forces stay below.
     * @type {Force[]}
     */
    this.scales = path.betas.map((_, stop) => this.scaleOf(stop));
  }

  /**
   * Row of the forces for a point of the map, or −1.
   * @param {number} point
   */
  row(point) {
    return this.at.points.indexOf(point);
  }

  /**
   * The point with forces whose mean is shown nearest to (u, v).
   * @param {number} u
   * @param {number} v
   */
  nearest(u, v) {
    const { us, vs } = this.model;
    const away = (/** @type {number} */ i) => (us[i] - u) ** 2 + (vs[i] - v) ** 2;
    return this.at.points.reduce((best, i) => (away(i) < away(best) ? i : best));
  }

  /**
   * The force of the distortion on dimension d in row n, or its standard error.
   * @param {number} n
   * @param {number} d
   * @param {number} position
   * @param {boolean} error
   * @returns {Force}
   */
  distortion(n, d, position, error = false) {
    const { path, at } = this;
    const { stop, t } = path.place(position);
    const size = at.points.length * path.k;
    const [a, b] = [stop, Math.min(stop + 1, path.stops - 1)].map((s) => s * size + n * path.k + d);
    const mix = (/** @type {Float32Array | undefined} */ array) => (array ? array[a] + t * (array[b] - array[a]) : 0);
    return error ? [mix(at.muError), mix(at.logSigmaError)] : [mix(at.mu), mix(at.logSigma)];
  }

  /**
   * All three forces on dimension d of row n at the model's position.
   * @param {number} n
   * @param {number} d
   * @returns {Record<ForceName, Force>}
   */
  of(n, d) {
    const { model, path } = this;
    const beta = path.betaAt(model.position);
    const point = this.at.points[n];
    const mu = model.mean(point, this.z)[d];
    const variance = Math.exp(model.logvar(point, this.lnVariance)[d]);
    const distortion = this.distortion(n, d, model.position);
    /** @type {Force} */
    const rate = [-beta * mu, -beta * (variance - 1)];
    return { distortion, rate, sum: [distortion[0] + rate[0], distortion[1] + rate[1]] };
  }

  /**
   * What three of four forces at a stop stay below.
   * @param {number} stop
   * @returns {Force}
   */
  scaleOf(stop) {
    const { path, at } = this;
    const position = path.positions[stop];
    const { mu, logvar } = path.frame.arrays;
    /** @type {[number[], number[]]} */
    const found = [[], []];
    at.points.forEach((point, n) => {
      for (const d of path.plane) {
        const i = (stop * path.count + point) * path.k + d;
        const rate = [path.betas[stop] * mu[i], path.betas[stop] * (Math.exp(logvar[i]) - 1)];
        this.distortion(n, d, position).forEach((force, j) => {
          found[j].push(Math.max(Math.abs(force), Math.abs(rate[j])));
        });
      }
    });
    const scale = (/** @type {number[]} */ sizes) =>
      Math.max(1e-6, sizes.sort((a, b) => a - b)[Math.floor(SHARE * (sizes.length - 1))]);
    return [scale(found[0]), scale(found[1])];
  }

  /**
   * Pixels for a nat per unit of z, and e-folds for a nat per e-fold.
   * @returns {[number, number]}
   */
  units() {
    const { stop, t } = this.path.place(this.model.position);
    const mixed = [0, 1].map((j) => {
      const [a, b] = [this.scales[stop][j], this.scales[Math.min(stop + 1, this.path.stops - 1)][j]];
      return Math.exp(Math.log(a) + t * Math.log(b / a));
    });
    return [LONG / mixed[0], GROWTH / mixed[1]];
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {PathState} state
   */
  draw(context, view, { hidden, point }) {
    const [length, growth] = this.units();
    const { labels } = this.path.frame.arrays;
    const followed = this.row(point);
    const rows = [...this.at.points.keys()].filter((n) => !hidden.includes(labels[this.at.points[n]]));
    this.gather(rows);
    context.globalAlpha = followed >= 0 ? 0.35 : 0.8;
    for (const name of ORDER) this.drawArrows(context, view, rows, name, length, 1.3);
    context.globalAlpha = 1;
    if (rows.includes(followed)) {
      for (const name of KINDS) this.drawRing(context, view, followed, name, growth);
      for (const name of ORDER) this.drawArrows(context, view, [followed], name, length, 2.8);
    }
    this.drawKey(context, view, length);
  }

  /**
   * Computes the forces of all rows on the dimensions of the map.
   * @param {number[]} rows
   */
  gather(rows) {
    for (const n of rows)
      this.path.plane.forEach((d, axis) => {
        const forces = this.of(n, d);
        for (const name of KINDS)
          forces[name].forEach((force, j) => {
            this.pulls[name][j][2 * n + axis] = force;
          });
      });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {number[]} rows
   * @param {ForceName} name
   * @param {number} length pixels for a nat per unit of z
   * @param {number} width of the lines in px
   */
  drawArrows(context, view, rows, name, length, width) {
    const pull = this.pulls[name][0];
    const { us, vs } = this.model;
    Object.assign(context, { strokeStyle: COLOURS[name], lineWidth: width, lineCap: "round" });
    context.beginPath();
    for (const n of rows) {
      const i = this.at.points[n];
      const [x, y] = view.toPixel(us[i], vs[i]);
      const [dx, dy] = [pull[2 * n] * length, -pull[2 * n + 1] * length];
      const size = Math.hypot(dx, dy);
      if (size < 1.5) continue;
      context.moveTo(x, y);
      context.lineTo(x + dx, y + dy);
      const head = Math.min(HEAD, size / 2) / size;
      for (const side of [-0.55, 0.55]) {
        context.moveTo(x + dx, y + dy);
        context.lineTo(x + dx - head * (dx - side * dy), y + dy - head * (dy + side * dx));
      }
    }
    context.stroke();
  }

  /**
   * The outline of a zone after a small step along the force on ln sigma: smaller or larger than it is.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {number} n
   * @param {ForceName} name
   * @param {number} growth e-folds for a nat per e-fold
   */
  drawRing(context, view, n, name, growth) {
    const pull = this.pulls[name][1];
    const { us, vs, shown } = this.model;
    const i = this.at.points[n];
    const [x, y] = view.toPixel(us[i], vs[i]);
    const [across, up] = [shown[2][i], shown[4][i]].map((variance, axis) => {
      const grown = Math.exp(Math.max(-LIMIT, Math.min(LIMIT, growth * pull[2 * n + axis])));
      return Math.max(1, Math.sqrt(variance) * grown * view.pixelsPerUnit);
    });
    Object.assign(context, { strokeStyle: COLOURS[name], lineWidth: 2 });
    context.beginPath();
    context.ellipse(x, y, across, up, 0, 0, 2 * Math.PI);
    context.stroke();
  }

  /**
   * The legend: what the colours mean, and the length of an arrow of a round size.
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   * @param {number} length pixels for a nat per unit of z
   */
  drawKey(context, view, length) {
    const size = niceStep(LONG / 2 / length);
    const [x, y] = [view.left + 12, view.top + view.height - 16 * (KINDS.length + 1) - 6];
    const { font, text, background } = this.colours;
    Object.assign(context, {
      font: `13px ${font}`,
      textBaseline: "middle",
      textAlign: "left",
      lineWidth: 2.6,
      lineCap: "round",
    });
    context.globalAlpha = 0.85;
    context.fillStyle = background;
    context.fillRect(x - 6, y - 12, 216, 16 * (KINDS.length + 1) + 8);
    context.globalAlpha = 1;
    KINDS.forEach((name, n) => {
      context.strokeStyle = COLOURS[name];
      line(context, x, y + 16 * n, x + 22, y + 16 * n);
      context.fillStyle = text;
      context.fillText(name === "sum" ? NAMES[name] : `force of ${NAMES[name]}`, x + 30, y + 16 * n);
    });
    context.strokeStyle = text;
    const below = y + 16 * KINDS.length;
    line(context, x, below, x + size * length, below);
    context.fillText(`${short(size)} nats per unit of z`, x + size * length + 8, below);
  }
}

/** A table of the forces on one point: those on each dimension of the map, with standard errors. */
export class Pull {
  /** @param {HTMLElement} root */
  constructor(root) {
    root.innerHTML = `<p></p><table></table>`;
    this.text = find(root, "p");
    this.table = find(root, "table");
  }

  /**
   * @param {Forces} forces
   * @param {number} point of the map, or −1
   */
  show(forces, point) {
    const n = forces.row(point);
    this.table.hidden = n < 0;
    const { path, model } = forces;
    const { index } = path.frame.arrays;
    this.text.textContent =
      n < 0
        ? "Forces on the images’ q(z|x). Click a point that has arrows to follow it."
        : `Forces on the q(z|x) of test image ${index[point]}, in nats per unit of μ, and per e-fold of σ, with standard errors`;
    if (n < 0) return;
    const head = path.plane.flatMap((d) => [`on ${subscript("μ", d + 1)}`, `on ln ${subscript("σ", d + 1)}`]);
    const all = path.plane.map((d) => forces.of(n, d));
    const errors = path.plane.map((d) => forces.distortion(n, d, model.position, true));
    const about = path.place(model.position).t === 0 ? "" : "≈ ";
    const error = (/** @type {ForceName} */ name, /** @type {number} */ axis, /** @type {number} */ j) =>
      name === "rate" ? "" : `<small> ±${errors[axis][j].toFixed(2)}</small>`;
    const cells = (/** @type {ForceName} */ name) =>
      all.flatMap((force, axis) =>
        force[name].map((value, j) => `<td>${about}${signed(value)}${error(name, axis, j)}</td>`),
      );
    const rows = KINDS.map(
      (name) => `<tr><th style="color:${COLOURS[name]}">${NAMES[name]}</th>${cells(name).join("")}</tr>`,
    );
    this.table.innerHTML = `<tr><th></th>${head.map((text) => `<th>${text}</th>`).join("")}</tr>${rows.join("")}`;
  }
}
