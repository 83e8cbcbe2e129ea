// The page of a beta path: map, slider, charts, images and numbers of one model at whatever beta the slider stands.
// Knows the path's frame and the page's element, nothing of Streamlit.

import { Page } from "../core/page.js";
import { afterPaint, measure } from "../core/timing.js";
import { Frame } from "../data/frame.js";
import { Camera } from "../map/camera.js";
import { theme } from "../plot/palette.js";
import { Legend } from "../widgets/legend.js";
import { Dimensions } from "./dimensions.js";
import { Forces, Pull } from "./forces.js";
import { Images, PathLens } from "./images.js";
import { PathMap } from "./map.js";
import { Model } from "./model.js";
import { PathNumbers } from "./numbers.js";
import { Path } from "./path.js";
import { BetaSlider } from "./slider.js";
import { PathState } from "./state.js";
import { PathTradeoff } from "./tradeoff.js";
import { anotherPair, Why } from "./why.js";

const SNAP = 9; // px within which a click takes the data point itself
const LATE = 28; // ms from frame to frame
const SLICES = { usual: 6, late: 3 }; // ms
const SLOW = 60; // ms between two drawings of the dimensions

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
  constructor(root) {
    super(root, "kl");
    root.innerHTML = HTML;
    this.slider = new BetaSlider(this.$(".kl-slider"), (position, at) => this.turn(position, at));
    this.slider.onPlay = () => this.wake();
    this.numbers = new PathNumbers(this.$(".kl-loss"), this.$(".kl-facts"), this.$(".kl-which"));
    this.images = new Images(this.$(".kl-images"));
    this.lens = new PathLens(this.$(".kl-lens"), this.$(".kl-nearest"));
    this.pull = new Pull(this.$(".kl-pull"));
    this.tradeoff = new PathTradeoff(this.$(".kl-tradeoff"), (position) =>
      this.slider.take(position, performance.now()),
    );
    this.dimensions = new Dimensions(this.$(".kl-dimensions"));
    this.watchSizes(root.querySelectorAll(".kl-tradeoff, .kl-dimensions, .kl-band canvas"), () => this.resized());
    this.fill();
  }

  // Shows the path of the frame at `url`. A later call wins over an earlier one that is still on its way.
  async load(url, decoderUrl) {
    if (url === this.url) return this.path && this.link.arrive();
    this.url = url;
    this.fetching?.abort();
    try {
      const frame = await Frame.fetch(url);
      if (url !== this.url || this.destroyed) return;
      this.open(new Path(frame, decoderUrl));
      this.fetching = new AbortController();
      const { signal } = this.fetching;
      await this.path.fetchDecoders(
        () => this.state.position,
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

  open(path) {
    const before = this.state;
    this.path = path;
    const state = new PathState(path);
    const hash = this.link.begin();
    if (hash === null && before) keepChoices(before, state, path);
    else state.fromHash(hash ?? "", path);
    this.say("");
    this.build();
    this.adopt(state);
    this.root.dataset.ready = path.frame.meta.name;
    performance.mark("elbo-room:interactive");
  }

  // Everything that is made for one path.
  build() {
    const { path } = this;
    this.listener?.abort();
    this.letGo();
    delete this.root.dataset.complete;
    this.model = new Model(path);
    const hands = {
      hover: (pane, x, y, at, finger) => this.hover(pane, x, y, at, finger),
      click: (pane, x, y, at, still) => this.click(pane, x, y, at, still),
      move: (pane, ...args) => this.look(() => pane.camera.take(...args)),
      release: () => this.release(),
      resized: () => this.resized(),
      refine: () => this.wake(),
    };
    const element = document.createElement("div");
    this.$(".lv-maps").replaceChildren(element);
    this.pane = new PathMap(element, new Camera(), {}, { ...hands, decoded: () => [this.$(".kl-decoded")] });
    this.why = new Why(this.$(".kl-why"), hands);
    this.forces = path.forces && new Forces(path, this.model);
    this.$('[data-switch="forces"]').hidden = !this.forces;
    this.$('[data-switch="manifold"]').hidden = path.k < 2;
    this.$(".kl-colour").hidden = path.kinds.names.length < 2;
    this.$(".kl-colour select").replaceChildren(...path.kinds.names.map((name, i) => new Option(name, i)));
    this.images.load(path);
    this.lens.load(path);
    this.slider.load(path);
    this.tradeoff.load(path);
    this.listen();
  }

  // Shows the open path as `state` says.
  adopt(state) {
    const { path } = this;
    if (!this.forces) state.forces = false;
    this.state = state;
    this.allPanes.forEach((pane, i) => {
      pane.state = state;
      pane.camera.begin(state.looks[i] ?? null);
    });
    this.legend = new Legend(this.$(".er-legend"), state);
    this.legend.load(path.classes, path.ordered);
    this.$(".kl-colour select").value = path.colour;
    state.subscribe((changed, at) => this.changed(changed, at));
    this.why.load(path, () => this.colours);
    this.pane.show(path, this.model);
    this.pane.decorate = (context, view) => state.forces && this.forces.draw(context, view, state);
    this.retheme();
    this.changed(new Set(["position", "view", "zones", "hidden", "pinned"]), performance.now());
  }

  // The colours tell another factor; nothing is hidden any more.
  colourBy(factor) {
    this.path.colourBy(factor);
    this.adopt(Object.assign(this.state, { hidden: [], looks: this.looks, listeners: [] }));
  }

  // Shows the open path as another link says.
  followLink(hash) {
    if (!this.path) return;
    const state = new PathState(this.path);
    state.fromHash(hash, this.path);
    this.slider.play(false);
    this.adopt(state);
  }

  decoderArrived() {
    this.imagesDirty = true;
    this.wake();
  }

  say(message) {
    this.$(".kl-message").textContent = message;
    this.$(".kl-message").hidden = !message;
  }

  destroy() {
    super.destroy();
    this.fetching?.abort();
    this.letGo();
  }

  // Ends what was made for one path.
  letGo() {
    this.pane?.destroy();
    this.why?.destroy();
    this.model?.close();
  }

  // --- hands ---------------------------------------------------------------------------------------------------------------

  listen() {
    this.listener = new AbortController();
    const { signal } = this.listener;
    const on = (selector, type, action) => this.$(selector).addEventListener(type, action, { signal });
    on(".lv-main", "click", ({ target }) => {
      const { zones, view, switch: name } = target.dataset;
      if (zones) this.state.set({ zones });
      if (view) this.state.set({ view });
      if (name) this.state.set({ [name]: !this.state[name] });
    });
    on(".lv-fit", "click", () => this.release());
    on(".kl-colour select", "change", ({ target }) => this.colourBy(Number(target.value)));
    on(".kl-pair", "click", () => this.state.set({ pair: anotherPair(this.path) }));
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    window.addEventListener("resize", () => this.fill(), { signal });
  }

  key(event) {
    const { target, key } = event;
    if (!this.root.isConnected || !(target === document.body || this.root.contains(target))) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape" && this.state.pinned) this.state.set({ pinned: false, point: -1 }, event.timeStamp);
    else if (key === " " && target.tagName !== "BUTTON") this.slider.play(!this.slider.playing);
    else if ((key === "ArrowLeft" || key === "ArrowRight") && target.type !== "range")
      this.slider.step(key === "ArrowRight" ? 1 : -1, event.timeStamp);
    else return;
    event.preventDefault();
  }

  turn(position, at) {
    if (position !== this.state.position) this.state.set({ position }, at);
    else this.slider.show(position);
  }

  // A finger takes the lens along even where that is pinned; a mouse does not.
  hover(pane, x, y, at, finger = false) {
    if ((this.state.pinned && !finger) || this.state.view === "why" || !pane.view) return;
    pane.projection.lift(this.state.z, ...pane.view.toData(x, y));
    this.state.set({ point: -1 }, at);
  }

  click(pane, x, y, at, still) {
    if (!pane.view) return;
    const nearest = still ? this.target(pane, x, y) : -1;
    const near = nearest >= 0 && away(pane, nearest, x, y) < SNAP;
    if (this.state.view === "why") return near && this.takeEnd(pane, nearest, x, y);
    const [mx, my] = pane.view.toPixel(...pane.projection.project(this.state.z));
    if (still && this.state.pinned && Math.hypot(mx - x, my - y) < SNAP + 3)
      return this.state.set({ pinned: false, point: -1 }, at);
    pane.projection.lift(this.state.z, ...pane.view.toData(x, y));
    this.state.set({ pinned: true, point: near ? nearest : -1 }, at);
  }

  // What a click at a pixel is meant for: the nearest point, but where there are forces, one that has some.
  target(pane, x, y) {
    const at = pane.view.toData(x, y);
    const pulled = this.state.forces && this.state.view === "map" ? this.forces.nearest(...at) : -1;
    return pulled >= 0 && away(pane, pulled, x, y) < SNAP ? pulled : pane.nearest(...at);
  }

  // A point becomes the end of the line that it is nearer to.
  takeEnd(pane, point, x, y) {
    const [a, b] = this.state.pair;
    if (point === a || point === b) return;
    this.state.set({ pair: away(pane, a, x, y) < away(pane, b, x, y) ? [point, b] : [a, point] });
  }

  release() {
    this.look(() => this.panes.forEach(({ camera }) => camera.release()));
  }

  resized() {
    for (const pane of this.panes ?? []) pane.groundDirty = true;
    this.lookDirty = true;
    this.slider.draw();
    this.tradeoff.renew();
    this.numbersDirty = true;
    this.wake();
  }

  // --- painting ------------------------------------------------------------------------------------------------------------

  changed(changed, at) {
    const { state } = this;
    const has = (...names) => names.some((name) => changed.has(name));
    if (has("position")) {
      this.slider.show(state.position);
      this.numbersDirty = this.imagesDirty = this.lookDirty = true;
      this.pane.plane.expire();
    }
    if (has("hidden")) this.legend.show();
    if (has("view", "zones", "manifold", "forces", "fixed", "hidden", "pair")) {
      this.showOptions();
      for (const pane of this.panes) pane.dirty = pane.groundDirty = true;
      this.lookDirty = this.imagesDirty = this.numbersDirty = true;
    }
    if (has("point", "pinned")) {
      this.lensDirty = true;
      this.root.classList.toggle("er-pinned", state.pinned);
      if (state.forces) this.pane.dirty = true;
    }
    this.root.classList.toggle("er-pinned", state.pinned);
    this.startedAt ??= at;
    this.handledAt ??= performance.now(); // browsers hold inputs back until a frame begins: that wait is not ours
    this.link.save();
    this.wake();
  }

  get allPanes() {
    return [this.pane, ...this.why.panes];
  }

  // Where each of them looks; null where that is not a person's choice.
  get looks() {
    return this.allPanes.map(({ camera }) => camera.describe());
  }

  get panes() {
    if (!this.state) return [];
    return this.state.view === "why" ? this.why.panes : [this.pane];
  }

  showOptions() {
    const { state } = this;
    const why = state.view === "why";
    for (const name of ["zones", "view"])
      for (const button of this.root.querySelectorAll(`[data-${name}]`))
        button.setAttribute("aria-checked", String(button.dataset[name] === state[name]));
    for (const button of this.root.querySelectorAll("[data-switch]"))
      button.setAttribute("aria-pressed", String(state[button.dataset.switch]));
    this.$(".lv-maps").hidden = why;
    this.$(".kl-why").hidden = !why;
    this.$(".kl-pair").hidden = !why;
    this.$('[data-switch="forces"]').hidden = why || !this.forces;
    this.$('[data-switch="fixed"]').hidden = why;
    this.root.classList.toggle("kl-whole", why);
    this.$(".kl-side").hidden = why;
    this.$(".kl-pull").hidden = !state.forces;
    this.$(".kl-images").hidden = state.forces;
  }

  // One frame of the display: everything that beta has changed, at once.
  paint(now) {
    if (!this.state) return;
    const plays = this.slider.advance(now);
    const [started, handled] = [this.startedAt, this.handledAt];
    this.startedAt = this.handledAt = undefined;
    this.model.to(this.state.position);
    if (this.state.view === "why") this.why.to(this.state.position);
    const moved = this.aim();
    for (const pane of this.panes) pane.paint(now, moved);
    this.showImages();
    let waits = false;
    const budget = this.slice(now, started !== undefined);
    for (const pane of this.panes) waits = pane.renewPlane(budget) || waits;
    waits = this.showNumbers(now) || waits;
    if (started !== undefined)
      afterPaint(() => {
        measure("elbo-room:input-to-paint", started);
        measure("elbo-room:handled-to-paint", handled);
      });
    if (plays || waits) this.wake();
  }

  // Milliseconds for decoding in this frame: fewer where the display waits for us.
  slice(now, moving) {
    const late = now - (this.ticked ?? -Infinity) > LATE;
    this.ticked = now;
    return moving && late ? SLICES.late : SLICES.usual;
  }

  // Looks where the points are, or where a person has put the view; true where that has changed.
  aim() {
    if (!this.lookDirty) return false;
    this.lookDirty = false;
    for (const pane of this.panes) pane.aim(this.state.fixed);
    this.$(".lv-fit").hidden = this.panes.every(({ camera }) => camera.auto);
    return true;
  }

  showImages() {
    const { state, model } = this;
    if (state.view === "why") return this.why.show(state.position); // what lacks its decoder follows when that arrives
    if (!this.imagesDirty && !this.lensDirty) return;
    const ready = model.prepare();
    if (state.point >= 0) model.mean(state.point, state.z);
    const nearest = state.point >= 0 ? state.point : model.nearest(state.z, state.hidden);
    this.pane.mark(state.z, nearest);
    if (!ready) return;
    if (this.imagesDirty && !state.forces) this.images.show(model);
    this.lens.show(model, state, nearest);
    this.imagesDirty = this.lensDirty = false;
  }

  // True where something has yet to be drawn.
  showNumbers(now) {
    const { state, model, path } = this;
    if (state.forces) this.pull.show(this.forces, state.point);
    if (!this.numbersDirty) return false;
    if (state.view === "map") this.tradeoff.show(state.position);
    if (now - (this.sigmasAt ?? -Infinity) < SLOW) return true;
    this.sigmasAt = now;
    this.numbersDirty = false;
    const sigmas = model.sigmas();
    const mean = sigmas.reduce((sum, all) => sum + all.reduce((a, b) => a + b, 0), 0) / (path.k * path.count);
    const alive = path.deaths.map((death) => death === null || death > state.position);
    this.numbers.show(model, mean);
    if (state.view === "map") this.dimensions.show(path, path.numbers(state.position).rates, sigmas, alive);
    return false;
  }

  // A new theme: everything drawn in the page's colours is drawn again.
  retheme() {
    this.colours = theme(this.root);
    if (!this.path) return;
    if (this.forces) this.forces.colours = this.colours;
    this.pane.retheme();
    this.why.retheme();
    this.slider.draw();
    this.tradeoff.renew();
    this.dimensions.renew();
    this.numbersDirty = true;
    this.wake();
  }

  hash() {
    this.state.looks = this.looks;
    return this.state.toHash(this.path);
  }
}

function away(pane, point, x, y) {
  const [px, py] = pane.view.toPixel(pane.morph.us[point], pane.morph.vs[point]);
  return Math.hypot(px - x, py - y);
}

// What a person has chosen stays when another path is opened, as far as it makes sense there.
function keepChoices(before, state, path) {
  const { view, zones, manifold, forces, fixed } = before;
  Object.assign(state, {
    view,
    zones,
    manifold,
    forces,
    fixed,
    hidden: before.hidden.filter((c) => c < path.classes.length),
  });
}
