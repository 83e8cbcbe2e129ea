// A short animation of what training does to a latent space: every posterior begins at the prior, N(0, I), and moves to its
// own mean and variance. The last frame shows a real model; the frames before it are interpolated.

import { find } from "../core/dom.js";
import { Frame } from "../data/frame.js";
import { Posteriors } from "../map/posteriors.js";
import { View } from "../map/view.js";
import { drawRings } from "../map/zones.js";
import { prepareCanvas } from "../plot/chart.js";
import { theme } from "../plot/palette.js";

const LASTS = 6000; // ms
const HALF = 3.4; // shown on each side of 0, at least: slightly more than the 3-σ ring
const SIZE = 5; // px, diameter of a point

export class Overture {
  /**
   * @param {HTMLElement} root
   * @param {string} url of the frame of a model with two latent dimensions
   */
  constructor(root, url) {
    this.root = root;
    root.innerHTML = `<canvas role="img" aria-label="data points with their buffer zones spread from the origin to their places on a latent map"></canvas>`;
    this.canvas = find(root, "canvas", HTMLCanvasElement);
    /** @type {{ mu: Float32Array, logvar: Float32Array, count: number, posteriors: Posteriors } | null} */
    this.model = null;
    /** @type {Float32Array[]} u, v and the covariance uu, uv, vv of every posterior */
    this.shown = [];
    this.began = 0; // ms
    /** @type {number | null} */
    this.request = null;
    this.canvas.addEventListener("click", () => this.play());
    new ResizeObserver(() => this.draw()).observe(root);
    this.load(url).catch(() => {}); // the page is complete without it
  }

  /** @param {string} url */
  async load(url) {
    const { meta, arrays, count } = await Frame.fetch(url);
    const { mu, logvar, labels } = arrays;
    this.model = { mu, logvar, count, posteriors: new Posteriors(labels, meta.classes.length) };
    this.shown = Array.from({ length: 5 }, () => new Float32Array(count));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.play(still ? 1 : 0);
  }

  get destroyed() {
    return !this.root.isConnected;
  }

  /** Starts at a share of the way, from 0 to 1. */
  play(share = 0) {
    if (!this.model) return;
    this.began = performance.now() - share * LASTS;
    this.wake();
  }

  wake() {
    this.request ??= requestAnimationFrame((now) => {
      this.request = null;
      const share = Math.min(1, Math.max(0, (now - this.began) / LASTS));
      this.move(1 - (1 - share) ** 3);
      this.draw();
      if (share < 1 && !this.destroyed) this.wake();
    });
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
