// The page of a beta path: map, slider, charts, images and numbers of one model at the beta that the slider is at. It knows
// the frame of the path and the element of the page, and nothing of Streamlit.

/** @import { PathFrame } from "./path.js" */

import { findAll } from "../core/dom.js";
import { Page } from "../core/page.js";
import { Frame } from "../data/frame.js";
import { Dimensions } from "./dimensions.js";
import { Pull } from "./forces.js";
import { Images, PathLens } from "./images.js";
import { PathNumbers } from "./numbers.js";
import { Path } from "./path.js";
import { PathView } from "./path-view.js";
import { BetaSlider } from "./slider.js";
import { PathState } from "./state.js";
import { PathTradeoff } from "./tradeoff.js";

const HTML = `
<div class="lv-main">
  <header class="kl-head">
    <p class="kl-loss"></p>
    <div class="lv-options">
      <button class="kl-pair" title="two other images, drawn at random; a click on a point takes it for the nearer end" hidden>another pair</button>
      <div class="lv-choice" role="radiogroup" aria-label="view"><button role="radio" data-view="map">map</button><button role="radio" data-view="why">why buffer zones</button></div>
    </div>
  </header>
  <div class="lv-bar">
    <div class="er-legend" role="group" aria-label="classes shown"></div>
    <div class="lv-options">
      <label class="kl-colour" hidden>colour <select aria-label="factor that the colours tell"></select></label>
      <button class="lv-fit" title="show all points again (double click on the map)" hidden>fit</button>
      <button data-switch="fixed" title="the same scale at every beta">fixed scale</button>
      <div class="lv-choice" role="radiogroup" aria-label="buffer zones"><span>zones</span><button role="radio" data-zones="all">all</button><button role="radio" data-zones="pointer">nearest</button><button role="radio" data-zones="none">none</button></div>
      <button data-switch="manifold" title="the plane decoded at this beta, beneath the points">decoded plane</button>
      <button data-switch="forces" title="how distortion and rate pull at each posterior" hidden>forces</button>
    </div>
  </div>
  <div class="lv-stage"><div class="lv-maps"></div><div class="kl-why" hidden></div><p class="kl-which" role="status"></p><div class="er-message kl-message" role="status">Loading the path …</div></div>
  <div class="kl-slider"></div>
</div>
<aside class="kl-side">
  <section class="kl-top">
    <div class="kl-lens" role="group" aria-label="lens"></div>
    <div><dl class="kl-facts"></dl><div class="kl-nearest" role="group" aria-label="nearest data point"></div></div>
  </section>
  <div class="kl-images" role="img" aria-label="eight images, their reconstructions, eight draws from the prior"></div>
  <section class="kl-pull" aria-label="forces on one point" hidden></section>
  <canvas class="kl-tradeoff" role="img" aria-label="distortion over rate along the path"></canvas>
  <canvas class="kl-dimensions" role="img" aria-label="rate of every latent dimension, and the widths of its posteriors"></canvas>
</aside>`;

export class Kl extends Page {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root, "kl");
    root.innerHTML = HTML;
    /**
     * The view of the open path.
     * @type {PathView | null}
     */
    this.view = null;
    /** @type {string | null} */
    this.url = null;
    /** @type {AbortController | null} */
    this.fetching = null;
    this.slider = new BetaSlider(
      this.$(".kl-slider"),
      (position, at) => this.view?.turn(position, at),
      () => this.wake(),
    );
    this.numbers = new PathNumbers(this.$(".kl-loss"), this.$(".kl-facts"), this.$(".kl-which"));
    this.images = new Images(this.$(".kl-images"));
    this.lens = new PathLens(this.$(".kl-lens"), this.$(".kl-nearest"));
    this.pull = new Pull(this.$(".kl-pull"));
    this.tradeoff = new PathTradeoff(this.$(".kl-tradeoff", HTMLCanvasElement), (position) =>
      this.slider.take(position, performance.now()),
    );
    this.dimensions = new Dimensions(this.$(".kl-dimensions", HTMLCanvasElement));
    const charts = findAll(root, ".kl-tradeoff, .kl-dimensions, .kl-band canvas");
    this.watchSizes(charts, () => this.resized());
    this.fill();
  }

  /**
   * Shows the path of the frame at `url`. A later call replaces an earlier one that has not finished.
   * @param {string} url
   * @param {(stop: number) => string} decoderUrl
   */
  async load(url, decoderUrl) {
    if (url === this.url) {
      if (this.view) this.link.arrive();
      return;
    }
    this.url = url;
    this.fetching?.abort();
    try {
      /** @type {PathFrame} */
      const frame = await Frame.fetch(url);
      if (url !== this.url || this.destroyed) return;
      const path = new Path(frame, decoderUrl);
      const view = this.open(path);
      this.fetching = new AbortController();
      const { signal } = this.fetching;
      await path.fetchDecoders(
        () => view.state.position,
        () => this.decoderArrived(),
        signal,
      );
      if (!signal.aborted) this.root.dataset.complete = frame.meta.name;
    } catch (error) {
      if (url !== this.url) return;
      this.url = null;
      this.say("This path could not be loaded. Choose it again, or reload the page.");
      console.error(error);
    }
  }

  /** @param {Path} path */
  open(path) {
    const before = this.view?.state;
    const state = new PathState(path);
    const hash = this.link.begin();
    if (hash === null && before) keepChoices(before, state, path);
    else state.fromHash(hash ?? "", path);
    this.say("");
    this.view?.destroy();
    delete this.root.dataset.complete;
    const view = new PathView(this, path, state);
    this.view = view;
    view.adopt(state);
    this.root.dataset.ready = path.frame.meta.name;
    performance.mark("elbo-room:interactive");
    return view;
  }

  /**
   * Shows the open path as another link says.
   * @param {string} hash
   */
  followLink(hash) {
    if (!this.view) return;
    const { path } = this.view;
    const state = new PathState(path);
    state.fromHash(hash, path);
    this.slider.play(false);
    this.view.adopt(state);
  }

  hash() {
    return this.view?.hash() ?? "";
  }

  decoderArrived() {
    if (this.view) this.view.imagesDirty = true;
    this.wake();
  }

  /** @param {string} message */
  say(message) {
    const element = this.$(".kl-message");
    element.textContent = message;
    element.hidden = !message;
  }

  destroy() {
    super.destroy();
    this.fetching?.abort();
    this.view?.destroy();
  }

  resized() {
    this.lookDirty = true;
    this.slider.draw();
    this.tradeoff.retheme();
    this.view?.resized();
    this.wake();
  }

  /** @param {number} now */
  paint(now) {
    this.view?.paint(now);
  }

  /** The theme has changed: everything in the page's colours is drawn again. */
  retheme() {
    if (!this.view) return;
    this.view.retheme();
    this.wake();
  }
}

/**
 * Keeps what was chosen when another path is opened, as far as it applies there.
 * @param {PathState} before
 * @param {PathState} state
 * @param {Path} path
 */
function keepChoices(before, state, path) {
  state.view = before.view;
  state.zones = before.zones;
  state.manifold = before.manifold;
  state.forces = before.forces;
  state.fixed = before.fixed;
  state.hidden = before.hidden.filter((c) => c < path.classes.length);
}
