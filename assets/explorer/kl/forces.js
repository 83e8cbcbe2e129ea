// The tug of war over the posteriors: how the distortion and beta times the rate pull at mu and at ln sigma.
//
// The distortion's forces come with the path, at its stops; the rate's are closed forms: −beta·mu and −beta·(sigma² − 1).

import { short, signed } from "../core/format.js";
import { subscript } from "../math/projection.js";
import { line } from "../plot/chart.js";
import { niceStep } from "../plot/ticks.js";

export const COLOURS = { distortion: "#d9480f", rate: "#1971c2", sum: "#2b8a3e" };
const NAMES = { distortion: "distortion", rate: "β · rate", sum: "their sum" };
const ORDER = ["distortion", "sum", "rate"]; // the rate's arrows are the shortest: they come last
const LONG = 40; // px: three arrows of four are shorter
const HEAD = 5; // px
const GROWTH = 0.5; // three rings of four grow or shrink by less than e to this
const LIMIT = 1.5; // of what is drawn
const SHARE = 0.75;

export class Forces {
  constructor(path, model) {
    this.path = path;
    this.model = model;
    this.at = path.forces;
    const count = this.at.points.length;
    this.pulls = Object.fromEntries(
      Object.keys(COLOURS).map((name) => [name, [0, 1].map(() => new Float32Array(2 * count))]),
    );
    this.z = new Float64Array(path.k);
    this.lnVariance = new Float64Array(path.k);
    this.scales = path.betas.map((_, stop) => this.scaleOf(stop));
  }

  // Row of the forces for a point of the map, or −1.
  row(point) {
    return this.at.points.indexOf(point);
  }

  // The point with forces whose mean is shown nearest to (u, v).
  nearest(u, v) {
    const { us, vs } = this.model;
    const away = (i) => (us[i] - u) ** 2 + (vs[i] - v) ** 2;
    return this.at.points.reduce((best, i) => (away(i) < away(best) ? i : best));
  }

  // The force of the distortion on dimension d in row n: [on mu, on ln sigma], or the standard errors of both.
  distortion(n, d, position, errors = false) {
    const { path, at } = this;
    const { stop, t } = path.place(position);
    const size = at.points.length * path.k;
    const [a, b] = [stop, Math.min(stop + 1, path.stops - 1)].map((s) => s * size + n * path.k + d);
    const arrays = errors ? [at.muError, at.logSigmaError] : [at.mu, at.logSigma];
    return arrays.map((array) => (array ? array[a] + t * (array[b] - array[a]) : 0));
  }

  // All three forces on dimension d of row n where the model stands: { distortion: [on mu, on ln sigma], rate, sum }.
  of(n, d) {
    const { model, path } = this;
    const beta = path.betaAt(model.position);
    const point = this.at.points[n];
    const mu = model.mean(point, this.z)[d];
    const variance = Math.exp(model.logvar(point, this.lnVariance)[d]);
    const distortion = this.distortion(n, d, model.position);
    const rate = [-beta * mu, -beta * (variance - 1)];
    return { distortion, rate, sum: distortion.map((force, j) => force + rate[j]) };
  }

  // What three of four forces at a stop stay below: [on mu, on ln sigma].
  scaleOf(stop) {
    const { path, at } = this;
    const position = path.positions[stop];
    const { mu, logvar } = path.frame.arrays;
    const found = [[], []];
    at.points.forEach((point, n) => {
      for (const d of path.plane) {
        const i = (stop * path.count + point) * path.k + d;
        const rate = [path.betas[stop] * mu[i], path.betas[stop] * (Math.exp(logvar[i]) - 1)];
        this.distortion(n, d, position).forEach((force, j) =>
          found[j].push(Math.max(Math.abs(force), Math.abs(rate[j]))),
        );
      }
    });
    return found.map((sizes) => Math.max(1e-6, sizes.sort((a, b) => a - b)[Math.floor(SHARE * (sizes.length - 1))]));
  }

  // Pixels for a nat per unit of z; e-folds for a nat per e-fold.
  units() {
    const { stop, t } = this.path.place(this.model.position);
    const mixed = [0, 1].map((j) => {
      const [a, b] = [this.scales[stop][j], this.scales[Math.min(stop + 1, this.path.stops - 1)][j]];
      return Math.exp(Math.log(a) + t * Math.log(b / a));
    });
    return [LONG / mixed[0], GROWTH / mixed[1]];
  }

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
      for (const name of Object.keys(COLOURS)) this.drawRing(context, view, followed, name, growth);
      for (const name of ORDER) this.drawArrows(context, view, [followed], name, length, 2.8);
    }
    this.drawKey(context, view, length);
  }

  // Forces of all rows on the two dimensions of the map.
  gather(rows) {
    for (const n of rows)
      this.path.plane.forEach((d, axis) => {
        const forces = this.of(n, d);
        for (const name of Object.keys(COLOURS))
          forces[name].forEach((force, j) => (this.pulls[name][j][2 * n + axis] = force));
      });
  }

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

  // A zone as it would be, had it followed the force on ln sigma for a while: smaller or larger.
  drawRing(context, view, n, name, growth) {
    const pull = this.pulls[name][1];
    const { us, vs, shown } = this.model;
    const i = this.at.points[n];
    const [x, y] = view.toPixel(us[i], vs[i]);
    const axes = [shown[2][i], shown[4][i]].map((variance, axis) => {
      const grown = Math.exp(Math.max(-LIMIT, Math.min(LIMIT, growth * pull[2 * n + axis])));
      return Math.max(1, Math.sqrt(variance) * grown * view.pixelsPerUnit);
    });
    Object.assign(context, { strokeStyle: COLOURS[name], lineWidth: 2 });
    context.beginPath();
    context.ellipse(x, y, ...axes, 0, 0, 2 * Math.PI);
    context.stroke();
  }

  // What the colours mean, and how long an arrow of a round size is.
  drawKey(context, view, length) {
    const size = niceStep(LONG / 2 / length);
    const entries = Object.entries(NAMES);
    const [x, y] = [view.left + 12, view.top + view.height - 16 * (entries.length + 1) - 6];
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
    context.fillRect(x - 6, y - 12, 216, 16 * (entries.length + 1) + 8);
    context.globalAlpha = 1;
    entries.forEach(([name, words], n) => {
      context.strokeStyle = COLOURS[name];
      line(context, x, y + 16 * n, x + 22, y + 16 * n);
      context.fillStyle = text;
      context.fillText(name === "sum" ? words : `force of ${words}`, x + 30, y + 16 * n);
    });
    context.strokeStyle = text;
    const below = y + 16 * entries.length;
    line(context, x, below, x + size * length, below);
    context.fillText(`${short(size)} nats per unit of z`, x + size * length + 8, below);
  }
}

// One point in numbers: what pulls at each of its dimensions, how strongly, and how well that is known.
export class Pull {
  constructor(root) {
    root.innerHTML = `<p></p><table></table>`;
    [this.text, this.table] = root.children;
  }

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
    const error = (name, axis, j) => (name === "rate" ? "" : `<small> ±${errors[axis][j].toFixed(2)}</small>`);
    const cells = (name) =>
      all.flatMap((force, axis) =>
        force[name].map((value, j) => `<td>${about}${signed(value)}${error(name, axis, j)}</td>`),
      );
    const rows = Object.entries(NAMES).map(
      ([name, words]) => `<tr><th style="color:${COLOURS[name]}">${words}</th>${cells(name).join("")}</tr>`,
    );
    this.table.innerHTML = `<tr><th></th>${head.map((text) => `<th>${text}</th>`).join("")}</tr>${rows.join("")}`;
  }
}
