// Draw: an image that is drawn or uploaded is encoded while the pointer moves. The map shows its posterior; beside the pad
// are the image as the encoder gets it, its reconstruction, a decoded draw z = μ + σ·ζ, and distortion, rate and elbo.

import { find } from "../../core/dom.js";
import { signed } from "../../core/format.js";
import { Random } from "../../core/random.js";
import { klPerDim } from "../../math/gaussian.js";
import { distortionOf } from "../../math/likelihood.js";
import { ellipse, subscript } from "../../math/projection.js";
import { Picture } from "../../plot/picture.js";
import { Pad } from "../../widgets/pad.js";
import { strokesOfText, textOfStrokes } from "../../widgets/strokes.js";
import { LARGEST_SEED } from "../fields.js";
import { DrawMarks } from "./draw-marks.js";
import { NoisePlane } from "./noise-plane.js";

/** @import { MapFrame } from "../../data/frame.js" */
/** @import { View } from "../../map/view.js" */
/** @import { InferenceClient } from "../../network/inference-client.js" */
/** @import { ToolHost } from "../tool-host.js" */
/** @import { Drawn } from "./draw-marks.js" */
/** @import { Tool } from "./tool.js" */

/**
 * What this tool uses of its host.
 * @typedef {Pick<ToolHost, "decoder" | "encoder" | "map" | "projection" | "schedule" | "state">} DrawHost
 */

/**
 * An image and its posterior.
 * @typedef {{ pixels: Float32Array, mu: Float32Array, logvar: Float32Array }} EncodedImage
 */

const MANY = 400; // draws at once
const CLOSE = 6; // σ of the posterior from its mean to the edges of the map after "look closer"

const HTML = `
<div class="er-drawing" data-control="pad"></div>
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
    <button class="er-resample" data-control="resample" title="another ζ ~ N(0, I)">resample ζ</button>
    <button class="er-many-draws" data-control="many-draws" aria-pressed="false" title="${MANY} draws at once: the ball of ζ, and what it becomes on the map">many draws</button>
    <button class="er-closer" data-control="closer" aria-pressed="false" title="the part of the map around μ, or all of it">look closer</button>
  </div>
</div>
<p class="er-tool-message" role="status"></p>`;

/** @implements {Tool} */
export class Draw {
  /**
   * @param {DrawHost} host
   * @param {HTMLElement} root
   */
  constructor(host, root) {
    this.host = host;
    this.root = root;
    this.markers = new DrawMarks();
    /** @type {(EncodedImage & Drawn) | null} of the image on the pad */
    this.posterior = null;
    /** @type {Float32Array | null} the image on the pad */
    this.pixels = null;
    this.isFresh = false; // `pixels` changed and were not encoded yet
    this.leads = false; // the lens moves to the image on the pad once that is encoded
    this.isPutting = false; // the drawing of the state is being put on the pad
    this.isLoading = false; // the encoder is on its way
    this.k = 0;
    /** @type {number[]} the dimensions, those of the largest rate first */
    this.dims = [];
    /** @type {HTMLTableCellElement[][]} of the table: a row for each of `dims` */
    this.cells = [];
    this.zeta = new Float64Array(0);
    this.cloud = new Float64Array(0); // the noise of many draws, one after the other
    /** @type {InferenceClient<"encode"> | null} null until it is loaded */
    this.encoder = null;
    /** @type {Pad | null} */
    this.pad = null;
    // The casts: these are set before any other method runs, `marks` by explore/tools.js and the others by `load`.
    /** @type {SVGElement} */
    this.marks = /** @type {never} */ (null);
    /** @type {MapFrame} */
    this.frame = /** @type {never} */ (null);
    /** @type {InferenceClient<"decode">} */
    this.decoder = /** @type {never} */ (null);
    /** @type {{ x: Picture, atMu: Picture, atZ: Picture }} */
    this.pictures = /** @type {never} */ (null);
    root.innerHTML = HTML;
    this.noise = new NoisePlane(find(root, ".er-zeta-plane", HTMLCanvasElement));
    this.manyButton = find(root, ".er-many-draws");
    this.closerButton = find(root, ".er-closer");
    find(root, ".er-resample").addEventListener("click", (event) => this.resample(event.timeStamp));
    this.manyButton.addEventListener("click", (event) =>
      this.host.state.set({ many: !this.host.state.many }, event.timeStamp),
    );
    this.closerButton.addEventListener("click", () => this.lookCloser(!this.host.state.closer));
  }

