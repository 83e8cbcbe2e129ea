// Draw: what is drawn or uploaded is encoded as the hand moves. Its posterior glides over the map; beside the pad stand
// the picture as the encoder gets it, its reconstruction, a draw z = mu + σ·ζ decoded, and what the bound says of it.

import { signed } from "../../core/format.js";
import { klPerDim, standardNormal } from "../../math/gaussian.js";
import { distortionOf } from "../../math/likelihood.js";
import { ellipse, subscript } from "../../math/projection.js";
import { Picture } from "../../plot/picture.js";
import { Pad } from "../../widgets/pad.js";
import { DrawMarks } from "./draw-marks.js";
import { NoisePlane } from "./noise-plane.js";

const MANY = 400; // draws at once
const CLOSE = 6; // σ of the posterior that are seen to every side when one looks closer

const HTML = `
<div class="er-drawing"></div>
<p class="er-hint">Draw with the pointer or a finger, or upload a picture. It is centred and scaled as the data were.</p>
<div class="er-encoded" hidden>
  <div class="er-three">
    <figure><canvas class="er-x" role="img" aria-label="x, the image as it is encoded"></canvas><figcaption>x, encoded</figcaption></figure>
    <figure><canvas class="er-at-mu" role="img" aria-label="its reconstruction, decoded at μ"></canvas><figcaption>x̂ at μ</figcaption></figure>
    <figure><canvas class="er-at-z" role="img" aria-label="decoded at the draw z"></canvas><figcaption>at z = μ + σ·ζ</figcaption></figure>
  </div>
  <dl class="er-costs" title="with −ln p(x|z) at the one draw z, as in training">
    <dt>distortion</dt><dd><b class="er-d"></b></dd>
    <dt>rate</dt><dd><b class="er-r"></b></dd>
    <dt>elbo</dt><dd><b class="er-elbo"></b></dd>
    <dd class="er-unit">nats, one draw</dd>
  </dl>
  <div class="er-noise">
    <figure><canvas class="er-zeta-plane"></canvas><figcaption>ζ ~ N(0, I)</figcaption></figure>
    <div class="er-table"><table><thead><tr><th></th><th>μ</th><th>σ</th><th>ζ</th><th>z</th></tr></thead><tbody></tbody></table></div>
  </div>
  <div class="er-row">
    <button class="er-resample" title="another ζ ~ N(0, I)">resample ζ</button>
    <button class="er-many-draws" aria-pressed="false" title="${MANY} draws at once: the ball of ζ, and what it becomes on the map">many draws</button>
    <button class="er-closer" aria-pressed="false" title="the part of the map around μ, or all of it">look closer</button>
  </div>
</div>
<p class="er-tool-message" role="status"></p>`;

export class Draw {
  constructor(explorer, root) {
    this.explorer = explorer;
    this.root = root;
    this.markers = new DrawMarks();
    this.posterior = null;
    this.many = false;
    this.closer = false;
    root.innerHTML = HTML;
    this.$ = (selector) => root.querySelector(selector);
    this.noise = new NoisePlane(this.$(".er-zeta-plane"));
    this.$(".er-resample").addEventListener("click", (event) => this.resample(event.timeStamp));
    this.$(".er-many-draws").addEventListener("click", (event) => this.showMany(!this.many, event.timeStamp));
    this.$(".er-closer").addEventListener("click", () => this.lookCloser(!this.closer));
  }

  load(frame) {
    const { image_shape: shape, latent_dim: k, rate_per_dim: rates } = frame.meta;
    this.frame = frame;
    this.k = k;
    this.encoder = null;
    this.posterior = null;
    this.closer = false;
    this.$(".er-closer").setAttribute("aria-pressed", "false");
    this.decoder = this.explorer.decoder;
    this.pictures = Object.fromEntries(
      ["x", "at-mu", "at-z"].map((name) => [name, new Picture(this.$(`.er-${name}`), shape)]),
    );
    this.dims = Array.from({ length: k }, (_, d) => d).sort((a, b) => rates[b] - rates[a]);
    this.$("tbody").innerHTML = this.dims
      .map((d) => `<tr><th>${subscript("z", d + 1)}</th>${"<td></td>".repeat(4)}</tr>`)
      .join("");
    this.cells = [...this.$("tbody").rows].map((row) => [...row.cells].slice(1));
    this.zeta = standardNormal(k);
    this.cloud = this.many ? standardNormal(MANY * k) : new Float64Array(0);
    const images = frame.count ? frame.arrays.images : null;
    if (this.pad) this.pad.fitTo(shape, images);
    else this.pad = new Pad(this.$(".er-drawing"), shape, (pixels, at) => this.take(pixels, at), images);
    this.pad.tell(performance.now());
  }

  opened() {
    this.prepareEncoder();
    this.showNoise();
  }

  closed() {
    this.encoder?.forget("drawing"); // or the lens would move once more
  }

  async prepareEncoder() {
    const { frame } = this;
    try {
      const encoder = await this.explorer.encoder();
      if (frame !== this.frame) return;
      this.encoder = encoder;
      this.say("");
      if (this.pixels) this.take(this.pixels, performance.now());
    } catch (error) {
      this.say("The encoder could not be loaded. Draw again, or reload the page.");
      console.error(error);
    }
  }

