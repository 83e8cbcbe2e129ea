// The wide slider of beta, and along it what the rate is made of at every beta, on the slider's own axis.

import { short } from "../core/format.js";
import { subscript } from "../math/projection.js";
import { line, prepareCanvas } from "../plot/chart.js";
import { faded, theme } from "../plot/palette.js";
import { Scores } from "./scores.js";

const INSET = 13; // px from the slider's end to the middle of its thumb there
const ROOM = 0.09; // share of the slider that a name beneath it takes
const SPEEDS = [0.5, 1, 2]; // stops a second are twice this

// The parts of the rate as they are stacked: key, name, opacity of the accent colour.
const SURGERY = [
  ["index_code_mi", "index–code mutual information", 0.85],
  ["total_correlation", "total correlation", 0.5],
  ["dimension_wise_kl", "dimension-wise KL", 0.22],
];

const HTML = `
  <div class="kl-band kl-scores" hidden></div>
  <p class="kl-key"></p>
  <div class="kl-band kl-parts"><canvas role="img" aria-label="what the rate is made of, along beta"></canvas><i class="kl-now"></i></div>
  <div class="kl-turn">
    <button class="kl-play" title="there and back again (space)"></button>
    <div class="kl-track"><input type="range" min="0" max="1" step="any" aria-label="beta"><div class="kl-marks"></div></div>
    <button class="kl-speed" title="how fast it plays"></button>
  </div>`;

const PLAY = '<svg viewBox="0 0 16 16"><path d="M3 1.5v13l11-6.5z"/></svg>';
const PAUSE = '<svg viewBox="0 0 16 16"><path d="M3 2h4v12H3zM9 2h4v12H9z"/></svg>';

