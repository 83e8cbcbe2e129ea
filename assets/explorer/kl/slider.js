// The wide slider of beta, and above it a chart of the parts of the rate at every beta, on the same axis.

/** @import { Path } from "./path.js" */

import { find } from "../core/dom.js";
import { short } from "../core/format.js";
import { subscript } from "../math/projection.js";
import { RateBand } from "./rate-band.js";
import { Scores } from "./scores.js";
import { SPEEDS } from "./state.js";

const INSET = 13; // px from the slider's end to the middle of its thumb there
const ROOM = 0.09; // share of the slider that a name beneath it takes

/** @typedef {(position: number, startedAt: number) => void} Move */

/**
 * `move` is called for every move, `play` when playing begins, `speed` when another speed is chosen.
 * @typedef {{ move: Move, play: () => void, speed: (speed: number) => void }} SliderHandlers
 */

/**
 * `at` is the time of the last animation frame, null before the first.
 * @typedef {{ direction: 1 | -1, at: number | null }} Playing
 */

const HTML = `
  <div class="kl-band kl-scores" data-control="scores" hidden></div>
  <p class="kl-key" data-control="rate-parts"></p>
  <div class="kl-band kl-parts" data-control="rate-parts"><canvas role="img" aria-label="what the rate is made of, along beta"></canvas><i class="kl-now"></i></div>
  <div class="kl-turn">
    <button class="kl-play" data-control="play" title="there and back again (space)"></button>
    <div class="kl-track" data-control="beta"><input type="range" min="0" max="1" step="any" aria-label="beta"><div class="kl-marks"></div></div>
    <button class="kl-speed" data-control="speed" title="how fast it plays"></button>
  </div>`;

const STEPS = new Map([
  ["ArrowRight", 1],
  ["ArrowUp", 1],
  ["ArrowLeft", -1],
  ["ArrowDown", -1],
]);

const PLAY = '<svg viewBox="0 0 16 16"><path d="M3 1.5v13l11-6.5z"/></svg>';
const PAUSE = '<svg viewBox="0 0 16 16"><path d="M3 2h4v12H3zM9 2h4v12H9z"/></svg>';