  /** @param {MapFrame} frame */
  load(frame) {
    const { image_shape: shape, latent_dim: k, rate_per_dim: rates } = frame.meta;
    const { decoder } = this.host;
    if (!decoder) throw new Error("Drawings need a decoder.");
    this.frame = frame;
    this.k = k;
    this.encoder = null;
    this.posterior = null;
    this.decoder = decoder;
    /** @param {string} name */
    const picture = (name) => new Picture(find(this.root, `.er-${name}`, HTMLCanvasElement), shape);
    this.pictures = { x: picture("x"), atMu: picture("at-mu"), atZ: picture("at-z") };
    this.dims = Array.from({ length: k }, (_, d) => d).sort((a, b) => rates[b] - rates[a]);
    const table = find(this.root, "tbody", HTMLTableSectionElement);
    table.innerHTML = this.dims
      .map((d) => `<tr><th>${subscript("z", d + 1)}</th>${"<td></td>".repeat(4)}</tr>`)
      .join("");
    this.cells = [...table.rows].map((row) => [...row.cells].slice(1));
    const images = frame.count ? frame.arrays.images : null;
    if (this.pad) this.pad.fitTo(shape, images);
    else this.pad = new Pad(find(this.root, ".er-drawing"), shape, (pixels, at) => this.take(pixels, at), images);
    this.drawNoise();
  }

  opened() {
    this.drawNoise();
    this.showButtons();
    this.putDrawing(true);
    this.prepareEncoder();
    this.showNoise();
  }

  isBusy() {
    return this.isLoading || (this.isFresh && (!this.pixels || this.encoder !== null));
  }

  /** ζ of one draw and of many depend on the seed alone. */
  drawNoise() {
    const { noise, many } = this.host.state;
    const random = new Random(noise);
    this.zeta = random.normals(this.k);
    this.cloud = random.normals(many ? MANY * this.k : 0);
  }

  showButtons() {
    const { many, closer } = this.host.state;
    this.manyButton.setAttribute("aria-pressed", String(many));
    this.closerButton.setAttribute("aria-pressed", String(closer));
  }

  /**
   * Puts the state's drawing on the pad, unless it is there; the lens stays where it is.
   * @param {boolean} [always] also where it is there, because the encoder may be another one
   */
  putDrawing(always = false) {
    const { pad } = this;
    const { drawing, ink } = this.host.state;
    if (!pad) return;
    const isThere = drawing === textOfStrokes(pad.strokes) && (pad.picture || ink === pad.ink.value.slice(1));
    if (isThere && !always) return;
    this.isPutting = true;
    if (isThere) pad.tell(performance.now());
    else pad.put(strokesOfText(drawing) ?? [], `#${ink}`);
    this.isPutting = false;
  }

  closed() {
    this.encoder?.forget("drawing"); // its answer would move the lens
  }

  async prepareEncoder() {
    const { frame } = this;
    this.isLoading = true;
    try {
      const encoder = await this.host.encoder();
      if (frame !== this.frame) return;
      this.encoder = encoder;
      this.say("");
      if (this.isFresh) this.host.schedule(performance.now());
    } catch (error) {
      this.say("The encoder could not be loaded. Draw again, or reload the page.");
      console.error(error);
    } finally {
      if (frame === this.frame) this.isLoading = false;
    }
  }

  /** @param {string} message */
  say(message) {
    find(this.root, ".er-tool-message").textContent = message;
  }

  /**
   * The image on the pad changed. It is encoded in `prepare`, so once a frame however often it changes.
   * @param {Float32Array | null} pixels null for an empty pad
   * @param {number} at
   */
  take(pixels, at) {
    this.pixels = pixels;
    this.isFresh = true;
    this.leads = !this.isPutting;
    if (pixels && !this.encoder && !this.isLoading) this.prepareEncoder();
    if (this.leads && this.pad) {
      const { strokes, ink } = this.pad;
      this.host.state.set({ drawing: textOfStrokes(strokes), ink: ink.value.slice(1) }, at);
    }
    this.host.schedule(at);
  }

  prepare() {
    const { pixels, encoder } = this;
    if (!this.isFresh || (pixels && !encoder)) return;
    this.isFresh = false;
    find(this.root, ".er-hint").hidden = Boolean(pixels);
    if (pixels && encoder) this.encode(encoder, pixels, this.leads);
    else this.erase();
  }

  erase() {
    this.posterior = null;
    find(this.root, ".er-encoded").hidden = true;
    this.encoder?.forget("drawing");
    this.marksMoved();
  }

  /**
   * @param {InferenceClient<"encode">} encoder
   * @param {Float32Array} pixels
   * @param {boolean} leads whether the lens moves to the image
   */
  encode(encoder, pixels, leads) {
    encoder.ask("drawing", pixels, ({ mu, logvar }, late) => {
      this.encoded({ pixels, mu: mu.slice(), logvar: logvar.slice() }, leads);
      if (late) this.host.schedule(performance.now());
    });
  }

