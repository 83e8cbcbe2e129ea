// Interpolate: from one spot of the latent space to another, straight, on the sphere, or along the ridge of the aggregate
// posterior; decoded on the way, and beside it the same way between the raw pixels.

import { signed, whole } from "../../core/format.js";
import { Slices } from "../../core/slices.js";
import { extent } from "../../map/view.js";
import { Aggregate, counted } from "../../math/aggregate.js";
import { aggregating, GRID } from "../../math/density.js";
import { logPrior } from "../../math/gaussian.js";
import { HOLE } from "../../math/holes.js";
import { alongPlane, mix, spherical, straight } from "../../math/interpolation.js";
import { ridge } from "../../math/ridge.js";
import { Series } from "../../network/series.js";
import { disc } from "../../plot/chart.js";
import { theme } from "../../plot/palette.js";
import { Picture } from "../../plot/picture.js";
import { PathChart } from "./path-chart.js";

const STEPS = 65; // of a path
const FILM = 9; // of its steps are shown
const EVERY = (STEPS - 1) / (FILM - 1);
const REACH = 4.5; // the density is looked at over at least this many prior sigmas
const GRAB = 14; // px around an end that take hold of it
const SNAP = 9; // px within which an end takes a data point
const AT_ONCE = 8; // ms of a small network for the film of a path in the hand
const REST = 90; // ms without a change after which the density is worked out
const TURN = 4000; // ms from one end to the other
const KINDS = [
  ["straight", "the straight line"],
  ["spherical", "an arc around z = 0: the direction turns evenly"],
  ["ridge", "the least-cost path, where a step costs its length over q(z)"],
];

const HTML = `
<p class="er-hint">Click two spots or data points on the map, A then B, or drag the ends.</p>
<div class="er-ends">
  <button class="er-end" data-end="0"><canvas></canvas><span></span></button>
  <div class="er-kinds" role="group" aria-label="path"></div>
  <button class="er-end" data-end="1"><canvas></canvas><span></span></button>
</div>
<figure class="er-film"><div class="er-strip" role="img" aria-label="images decoded along the path"></div><figcaption>through z, decoded</figcaption></figure>
<figure class="er-film"><div class="er-strip" role="img" aria-label="images mixed pixel by pixel"></div><figcaption class="er-raw"></figcaption></figure>
<div class="er-row er-ride">
  <button class="er-play" title="go along the path">▶ play</button>
  <input type="range" class="er-t" min="0" max="1" step="any" value="0" aria-label="t, from A to B">
  <output class="er-t-value"></output>
</div>
<canvas class="er-along" role="img" aria-label="density along the path"></canvas>
<p class="er-path-numbers" role="status"></p>`;

export class Interpolate {
  constructor(explorer, root) {
    this.explorer = explorer;
    this.root = root;
    this.next = 0;
    this.slices = new Slices();
    root.innerHTML = HTML;
    this.$ = (selector) => root.querySelector(selector);
    this.chart = new PathChart(this.$(".er-along"));
    this.kindButtons = KINDS.map(([kind, title]) => {
      const button = Object.assign(document.createElement("button"), { textContent: kind, title });
      button.addEventListener("click", () => this.explorer.state.set({ path: kind }));
      return button;
    });
    this.$(".er-kinds").append(...this.kindButtons);
    for (const button of root.querySelectorAll(".er-end"))
      button.addEventListener("click", () =>
        this.setEnd(Number(button.dataset.end), this.explorer.state.z, this.explorer.state.point),
      );
    this.$(".er-t").addEventListener("input", (event) => this.ride(Number(event.target.value), event.timeStamp));
    this.$(".er-play").addEventListener("click", () => (this.playing ? this.stop() : this.play()));
    new ResizeObserver(() => this.frame && this.showT()).observe(this.$(".er-along"));
  }

  load(frame) {
    const { image_shape: shape, latent_dim: k } = frame.meta;
    this.frame = frame;
    this.k = k;
    this.decoder = this.explorer.decoder;
    this.size = shape.reduce((a, b) => a * b, 1);
    this.grid = null;
    this.strips = [...this.root.querySelectorAll(".er-strip")].map((strip) => {
      strip.replaceChildren(...Array.from({ length: FILM }, () => document.createElement("canvas")));
      return [...strip.children].map((canvas) => new Picture(canvas, shape));
    });
    this.film = new Series(
      this.root,
      FILM,
      (i) => this.path[i * EVERY],
      (i, { pixels }) => this.decoded(i, pixels),
    );
    this.thumbs = [...this.root.querySelectorAll(".er-end canvas")].map((canvas) => new Picture(canvas, shape));
    this.kindButtons[1].hidden = this.kindButtons[2].hidden = k === 1; // one dimension has one way
    this.apart = apart(frame);
  }

