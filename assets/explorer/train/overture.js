// What training does to a latent space, in small: every posterior begins near the prior, N(0, I), and finds a place and a
// size of its own. The end is a shipped model's; the way there is interpolated.

import { Frame } from "../data/frame.js";
import { Posteriors } from "../map/posteriors.js";
import { View } from "../map/view.js";
import { drawRings } from "../map/zones.js";
import { prepareCanvas } from "../plot/chart.js";
import { theme } from "../plot/palette.js";

const LASTS = 6000; // ms
const HALF = 3.4; // what the picture shows on each side of 0, at least: the 3-σ ring, and a little
const SIZE = 5; // px of a point

export class Overture {
  // `url` is that of the model's frame, whose latent space is a plane.
  constructor(root, url) {
    this.root = root;
    root.innerHTML = `<canvas role="img" aria-label="data points with their buffer zones spread from the origin to their places on a latent map"></canvas>`;
    this.canvas = root.firstChild;
    this.canvas.addEventListener("click", () => this.play());
    new ResizeObserver(() => this.draw()).observe(root);
    this.load(url).catch(() => {}); // the page does without
  }

  async load(url) {
    const { meta, arrays, count } = await Frame.fetch(url);
    this.posteriors = new Posteriors(arrays.labels, meta.classes.length);
    this.model = { ...arrays, count };
    this.shown = Array.from({ length: 5 }, () => new Float32Array(count)); // u, v and the covariance uu, uv, vv
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.play(still ? 1 : 0);
  }

  get destroyed() {
    return !this.root.isConnected;
  }

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

  // The posteriors at a share of the way: mu and ln sigma² between those of the prior and those of the model.
  move(share) {
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
    this.posteriors.draw(context, view, points, { zones: "all", hidden: [], size: SIZE });
  }

  retheme() {
    this.draw();
  }
}
