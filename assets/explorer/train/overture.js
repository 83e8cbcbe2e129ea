// A short animation of what training does to a latent space: every posterior begins at the prior, N(0, I), and moves to its
// own mean and variance. The last frame shows a real model; the frames before it are interpolated.

import { ControlLocks } from "../core/control-locks.js";
import { find } from "../core/dom.js";
import { between, glide, isStill } from "../core/glide.js";
import { afterPaint } from "../core/timing.js";
import { Frame } from "../data/frame.js";
import { PosteriorCloud } from "../map/posteriors.js";
import { View } from "../map/view.js";
import { drawRings } from "../map/zones.js";
import { prepareCanvas } from "../plot/chart.js";
import { theme } from "../plot/palette.js";

/** @import { Description, View as DrivenView } from "../core/view.js" */

const LASTS = 6000; // ms
const HALF = 3.4; // shown on each side of 0, at least: slightly more than the 3-σ ring
const SIZE = 5; // px, diameter of a point

/**
 * Its one field is `t`, the share of the time, from 0 to 1, where the animation is not at its end.
 * @implements {DrivenView}
 */
export class Overture {
  /**
   * @param {HTMLElement} root
   * @param {string} url of the frame of a model with two latent dimensions
   */
  constructor(root, url) {
    this.root = root;
    root.innerHTML = `<canvas data-control="animation" role="img" aria-label="data points with their buffer zones spread from the origin to their places on a latent map"></canvas>`;
    this.canvas = find(root, "canvas", HTMLCanvasElement);
    /** @type {{ mu: Float32Array, logvar: Float32Array, count: number, posteriors: PosteriorCloud } | null} */
    this.model = null;
    /** @type {Float32Array[]} u, v and the covariance uu, uv, vv of every posterior */
    this.shown = [];
    this.t = 1; // share of the time
    this.began = 0; // ms
    this.playing = false;
    this.loading = true;
    this.autoplay = true; // once it is loaded
    /** @type {number | null} */
    this.request = null;
    /** @type {AbortController | null} of the motion to another state, while it lasts */
    this.motion = null;
    this.locks = new ControlLocks(root);
    this.canvas.addEventListener("click", () => this.play());
    new ResizeObserver(() => this.draw()).observe(root);
    this.load(url)
      .catch(() => {}) // the page is complete without it
      .finally(() => {
        this.loading = false;
      });
  }

  // --- what others may ask of a view -----------------------------------------------------------------------------------

  /** @returns {Description} */
  describe() {
    return this.t < 1 ? { t: String(this.t) } : {};
  }

  /**
   * @param {Description} state
   * @param {{ ms?: number }} [options]
   */
  async apply(state, { ms = 0 } = {}) {
    this.motion?.abort();
    const motion = new AbortController();
    this.motion = motion;
    this.playing = this.autoplay = false;
    const from = this.t;
    const to = readShare(state.t);
    await glide(ms, (share) => this.show(between(from, to, share)), motion.signal);
    if (this.motion === motion) this.motion = null;
    await this.settled();
  }

  async settled() {
    do await painted();
    while (!this.destroyed && (this.loading || this.motion));
  }

  controlNames() {
    return this.locks.all();
  }

  /** @param {string[]} names */
  lock(names) {
    this.locks.set("locked", names);
  }

  /** @param {string[]} names */
  hide(names) {
    this.locks.set("hidden", names);
  }

  /** It has no keys. */
  keys() {}

  // --- the animation ---------------------------------------------------------------------------------------------------

  /** @param {string} url */
  async load(url) {
    const { meta, arrays, count } = await Frame.fetch(url);
    const { mu, logvar, labels } = arrays;
    this.model = { mu, logvar, count, posteriors: new PosteriorCloud(labels, meta.classes.length) };
    this.shown = Array.from({ length: 5 }, () => new Float32Array(count));
    if (!this.autoplay || isStill()) this.show(this.t);
    else this.play();
  }

  get destroyed() {
    return !this.root.isConnected;
  }

  /** Plays from the beginning. */
  play() {
    if (!this.model) return;
    this.motion?.abort();
    this.playing = true;
    this.began = performance.now();
    this.wake();
  }

  wake() {
    this.request ??= requestAnimationFrame((now) => {
      this.request = null;
      if (!this.playing || this.destroyed) return;
      this.show(Math.min(1, Math.max(0, (now - this.began) / LASTS)));
      this.playing = this.t < 1;
      if (this.playing) this.wake();
    });
  }

  /**
   * Shows the animation at a share of its time.
   * @param {number} t
   */
  show(t) {
    this.t = t;
    this.move(1 - (1 - t) ** 3);
    this.draw();
  }

  /**
   * Sets the posteriors at a share of the way: mu and logvar are interpolated linearly from 0, the prior's.
   * @param {number} share
   */
  move(share) {
    if (!this.model) return;
    const { mu, logvar, count } = this.model;
    const [us, vs, uu, , vv] = this.shown;
    for (let i = 0; i < count; i++) {
      us[i] = share * mu[2 * i];
      vs[i] = share * mu[2 * i + 1];
      uu[i] = Math.exp(share * logvar[2 * i]);
      vv[i] = Math.exp(share * logvar[2 * i + 1]);
    }
  }

  draw() {
    if (!this.model) return;
    const { context, width, height } = prepareCanvas(this.canvas);
    if (!width || !height) return;
    const [across, up] = [width, height].map((pixels) => (HALF * pixels) / Math.min(width, height));
    const view = new View({ x: [-across, across], y: [-up, up] }, { left: 0, top: 0, width, height });
    drawRings(context, view, theme(this.root), false);
    const [us, vs] = this.shown;
    const points = { shown: this.shown, us, vs, count: this.model.count };
    this.model.posteriors.draw(context, view, points, { zones: "all", hidden: [], size: SIZE });
  }

  retheme() {
    this.draw();
  }
}

/**
 * A share of the time in [0, 1]; 1 for any other text.
 * @param {string | undefined} text
 */
function readShare(text) {
  const t = Number(text || NaN);
  return t >= 0 && t <= 1 ? t : 1;
}

/** Resolves once the next frame of the display has been painted. */
const painted = () => new Promise((resolve) => requestAnimationFrame(() => afterPaint(() => resolve(undefined))));