  get kind() {
    return this.k === 1 ? "straight" : this.explorer.state.path;
  }

  // Plane, hidden classes and the path may be others than when it was closed.
  opened() {
    this.grid = this.aggregate = null;
    this.readEnds();
    this.renew();
  }

  closed() {
    this.stop();
    this.slices.stop();
    this.decoder.forget("film");
    clearTimeout(this.timer);
  }

  changed(changed) {
    const has = (...names) => names.some((name) => changed.has(name));
    if (has("pinned") && !this.explorer.state.pinned) this.stop();
    if (has("hidden")) this.grid = this.aggregate = null;
    if (has("turn")) this.grid = null;
    if (has("from", "to")) this.readEnds();
    if (has("plane", "hidden", "path", "from", "to") || (has("turn") && this.kind === "ridge")) this.renew();
    else if (has("t")) this.showT();
  }

  retheme() {
    this.showT();
  }

  // --- the ends ----------------------------------------------------------------------------------------------------

  // A and B as the state has them, else two points that lie apart.
  readEnds() {
    const { from, to } = this.explorer.state;
    this.ends = [from, to].map((end, i) =>
      end?.z ? { ...end, pixels: this.imageOf(end.point) } : this.endAt(end?.point ?? this.apart[i]),
    );
  }

  // An end at a data point, or at the prior's mean where there is none.
  endAt(point) {
    const z =
      point < 0
        ? new Float64Array(this.k)
        : Float64Array.from(this.frame.arrays.mu.subarray(point * this.k, (point + 1) * this.k));
    return { z, point, pixels: this.imageOf(point) };
  }

  // Null where an end has no image of its own: it looks like what the first or the last picture of the film shows.
  imageOf(point) {
    if (point < 0) return null;
    return Float64Array.from(
      this.frame.arrays.images.subarray(point * this.size, (point + 1) * this.size),
      (byte) => byte / 255,
    );
  }

  setEnd(which, z, point) {
    this.next = 1 - which;
    this.stop();
    this.explorer.state.set({ [which ? "to" : "from"]: { z: Float64Array.from(z), point } });
  }

  // The end at a pixel of the map: a data point, or the spot itself in the plane through the lens.
  spot(x, y) {
    const { map, projection, state } = this.explorer;
    const [u, v] = map.view.toData(x, y);
    const nearest = map.nearest(u, v);
    if (nearest >= 0 && (this.explorer.distance(nearest, x, y) < SNAP || !projection.invertible))
      return this.endAt(nearest);
    const z = Float64Array.from(state.z);
    projection.lift(z, u, v);
    return { z, point: -1 };
  }

  click(x, y, at, still) {
    if (!still) return false;
    const { z, point } = this.spot(x, y);
    this.setEnd(this.next, z, point);
    return true;
  }

  press(x, y) {
    const { map, projection } = this.explorer;
    const away = this.ends.map(({ z }) => {
      const [px, py] = map.view.toPixel(...projection.project(z));
      return Math.hypot(px - x, py - y);
    });
    this.held = away[0] <= away[1] ? 0 : 1;
    return away[this.held] < GRAB;
  }

  drag(x, y) {
    const { z, point } = this.spot(x, y);
    this.setEnd(this.held, z, point);
  }

  // --- the path ----------------------------------------------------------------------------------------------------