  /**
   * @param {EncodedImage} encoded
   * @param {boolean} leads
   */
  encoded(encoded, leads) {
    if (leads && this.host.state.closer) this.lookCloser(false);
    const posterior = { ...encoded, z: new Float64Array(0), cloud: new Float64Array(0) };
    this.posterior = posterior;
    find(this.root, ".er-encoded").hidden = false;
    this.pictures.x.paint(posterior.pixels);
    this.decoder.ask("mu", posterior.mu, ({ pixels }) => this.pictures.atMu.paint(pixels));
    this.draw(posterior);
    if (leads) this.lookAt(posterior.mu);
    this.marksMoved();
  }

  /**
   * Draws z = μ + σ·ζ anew: its image, its numbers, and distortion, rate and elbo at this one draw.
   * @param {EncodedImage & Drawn} posterior
   */
  draw(posterior) {
    const { zeta, cloud, k } = this;
    const { mu, logvar } = posterior;
    /**
     * @param {number} e
     * @param {number} i
     */
    const moved = (e, i) => mu[i % k] + Math.exp(0.5 * logvar[i % k]) * e;
    posterior.z = zeta.map(moved);
    posterior.cloud = cloud.map(moved);
    this.decoder.ask("draw", posterior.z, ({ pixels, raw }) => this.decoded(posterior, pixels, raw));
    this.dims.forEach((d, row) => {
      const sigma = Math.exp(0.5 * logvar[d]);
      [mu[d], sigma, zeta[d], posterior.z[d]].forEach((v, c) => {
        write(this.cells[row][c], v, c === 1 ? 3 : 2);
      });
    });
  }

  /**
   * @param {EncodedImage} encoded
   * @param {Float32Array} pixels the image decoded at the draw
   * @param {Float32Array} raw what the likelihood takes: logits or means
   */
  decoded({ pixels: x, mu, logvar }, pixels, raw) {
    this.pictures.atZ.paint(pixels);
    const distortion = distortionOf(raw, x, this.frame.meta);
    const rate = mu.reduce((sum, m, d) => sum + klPerDim(m, logvar[d]), 0);
    find(this.root, ".er-d").textContent = signed(distortion, 1);
    find(this.root, ".er-r").textContent = signed(rate, 2);
    find(this.root, ".er-elbo").textContent = signed(-distortion - rate, 1);
  }

  /**
   * Moves the lens to z.
   * @param {Float64Array | Float32Array} z
   */
  lookAt(z) {
    this.host.state.set({ z: Float64Array.from(z), pinned: true });
  }

  /** @param {number} at */
  resample(at) {
    const { state } = this.host;
    state.set({ noise: (state.noise + 1) % (LARGEST_SEED + 1) }, at);
    if (this.posterior) this.lookAt(this.posterior.z);
  }

  /**
   * The noise changed.
   * @param {number} at
   */
  drawn(at) {
    if (this.posterior) this.draw(this.posterior);
    this.showNoise();
    this.marksMoved();
    this.host.schedule(at);
  }

  /**
   * Shows the part of the map around the posterior, or all of the points again.
   * @param {boolean} closer
   */
  lookCloser(closer) {
    this.host.state.set({ closer });
    const { map, projection } = this.host;
    if (!closer || !this.posterior) return map.setRange(map.home);
    const { mu, logvar } = this.posterior;
    const [u, v] = projection.project(mu);
    const reach = CLOSE * ellipse(projection.covariance(logvar, 0)).major;
    const [wide, high] = [map.view.width, map.view.height].map(
      (size) => (reach * size) / Math.min(map.view.width, map.view.height),
    );
    map.setRange({ x: [u - wide, u + wide], y: [v - high, v + high] });
  }

  showNoise() {
    const { plane } = this.host.state;
    const [i, j = null] = /^\d/.test(plane) && this.k > 1 ? plane.split(",").map(Number) : this.dims;
    this.noise.show(this.zeta, this.cloud, [i, j]);
  }

  marksMoved() {
    const { view } = this.host.map;
    if (view) this.place(view);
  }

  /** @param {View} view */
  place(view) {
    this.markers.show(this.marks, view, this.host, this.posterior);
  }

  /** @param {Set<string>} changed */
  changed(changed) {
    if (changed.has("scale")) this.marksMoved();
    if (changed.has("plane")) this.showNoise();
    if (changed.has("drawing") || changed.has("ink")) this.putDrawing();
    if (changed.has("closer") || changed.has("many")) this.showButtons();
    if (!changed.has("noise") && !changed.has("many")) return;
    this.drawNoise();
    this.drawn(performance.now());
  }

  retheme() {
    this.showNoise();
  }
}

/**
 * Writes a rounded number; the tooltip has all digits.
 * @param {HTMLElement} cell
 * @param {number} v
 * @param {number} digits
 */
function write(cell, v, digits) {
  cell.textContent = signed(v, digits);
  cell.title = String(v);
}