  say(message) {
    this.$(".er-tool-message").textContent = message;
  }

  // The picture is another one: encoded before the next frame is painted, the newest of however many come until then.
  take(pixels, at) {
    this.pixels = pixels;
    this.fresh = true;
    if (pixels && !this.encoder) this.prepareEncoder();
    this.explorer.schedule(at);
  }

  prepare() {
    if (!this.fresh || (this.pixels && !this.encoder)) return;
    this.fresh = false;
    this.$(".er-hint").hidden = Boolean(this.pixels);
    if (this.pixels) this.encode(this.pixels);
    else this.erase();
  }

  erase() {
    this.posterior = null;
    this.$(".er-encoded").hidden = true;
    this.encoder?.forget("drawing");
    this.marksMoved();
  }

  encode(pixels) {
    this.encoder.ask("drawing", pixels, ({ mu, logvar }, late) => {
      this.encoded({ pixels, mu: mu.slice(), logvar: logvar.slice() });
      if (late) this.explorer.schedule(performance.now());
    });
  }

  encoded(posterior) {
    if (this.closer) this.lookCloser(false);
    this.posterior = posterior;
    this.$(".er-encoded").hidden = false;
    this.pictures.x.paint(posterior.pixels);
    this.decoder.ask("mu", posterior.mu, ({ pixels }) => this.pictures["at-mu"].paint(pixels));
    this.draw();
    this.lookAt(posterior.mu);
    this.marksMoved();
  }

  // z = mu + σ·ζ, its image, and the bound at this one draw.
  draw() {
    const { posterior, zeta, cloud, k } = this;
    const { mu, logvar } = posterior;
    const moved = (e, i) => mu[i % k] + Math.exp(0.5 * logvar[i % k]) * e;
    posterior.z = zeta.map(moved);
    posterior.cloud = cloud.map(moved);
    this.decoder.ask("draw", posterior.z, (answer) => this.decoded(posterior, answer));
    this.dims.forEach((d, row) => {
      const sigma = Math.exp(0.5 * logvar[d]);
      [mu[d], sigma, zeta[d], posterior.z[d]].forEach((v, c) => write(this.cells[row][c], v, c === 1 ? 3 : 2));
    });
  }

  decoded({ pixels: x, mu, logvar }, { pixels, raw }) {
    this.pictures["at-z"].paint(pixels);
    const distortion = distortionOf(raw, x, this.frame.meta);
    const rate = mu.reduce((sum, m, d) => sum + klPerDim(m, logvar[d]), 0);
    this.$(".er-d").textContent = signed(distortion, 1);
    this.$(".er-r").textContent = signed(rate, 2);
    this.$(".er-elbo").textContent = signed(-distortion - rate, 1);
  }

  // The lens goes where the hand has led it.
  lookAt(z) {
    const { state } = this.explorer;
    state.z.set(z);
    Object.assign(state, { pinned: true, point: -1 });
    this.explorer.setZeta("");
    this.explorer.link.save();
  }

  resample(at) {
    this.zeta = standardNormal(this.k);
    if (this.many) this.cloud = standardNormal(MANY * this.k);
    this.drawn(at);
    this.lookAt(this.posterior.z);
  }

  showMany(many, at) {
    this.many = many;
    this.$(".er-many-draws").setAttribute("aria-pressed", String(many));
    this.cloud = many ? standardNormal(MANY * this.k) : new Float64Array(0);
    this.drawn(at);
  }

  drawn(at) {
    this.draw();
    this.showNoise();
    this.marksMoved();
    this.explorer.schedule(at);
  }

  // The map shows the posterior's own room, or all of the points again.
  lookCloser(closer) {
    this.closer = closer;
    this.$(".er-closer").setAttribute("aria-pressed", String(closer));
    const { map, projection } = this.explorer;
    if (!closer) return map.setRange(map.home);
    const { mu, logvar } = this.posterior;
    const [u, v] = projection.project(mu);
    const reach = CLOSE * ellipse(projection.covariance(logvar, 0)).major;
    const [wide, high] = [map.view.width, map.view.height].map(
      (size) => (reach * size) / Math.min(map.view.width, map.view.height),
    );
    map.setRange({ x: [u - wide, u + wide], y: [v - high, v + high] });
  }

  showNoise() {
    const { plane } = this.explorer.state;
    const [i, j = null] = /^\d/.test(plane) && this.k > 1 ? plane.split(",").map(Number) : this.dims;
    this.noise.show(this.zeta, this.cloud, [i, j]);
  }

  marksMoved() {
    const { view } = this.explorer.map;
    if (view) this.place(view);
  }

  place(view) {
    this.markers.show(this.marks, view, this.explorer, this.posterior);
  }

  changed(changed) {
    if (changed.has("scale")) this.marksMoved();
    if (changed.has("plane")) this.showNoise();
  }

  retheme() {
    this.showNoise();
  }
}

// All digits are there for whoever rests the pointer on the number.
function write(cell, v, digits) {
  cell.textContent = signed(v, digits);
  cell.title = v;
}