  // Path and film at once; what takes longer, the ridge and the density, once the hand rests.
  renew() {
    for (const button of this.kindButtons)
      button.setAttribute("aria-pressed", String(button.textContent === this.kind));
    const [a, b] = this.ends.map(({ z }) => z);
    this.path = this.kind === "spherical" ? spherical(a, b, STEPS) : straight(a, b, STEPS);
    this.along = null;
    this.root.dataset.path = "";
    this.slices.stop();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.slices.run(this.look()), REST);
    this.showEnds();
    this.showPath();
  }

  *look() {
    if (this.kind === "ridge" && this.explorer.projection.invertible) {
      yield* this.findRidge();
      this.showPath();
    }
    const { frame, k } = this;
    const { labels } = frame.arrays;
    const hidden = this.explorer.state.hidden;
    this.aggregate ??= new Aggregate(frame.arrays, counted(frame, hidden), k);
    if (!this.aggregate.count) return;
    const along = { q: [], p: [], shares: [] };
    for (const z of this.path) {
      along.q.push(this.aggregate.log(z));
      along.p.push(logPrior(z));
      yield;
      along.shares.push(this.aggregate.shares(z, labels, frame.meta.classes.length));
      yield;
    }
    this.along = along;
    this.showAlong();
    this.root.dataset.path = this.kind;
  }

  *findRidge() {
    const { projection, points, state } = this.explorer;
    const { us, vs, labels } = points;
    const { logvar } = this.frame.arrays;
    const box = [...extent(us, REACH), ...extent(vs, REACH)];
    if (this.gridOf !== projection) this.grid = null;
    this.gridOf = projection;
    this.grid ??= yield* aggregating(
      [us, vs],
      (i) => projection.covariance(logvar, i),
      box,
      (i) => !state.hidden.includes(labels[i]),
    );
    yield;
    const [a, b] = this.ends.map(({ z }) => z);
    const line = ridge(this.grid, GRID, box, projection.project(a), projection.project(b));
    this.path = alongPlane(projection, line, a, b, STEPS);
    yield;
  }

  showEnds() {
    const what = ({ point }) => (point >= 0 ? this.frame.meta.classes[this.frame.arrays.labels[point]] : "spot");
    const names = this.ends.map((end, i) => `${"AB"[i]}: ${what(end)}`);
    this.root.querySelectorAll(".er-end span").forEach((span, i) => (span.textContent = names[i]));
    this.root
      .querySelectorAll(".er-end")
      .forEach((button, i) => (button.ariaLabel = button.title = `${names[i]}, put it where the lens is`));
    const [film, mixed] = this.root.querySelectorAll(".er-strip");
    film.ariaLabel = `${FILM} images decoded along the ${this.kind} path from ${names.join(" to ")}`;
    mixed.ariaLabel = `${FILM} images mixed pixel by pixel from ${names.join(" to ")}`;
    const both = this.ends.every(({ point }) => point >= 0);
    this.$(".er-raw").textContent = both
      ? "between the pixels of the images themselves"
      : "between the pixels of both ends, decoded where no image is";
    this.showMixed();
  }

  showPath() {
    this.decoder.askAll("film", this.film.renew(), AT_ONCE);
    this.showAlong();
    this.explorer.tools.repaint();
  }

  // Picture i of the film.
  decoded(i, pixels) {
    this.strips[0][i].paint(pixels);
    const end = { 0: this.ends[0], [FILM - 1]: this.ends[1] }[i];
    if (!end || end.point >= 0) return;
    end.pixels = Float64Array.from(pixels);
    this.showMixed();
  }

  // Both ends and what is mixed of them, as far as they are known.
  showMixed() {
    const [a, b] = this.ends.map(({ pixels }) => pixels);
    this.ends.forEach(({ pixels }, i) => pixels && this.thumbs[i].paint(pixels));
    if (a && b) this.strips[1].forEach((picture, i) => picture.paint(mix(a, b, i / (FILM - 1))));
  }

  showAlong() {
    this.showT();
    this.$(".er-path-numbers").textContent = this.along ? this.words() : "";
    this.$(".er-along").ariaLabel = this.along ? this.alongInWords() : "density along the path";
    this.explorer.tools.repaint();
  }

  showT() {
    const { t } = this.explorer.state;
    this.chart.draw(this.along, this.frame.meta, t);
    this.$(".er-t").value = t;
    this.$(".er-t-value").textContent = `t = ${t.toFixed(2)}`;
  }

  words() {
    const { q, p, shares } = this.along;
    const { classes } = this.frame.meta;
    const length = this.path
      .slice(1)
      .reduce((sum, z, i) => sum + Math.hypot(...z.map((v, d) => v - this.path[i][d])), 0);
    const holes = q.filter((log, i) => log < p[i] + Math.log(HOLE)).length / STEPS;
    const names = shares.map((share) => classes[share.indexOf(Math.max(...share))]);
    const passed = names.filter((name, i) => name !== names[i - 1]);
    const space = this.k > 2 ? ` in all ${this.k} dimensions` : "";
    const part = this.aggregate.count < this.frame.count ? `, q of ${whole(this.aggregate.count)} images` : "";
    const kind =
      this.kind === "ridge" && !this.explorer.projection.invertible ? "straight, for a ridge needs a plane · " : "";
    return `${kind}length ${length.toFixed(2)} σ · ${Math.round(100 * holes)} % of it in holes (q < ${HOLE} p${space}${part}) · zones passed: ${passed.join(" → ")}`;
  }

  // The chart for those who do not see it.
  alongInWords() {
    const { q, p } = this.along;
    const least = q.indexOf(Math.min(...q));
    const nats = (v) => signed(Math.max(v, -999), 1);
    return `ln q(z) along the path: ${nats(q[0])} nats at A, ${nats(q.at(-1))} at B, least at t = ${(least / (STEPS - 1)).toFixed(2)}, ${nats(q[least])} where ln p(z) is ${nats(p[least])}`;
  }

  // --- going along it ----------------------------------------------------------------------------------------------

  ride(t, at) {
    const step = t * (STEPS - 1);
    const i = Math.min(STEPS - 2, Math.floor(step));
    this.explorer.state.z.set(mix(this.path[i], this.path[i + 1], step - i));
    this.explorer.state.set({ pinned: true, point: -1, t }, at);
  }

  // There and back again, until stopped.
  play() {
    this.$(".er-play").textContent = "❚❚ pause";
    const began = performance.now() - TURN * this.explorer.state.t;
    const step = (now) => {
      const turns = Math.max(0, now - began) / TURN;
      this.playing = requestAnimationFrame(step);
      this.ride(turns % 2 < 1 ? turns % 1 : 1 - (turns % 1), now);
    };
    this.playing = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.playing);
    this.playing = null;
    this.$(".er-play").textContent = "▶ play";
  }

  // --- on the map --------------------------------------------------------------------------------------------------

  paint(context, view) {
    if (!this.path) return;
    const colours = theme(this.root);
    const { projection } = this.explorer;
    const spots = this.path.map((z) => view.toPixel(...projection.project(z)));
    Object.assign(context, { lineJoin: "round", lineCap: "round" });
    for (const [colour, width] of [
      [colours.background, 6],
      [colours.text, 2.6],
    ]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: width });
      context.beginPath();
      for (const [x, y] of spots) context.lineTo(x, y);
      context.stroke();
    }
    for (let i = EVERY; i < STEPS - 1; i += EVERY) disc(context, ...spots[i], 4, colours.text, colours.background);
    [spots[0], spots.at(-1)].forEach(([x, y], i) => {
      disc(context, x, y, 11, colours.accent, colours.background);
      Object.assign(context, {
        fillStyle: colours.background,
        font: `bold 13px ${colours.font}`,
        textAlign: "center",
        textBaseline: "middle",
      });
      context.fillText("AB"[i], x, y + 0.5);
    });
  }
}