export class BetaSlider {
  // `turn(position, startedAt)` is called for every move.
  constructor(root, turn) {
    this.root = root;
    this.turn = turn;
    this.speed = 1;
    this.playing = null;
    root.innerHTML = HTML;
    this.$ = (selector) => root.querySelector(selector);
    this.input = this.$("input");
    this.band = this.$(".kl-parts canvas");
    this.scores = new Scores(this.$(".kl-scores"), across);
    this.input.addEventListener("input", (event) => this.moved(event));
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.$(".kl-play").addEventListener("click", () => this.play(!this.playing));
    this.$(".kl-speed").addEventListener("click", () =>
      this.setSpeed(SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length]),
    );
    this.$(".kl-marks").addEventListener("click", ({ target, timeStamp }) => {
      const mark = target.closest("button");
      if (mark) this.take(Number(mark.dataset.at), timeStamp);
    });
    this.setSpeed(1);
    this.play(false);
  }

  load(path) {
    this.path = path;
    this.scores.load(path);
    this.$(".kl-marks").replaceChildren(...this.ticks(), ...this.thresholds(), ...this.marks());
    this.draw();
  }

  ticks() {
    return this.path.positions.map((at) => placed(document.createElement("i"), at));
  }

  // Where dimensions die by the closed form, which a linear VAE has.
  thresholds() {
    const { path } = this;
    return (path.linear?.thresholds ?? []).map((beta, d) => {
      const title = `${subscript("z", d + 1)} dies at β = λ/σₚ² = ${short(beta)}, by the closed form`;
      return placed(
        Object.assign(document.createElement("i"), { className: "kl-threshold", title }),
        path.positionOf(beta),
      );
    });
  }

  // The ends and the middle of the story, and where dimensions die.
  marks() {
    const { path } = this;
    const named = [
      [path.positions[0], path.betas[0] === 0 ? "<b>0</b><span> autoencoder</span>" : `<b>${short(path.betas[0])}</b>`],
    ];
    if (path.low < 1 && path.betas.at(-1) > 1) named.push([path.positionOf(1), "<b>1</b><span> ELBO</span>"]);
    if (path.collapse !== null)
      named.push([
        path.collapse,
        `<b>≈ ${short(Number(path.betaAt(path.collapse).toPrecision(2)))}</b><span> collapse</span>`,
        "kl-collapse",
      ]);
    for (const beta of [0.1, 10, path.betas.at(-1)]) {
      const at = path.positionOf(beta);
      const free = named.every(([other]) => Math.abs(other - at) > ROOM);
      if (beta > path.low && beta <= path.betas.at(-1) && free) named.push([at, `<b>${short(beta)}</b>`, "kl-minor"]);
    }
    return named.map(([at, html, kind = ""]) => {
      const button = placed(document.createElement("button"), at);
      Object.assign(button, { type: "button", tabIndex: -1, innerHTML: html, className: kind });
      button.dataset.at = at;
      return button;
    });
  }

  moved({ timeStamp }) {
    this.play(false);
    this.turn(this.path.caught(Number(this.input.value)), timeStamp);
  }

  // Arrow keys go from stop to stop.
  key(event) {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.step(step, event.timeStamp);
  }

  step(step, at) {
    this.take(this.path.neighbour(this.position, step), at);
  }

  take(position, at) {
    this.play(false);
    this.turn(position, at);
  }

  // The slider stands here now.
  show(position) {
    this.position = position;
    this.scores.show(position);
    const beta = this.path.betaAt(position);
    if (Number(this.input.value) !== position) this.input.value = position;
    this.root.style.setProperty("--at", position);
    this.input.setAttribute("aria-valuetext", `beta ${short(Number(beta.toPrecision(3)))}`);
  }

  // --- playing -----------------------------------------------------------------------------------------------------------

  play(on) {
    if (on && !this.playing) this.playing = { direction: this.position > 0.999 ? -1 : 1, at: null };
    if (!on) this.playing = null;
    const button = this.$(".kl-play");
    button.innerHTML = on ? PAUSE : PLAY;
    button.setAttribute("aria-label", on ? "pause" : "play");
    button.setAttribute("aria-pressed", String(Boolean(on)));
    if (on) this.onPlay?.();
  }

  setSpeed(speed) {
    this.speed = speed;
    this.$(".kl-speed").textContent = `${speed}×`;
    this.$(".kl-speed").setAttribute("aria-label", `speed ${speed}`);
  }

  // One frame of the display later; false where nothing plays.
  advance(now) {
    if (!this.playing) return false;
    const { playing, path } = this;
    const dt = Math.min(100, now - (playing.at ?? now));
    playing.at = now;
    let position = this.position + (playing.direction * this.speed * 2 * dt) / 1000 / (path.stops - 1);
    if (position >= 1 || position <= 0) {
      playing.direction *= -1;
      position = Math.min(1, Math.max(0, position));
    }
    this.turn(position, now);
    return true;
  }

  // --- the band ------------------------------------------------------------------------------------------------------------

  draw() {
    if (!this.path) return;
    this.scores.draw();
    const { context, width, height } = prepareCanvas(this.band);
    if (width < 100) return;
    const colours = theme(this.band);
    const { path } = this;
    const parts = this.parts();
    const most = Math.max(
      ...path.up.map((_, s) => parts.reduce((sum, { values }) => sum + Math.max(0, values[s]), 0)),
      0.1,
    );
    const x = (at) => across(at, width);
    const y = (value) => height - 1 - (value / most) * (height - 4);
    const floor = new Float64Array(path.stops);
    for (const { values, colour } of parts) {
      context.beginPath();
      path.positions.forEach((at, s) => context.lineTo(x(at), y(floor[s] + Math.max(0, values[s]))));
      [...path.positions.keys()].reverse().forEach((s) => context.lineTo(x(path.positions[s]), y(floor[s])));
      context.fillStyle = colour(colours);
      context.fill();
      values.forEach((value, s) => (floor[s] += Math.max(0, value)));
    }
    context.strokeStyle = faded(colours.text, 0.25);
    context.lineWidth = 1;
    line(context, x(0), height - 0.5, x(1), height - 0.5);
    this.drawDeaths(context, colours, x, height);
    this.showKey(colours, parts, most);
  }

  drawDeaths(context, colours, x, height) {
    context.setLineDash([3, 3]);
    context.strokeStyle = faded(colours.text, 0.6);
    for (const at of this.path.deaths) if (at !== null) line(context, x(at), 0, x(at), height);
    context.setLineDash([]);
  }

  // The parts by name, in as many lines as they need.
  showKey(colours, parts, most) {
    const shown = JSON.stringify([most, parts.map(({ name, limit, colour }) => [name, limit, colour(colours)])]);
    if (shown === this.keyShown) return; // the band is drawn anew whenever its size changes
    this.keyShown = shown;
    const named = parts.map(({ name, limit = "", colour }) => {
      const part = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.style.background = colour(colours);
      part.append(swatch, name, Object.assign(document.createElement("small"), { textContent: limit }));
      return part;
    });
    const title = Object.assign(document.createElement("b"), {
      textContent: `rate up to ${most.toFixed(1)} nats per image =`,
    });
    this.$(".kl-key").replaceChildren(title, ...named);
    this.$(".kl-key").title = parts.map(({ name, limit = "" }) => name + limit).join(", ");
  }

  // What the rate adds up from: its three parts where the file has them, else the dimensions.
  parts() {
    const { path } = this;
    if (path.up.every(({ surgery }) => surgery && SURGERY.every(([key]) => key in surgery)))
      return SURGERY.map(([key, name, alpha]) => ({
        // a code that tells N images apart holds ln N nats, and no estimate from N images says more
        name,
        limit:
          key === "index_code_mi"
            ? ` (≤ ln ${path.count.toLocaleString("en")} = ${Math.log(path.count).toFixed(1)})`
            : "",
        values: path.up.map(({ surgery }) => surgery[key]),
        colour: ({ accent }) => faded(accent, alpha),
      }));
    const rates = path.up.map(({ rate_per_dim }) => rate_per_dim);
    const total = rates[0].map((_, d) => rates.reduce((sum, stop) => sum + stop[d], 0));
    return path.byRate(total).map((d, n) => ({
      name: subscript("z", d + 1),
      values: rates.map((stop) => stop[d]),
      colour: ({ accent }) => faded(accent, 0.8 * (1 - n / path.k) + 0.12),
    }));
  }
}

// Where on a canvas as wide as the slider a position stands.
const across = (at, width) => INSET + at * (width - 2 * INSET);

function placed(element, at) {
  element.style.setProperty("--at", at);
  return element;
}