export class BetaSlider {
  /**
   * @param {HTMLElement} root
   * @param {SliderHandlers} on
   */
  constructor(root, on) {
    this.root = root;
    this.on = on;
    /** @type {Path | null} */
    this.path = null;
    this.position = 0;
    this.speed = 1;
    /** @type {Playing | null} */
    this.playing = null;
    root.innerHTML = HTML;
    this.input = find(root, "input", HTMLInputElement);
    this.band = new RateBand(find(root, ".kl-parts canvas", HTMLCanvasElement), find(root, ".kl-key"), across);
    this.playButton = find(root, ".kl-play");
    this.speedButton = find(root, ".kl-speed");
    this.scores = new Scores(find(root, ".kl-scores"), across);
    this.input.addEventListener("input", (event) => this.moved(event));
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.playButton.addEventListener("click", () => this.play(!this.playing));
    this.speedButton.addEventListener("click", () =>
      on.speed(SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length]),
    );
    find(root, ".kl-marks").addEventListener("click", ({ target, timeStamp }) => {
      const mark = target instanceof Element ? target.closest("button") : null;
      if (mark) this.take(Number(mark.dataset.at), timeStamp);
    });
    this.setSpeed(1);
    this.play(false);
  }

  /** @param {Path} path */
  load(path) {
    this.path = path;
    this.scores.load(path);
    const ticks = path.positions.map((at) => placed(document.createElement("i"), at));
    find(this.root, ".kl-marks").replaceChildren(...ticks, ...this.thresholds(path), ...this.marks(path));
    this.band.show(path);
  }

  /**
   * Marks where dimensions collapse by the closed form, which a linear VAE has.
   * @param {Path} path
   */
  thresholds(path) {
    return (path.linear?.thresholds ?? []).map((beta, d) => {
      const title = `${subscript("z", d + 1)} dies at β = λ/σₚ² = ${short(beta)}, by the closed form`;
      return placed(
        Object.assign(document.createElement("i"), { className: "kl-threshold", title }),
        path.positionOf(beta),
      );
    });
  }

  /**
   * Marks at the smallest and the largest beta, at beta 1, at the collapse, and at round numbers where there is room.
   * @param {Path} path
   */
  marks(path) {
    /** @type {{ at: number, html: string, kind: string }[]} */
    const named = [];
    const [first, last] = [path.betas[0], path.high];
    const html = first === 0 ? "<b>0</b><span> autoencoder</span>" : `<b>${short(first)}</b>`;
    named.push({ at: path.positions[0], html, kind: "" });
    if (path.low < 1 && last > 1) named.push({ at: path.positionOf(1), html: "<b>1</b><span> ELBO</span>", kind: "" });
    if (path.collapse !== null)
      named.push({
        at: path.collapse,
        html: `<b>≈ ${short(Number(path.betaAt(path.collapse).toPrecision(2)))}</b><span> collapse</span>`,
        kind: "kl-collapse",
      });
    for (const beta of [0.1, 10, last]) {
      const at = path.positionOf(beta);
      const free = named.every((other) => Math.abs(other.at - at) > ROOM);
      if (beta > path.low && beta <= last && free) named.push({ at, html: `<b>${short(beta)}</b>`, kind: "kl-minor" });
    }
    return named.map(({ at, html, kind }) => {
      const button = placed(document.createElement("button"), at);
      Object.assign(button, { type: "button", tabIndex: -1, innerHTML: html, className: kind });
      button.dataset.at = String(at);
      return button;
    });
  }

  /** @param {Event} event */
  moved({ timeStamp }) {
    if (this.input.closest("[inert]")) return this.show(this.position); // locked while it is dragged
    this.play(false);
    if (this.path) this.on.move(this.path.snap(Number(this.input.value)), timeStamp);
  }

  /**
   * Arrow keys move from stop to stop.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const step = STEPS.get(event.key);
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.step(step, event.timeStamp);
  }

  /**
   * @param {number} step 1: to the next stop; −1: to the stop before
   * @param {number} at
   */
  step(step, at) {
    if (this.path) this.take(this.path.neighbour(this.position, step), at);
  }

  /** @type {Move} */
  take(position, at) {
    this.play(false);
    this.on.move(position, at);
  }

  /**
   * Moves the thumb to a position.
   * @param {number} position
   */
  show(position) {
    if (!this.path) return;
    this.position = position;
    this.scores.show(position);
    const beta = this.path.betaAt(position);
    if (Number(this.input.value) !== position) this.input.value = String(position);
    this.root.style.setProperty("--at", String(position));
    this.input.setAttribute("aria-valuetext", `beta ${short(Number(beta.toPrecision(3)))}`);
  }

  // --- playing -----------------------------------------------------------------------------------------------------------

  /** @param {boolean} on */
  play(on) {
    if (on && !this.playing) this.playing = { direction: this.position > 0.999 ? -1 : 1, at: null };
    if (!on) this.playing = null;
    const button = this.playButton;
    button.innerHTML = on ? PAUSE : PLAY;
    button.setAttribute("aria-label", on ? "pause" : "play");
    button.setAttribute("aria-pressed", String(on));
    if (on) this.on.play();
  }

  /** @param {number} speed */
  setSpeed(speed) {
    this.speed = speed;
    this.speedButton.textContent = `${speed}×`;
    this.speedButton.setAttribute("aria-label", `speed ${speed}`);
  }

  /**
   * Moves on in an animation frame; false where nothing plays.
   * @param {number} now
   */
  advance(now) {
    const { playing, path } = this;
    if (!playing || !path) return false;
    const dt = Math.min(100, now - (playing.at ?? now));
    playing.at = now;
    let position = this.position + (playing.direction * this.speed * 2 * dt) / 1000 / (path.stops - 1);
    if (position >= 1 || position <= 0) {
      playing.direction = playing.direction === 1 ? -1 : 1;
      position = Math.min(1, Math.max(0, position));
    }
    this.on.move(position, now);
    return true;
  }

  /** Draws the charts above the slider again, at the size that they have now. */
  draw() {
    this.scores.chart.draw();
    this.band.draw();
  }

  retheme() {
    this.scores.chart.retheme();
    this.band.retheme();
  }
}

/**
 * Pixel of a position on a canvas as wide as the slider.
 * @param {number} at
 * @param {number} width
 */
const across = (at, width) => INSET + at * (width - 2 * INSET);

/**
 * @template {HTMLElement} T
 * @param {T} element
 * @param {number} at
 */
function placed(element, at) {
  element.style.setProperty("--at", String(at));
  return element;
}