// To begin with: of the two classes whose means lie furthest apart, the points nearest to them; −1 without images.
function apart({ arrays: { mu, labels }, count, meta: { latent_dim: k, classes } }) {
  const means = classes.map(() => new Float64Array(k));
  const counts = classes.map(() => 0);
  for (let i = 0; i < count; i++) {
    counts[labels[i]]++;
    for (let d = 0; d < k; d++) means[labels[i]][d] += mu[i * k + d];
  }
  means.forEach((mean, c) => mean.forEach((sum, d) => (mean[d] = sum / counts[c])));
  const far = (a, b) => Math.hypot(...means[a].map((v, d) => v - means[b][d]));
  const known = classes.map((_, c) => c).filter((c) => counts[c]);
  if (known.length < 2) return count > 1 ? [0, 1] : [-1, -1];
  let best = [known[0], known[1]];
  for (const a of known) for (const b of known) if (far(a, b) > far(...best)) best = [a, b];
  return best.map((c) => nearestTo(means[c]));

  function nearestTo(mean) {
    let [found, least] = [0, Infinity];
    for (let i = 0; i < count; i++) {
      let squared = 0;
      for (let d = 0; d < k; d++) squared += (mu[i * k + d] - mean[d]) ** 2;
      if (squared < least) [found, least] = [i, squared];
    }
    return found;
  }
}
