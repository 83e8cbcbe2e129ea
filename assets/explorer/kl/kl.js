// The page of a beta path: map, slider, charts, images and numbers of one model at the beta that the slider is at. It knows
// the frame of the path and the element of the page, and nothing of Streamlit.

/** @import { Description } from "../core/view.js" */
/** @import { PathFrame } from "./path.js" */
/** @import { Choices } from "./state.js" */

import { findAll } from "../core/dom.js";
import { Page } from "../core/page.js";
import { descriptionOf } from "../core/view.js";
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
<div class="page-main">
  <header class="kl-head">
    <p class="kl-loss" data-control="loss"></p>
    <div class="page-options">
      <button class="kl-pair" data-control="pair" title="two other images, drawn at random; a click on a point takes it for the nearer end" hidden>another pair</button>
      <div class="page-choice" data-control="view" role="radiogroup" aria-label="view"><button role="radio" data-view="map">map</button><button role="radio" data-view="why">why buffer zones</button></div>
    </div>
  </header>
  <div class="page-bar">
    <div class="er-legend" data-control="legend" role="group" aria-label="classes shown"></div>
    <div class="page-options">
      <label class="kl-colour" data-control="colour" hidden>colour <select aria-label="factor that the colours tell"></select></label>
      <button class="page-fit" data-control="fit" title="show all points again (double click on the map)" hidden>fit</button>
      <button data-switch="fixed" data-control="fixed" title="the same scale at every beta">fixed scale</button>
      <div class="page-choice" data-control="zones" role="radiogroup" aria-label="buffer zones"><span>zones</span><button role="radio" data-zones="all">all</button><button role="radio" data-zones="pointer">nearest</button><button role="radio" data-zones="none">none</button></div>
      <button data-switch="manifold" data-control="plane" title="the plane decoded at this beta, beneath the points">decoded plane</button>
      <button data-switch="forces" data-control="forces" title="how distortion and rate pull at each posterior" hidden>forces</button>
    </div>
  </div>
  <div class="page-stage" data-control="map"><div class="page-maps"></div><div class="kl-why" hidden></div><p class="kl-which" role="status"></p><div class="er-message kl-message" role="status">Loading the path …</div></div>
  <div class="kl-slider"></div>
</div>
<aside class="kl-side">
  <section class="kl-top">
    <div class="kl-lens" data-control="lens" role="group" aria-label="lens"></div>
    <div><dl class="kl-facts" data-control="numbers"></dl><div class="kl-nearest" data-control="nearest" role="group" aria-label="nearest data point"></div></div>
  </section>
  <div class="kl-images" data-control="images" role="img" aria-label="eight images, their reconstructions, eight draws from the prior"></div>
  <section class="kl-pull" data-control="pull" aria-label="forces on one point" hidden></section>
  <canvas class="kl-tradeoff" data-control="tradeoff" role="img" aria-label="distortion over rate along the path"></canvas>
  <canvas class="kl-dimensions" data-control="dimensions" role="img" aria-label="rate of every latent dimension, and the widths of its posteriors"></canvas>
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
    this.slider = new BetaSlider(this.$(".kl-slider"), {
      move: (position, at) => this.view?.moveTo(position, at),
      play: () => this.wake(),
      speed: (speed) => this.view?.state.set({ speed }),
    });
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
        () => this.wake(),
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
    this.motion?.abort();
    const hash = this.link.begin();
    const before = this.view?.state;
    const choices =
      hash === null && before ? applicable(before, path) : new PathState(path).read(descriptionOf(hash ?? ""));
    const state = new PathState(path, choices);
    this.say("");
    this.view?.destroy();
    delete this.root.dataset.complete;
    const view = new PathView(this, path, state);
    this.view = view;
    view.start();
    this.root.dataset.ready = path.frame.meta.name;
    performance.mark("elbo-room:interactive");
    return view;
  }

  describe() {
    return this.view?.state.describe() ?? {};
  }

  /** @param {Description} state */
  go(state) {
    return this.view?.go(state) ?? null;
  }

  isBusy() {
    return this.url !== null && (!this.view || this.view.isBusy);
  }

  isPlaying() {
    return this.slider.playing !== null;
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
 * What stays chosen when another path is opened: all that can be chosen there, too.
 * @param {PathState} before
 * @param {Path} path
 * @returns {Partial<Choices>}
 */
function applicable({ view, zones, manifold, forces, fixed, hidden, speed }, path) {
  return {
    view,
    zones,
    manifold,
    forces: forces && path.forces !== null,
    fixed,
    hidden: hidden.filter((c) => c < path.classes.length),
    speed,
  };
}
