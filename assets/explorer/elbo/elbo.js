// The ELBO page: one image's true posterior on the latent plane, q, which the user moves, the bar with the parts of ln p(x),
// the derivation with its numbers. It depends on the frames and the page's element, not on Streamlit.

import { findAll } from "../core/dom.js";
import { Page } from "../core/page.js";
import { afterPaint, measure } from "../core/timing.js";
import { Evidence, sentence } from "../data/evidence.js";
import { Frame } from "../data/frame.js";
import { Camera } from "../map/camera.js";
import { fetchKatex } from "../plot/formula.js";
import { walkTabs } from "../widgets/tab-keys.js";
import { Bar } from "./bar.js";
import { elboTheme } from "./colours.js";
import { Controls, HTML } from "./controls.js";
import { Derivation } from "./derivation.js";
import { TwoGaps } from "./gaps.js";
import { Gaussian } from "./gaussian.js";
import { ChosenImage } from "./image.js";
import { PlaneMap } from "./map.js";
import { OwnImage } from "./own.js";
import { partsOf, printed, sampledParts, weighed } from "./parts.js";
import { Posterior } from "./posterior.js";
import { DENSITIES, ElboState, SWITCHES } from "./state.js";
import { Peek, Strip } from "./strip.js";
import { GapTable } from "./table.js";
import { examples, gapsOf, ordinary } from "./table-columns.js";
import { Weights } from "./weights.js";

/** @import { Answers, Source } from "../data/evidence.js" */
/** @import { PlaneHandlers } from "./map.js" */
/** @import { Parts } from "./parts.js" */
/** @import { Table } from "./table-columns.js" */

/**
 * URLs of a model: its frame, the frame of its encoder, the server's answers, the folder of KaTeX, the table of gaps.
 * @typedef {{ frame: string, encoder: string, evidence: string, katex: string, table: string | null }} Addresses
 */

/** The open model. @typedef {{ frame: Frame, evidence: Evidence, map: PlaneMap }} Model */

/**
 * The chosen image: a row of the frame, or the pixels of a drawn image.
 * @typedef {{ image: number, pixels?: undefined } | { image?: undefined, pixels: Float32Array }} Chosen
 */

const REST = 180; // ms that q has to rest before the exact parts are requested
const STROKE = 120; // ms that the pen has to rest before the posterior of a drawn image is requested
const EXAMPLES = 7; // suggested images of a group
const SLOW = 60; // ms between two drawings of the derivation while q moves
const NUDGE = 0.1; // standard deviations that an arrow key moves q

/** @type {Record<string, [number, number] | undefined>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Elbo extends Page {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root, "eb");
    root.innerHTML = HTML;
    this.colours = elboTheme(root);
    this.state = new ElboState();
    /** @type {Addresses | null} */ this.data = null;
    /** @type {Model | null} */ this.model = null;
    this.k = 0; // latent dimensions
    /** @type {Chosen | null} */ this.source = null;
    this.row = -1; // the last image of the frame that was chosen
    this.chosenAt = 0; // time of the event that chose the image
    /** @type {Gaussian | null} */ this.ofEncoder = null;
    /** @type {Posterior | null} */ this.posterior = null;
    /** @type {Parts | null} */ this.parts = null;
    /** @type {Parts | null} */ this.exact = null; // of the present q, once the server has computed them
    this.brought = false; // q comes from a link
    this.arrived = false; // the posterior has arrived and is not painted yet
    this.qDirty = false; // the parts have to be computed again
    this.numbersDirty = false; // the numbers of q have to be shown again
    this.derivationDirty = false;
    this.sizeDirty = false; // the panels have to be drawn again
    /** @type {number | undefined} */ this.startedAt = undefined; // time of the first event that is not painted yet
    /** @type {number | undefined} */ this.ticked = undefined; // time of the last frame of the display
    this.derivedAt = -Infinity; // time when the derivation was drawn
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.resting = undefined;
    this.controls = new Controls(root);
    this.image = new ChosenImage(this.$(".eb-image"));
    this.own = new OwnImage(this.$(".eb-pad"), this.$(".eb-draw"), (pixels, at) => this.sketch(pixels, at));
    this.bar = new Bar(this.$(".eb-bar"));
    this.peek = new Peek(this.$(".eb-peek"));
    this.strip = new Strip(this.$(".eb-strip"), (row, at) => this.choose({ image: row }, at));
    this.derivation = new Derivation(this.$(".eb-derivation"));
    this.gaps = new TwoGaps(this.$(".eb-gaps"), (q, path, step) => this.walk(q, path, step));
    this.weights = new Weights(this.$(".eb-weights"), {
      ask: (fields) => this.ask("weights", fields),
      drawn: () => this.drawn(),
    });
    this.table = new GapTable(this.$(".eb-images"), (row, at) => this.choose({ image: row }, at));
    walkTabs(this.$(".eb-tabs"));
    this.watchSizes(findAll(root, ".eb-bar canvas, .eb-panel canvas"), () => this.resized());
    this.fill();
  }

  /**
   * Shows a model. A later call cancels an earlier one that is still loading.
   * @param {Addresses} data
   */
  async load(data) {
    if (data.frame === this.data?.frame && data.table === this.data?.table) {
      if (this.model) this.link.arrive();
      return;
    }
    this.data = data;
    this.model?.evidence.forget();
    try {
      /** @type {Promise<Table> | null} */
      const fetched = data.table ? Frame.fetch(data.table) : null;
      const [frame, table] = await Promise.all([Frame.fetch(data.frame), fetched]);
      if (data !== this.data || this.destroyed) return;
      this.open(data, frame, table);
      await fetchKatex(data.katex);
      await Promise.all([this.derivation, this.gaps, this.weights].map((panel) => panel.set()));
      this.fill();
    } catch (error) {
      if (data !== this.data) return;
      this.data = null;
      this.say("This model could not be loaded. Choose it again, or reload the page.");
      console.error(error);
    }
  }

  /**
   * @param {Addresses} data
   * @param {Frame} frame
   * @param {Table | null} table
   */
  open(data, frame, table) {
    const before = this.state;
    const { latent_dim: k, name } = frame.meta;
    this.k = k;
    this.posterior = null;
    this.parts = null;
    this.exact = null;
    this.source = null;
    this.row = -1;
    const hash = this.link.begin();
    this.state = new ElboState().fromHash(hash ?? "", { count: frame.count, k });
    if (hash === null) this.state.keep(before);
    this.build(frame, new Evidence(data.evidence));
    this.image.close();
    this.image.load(frame);
    this.peek.load(frame);
    this.own.load(frame, data.encoder);
    this.weights.load(this.state.seed);
    this.table.load(table, frame);
    this.strip.load(table ? examples(table, EXAMPLES) : {}, frame, table ? gapsOf(table) : new Map());
    this.root.dataset.ready = name;
    performance.mark("elbo-room:interactive");
    if (!frame.count) return this.say("This model has no held-out images. Draw one, or choose another model.");
    this.say("");
    this.choose(
      { image: this.state.image >= 0 ? this.state.image : table ? ordinary(table) : 0 },
      performance.now(),
      true,
    );
  }

  /**
   * Creates everything that belongs to one model.
   * @param {Frame} frame
   * @param {Evidence} evidence
   */
  build(frame, evidence) {
    this.listener?.abort();
    this.model?.map.destroy();
    const { state } = this;
    const element = document.createElement("div");
    this.$(".lv-maps").replaceChildren(element);
    const camera = new Camera();
    /** @type {PlaneHandlers} */
    const on = {
      hover: () => {},
      click: (_pane, x, y, at, still) => {
        if (still) this.click(x, y, at);
      },
      move: (...args) => this.look(() => camera.take(...args)),
      release: () => this.look(() => camera.release()),
      resized: () => this.resized(),
      hold: (q, at) => this.hold(q, at),
      rest: () => this.rest(),
      point: (row, x, y) => this.peek.show(row, x, y),
    };
    const map = new PlaneMap(element, camera, state, on, this.colours);
    this.model = { frame, evidence, map };
    const plane = this.k <= 2;
    this.controls.load(this.k);
    if (!plane && state.tab === "gaps") state.tab = "derivation";
    if (this.k !== 2) state.full = false;
    state.subscribe((changed, at) => this.changed(changed, at));
    this.listen();
    this.retheme();
    map.open(frame);
    camera.begin(state.look);
    this.controls.show(state);
  }

  /** @param {string} message a sentence above the map; "" hides it */
  say(message) {
    this.$(".eb-message").textContent = message;
    this.$(".eb-message").hidden = !message;
    this.root.classList.toggle("eb-failed", Boolean(message) && Boolean(this.model));
  }

  destroy() {
    super.destroy();
    this.image.close();
    this.own.close();
    this.model?.evidence.forget();
    this.model?.map.destroy();
  }

  // --- the chosen image ------------------------------------------------------------------------------------------------

  /**
   * Shows the encoder's q of an image at once, and the posterior as soon as the server's answer has arrived.
   * @param {Chosen} source
   * @param {number} at time of the event
   * @param {boolean} [first] the image of a link, which may also have q
   */
  async choose(source, at, first = false) {
    const { state, model } = this;
    if (!model) return;
    const encoded = source.pixels
      ? await this.encode(source.pixels)
      : Gaussian.ofRow(model.frame.arrays, source.image, this.k);
    if (!encoded || this.destroyed) return;
    if (!source.pixels) this.row = source.image;
    this.model?.evidence.forget("parts", "fit", "weights");
    if (!first) state.asked = null;
    this.source = source;
    this.ofEncoder = encoded;
    this.posterior = null;
    this.exact = null;
    this.chosenAt = at;
    this.gaps.clear();
    this.weights.clear();
    state.set({ image: source.image ?? -1, q: encoded, moved: false, full: first && state.full }, at);
    this.image.show(state.image, source.pixels);
    this.strip.show(state.image);
    this.$(".eb-wait").hidden = false;
    this.$(".eb-wait").textContent = this.k <= 2 ? "integrating …" : "sampling …";
    if (source.pixels) await pause(STROKE);
    if (this.source !== source) return;
    try {
      const answer = await this.ask("posterior");
      if (!answer || this.source !== source) return;
      this.take(new Posterior(answer, encoded), first);
    } catch (error) {
      if (this.source === source) this.refuse(error);
    }
  }

  /**
   * Shows the image on the pad after a stroke; when the pad is empty, the last image of the frame.
   * @param {Float32Array | null} pixels
   * @param {number} at
   */
  sketch(pixels, at) {
    if (pixels) this.choose({ pixels }, at);
    else if (this.row >= 0) this.choose({ image: this.row }, at);
  }

  /**
   * Shows the posterior that has arrived.
   * @param {Posterior} posterior
   * @param {boolean} first the image is a link's, which may also have q
   */
  take(posterior, first) {
    const { state, model, source } = this;
    if (!model || !source) return;
    const { map } = model;
    this.posterior = posterior;
    this.ofEncoder = posterior.ofEncoder;
    this.say("");
    this.$(".eb-wait").hidden = true;
    map.show(posterior);
    const q = first ? state.asked : null;
    state.asked = null;
    this.brought = Boolean(q);
    const fetched = !first && !source.pixels; // while the user draws, the view stays, so that q is seen to move
    if (fetched) map.camera.release();
    /** @type {Partial<ElboState>} */
    const patch = { q: q ?? posterior.ofEncoder, moved: Boolean(q) };
    if (fetched && this.k <= 2) patch.view = "posterior";
    state.set(patch, this.chosenAt);
    this.arrived = this.lookDirty = true;
    this.rest();
    this.need();
  }

  /**
   * Shows why the server did not answer.
   * @param {unknown} error
   */
  refuse(error) {
    this.say(sentence(error));
    this.$(".eb-wait").hidden = true;
    this.posterior = this.parts = null;
    this.model?.map.show(null);
    this.wake();
  }

  /**
   * The encoder's q of a drawn image; null where it is out of date or could not be computed.
   * @param {Float32Array} pixels
   */
  async encode(pixels) {
    try {
      return await this.own.encode(pixels);
    } catch (error) {
      this.say("The encoder could not be loaded. Reload the page.");
      console.error(error);
      return null;
    }
  }

  /** Requests what the open tab shows of this image, once. */
  need() {
    const { tab, full } = this.state;
    if (!this.posterior) return;
    if (tab === "gaps" && this.k <= 2) {
      this.gaps.need(full, this.posterior, () => this.ask("fit", { full }), !this.brought);
      this.numbersDirty = true; // the path says whether q is on it
      this.wake();
    }
    const wanted = tab === "weights" || (tab === "derivation" && this.k > 2); // with k > 2 the browser cannot compute weights itself
    if (wanted) this.weights.need(this.posterior, { q: this.state.q, moved: this.state.moved, whose: this.whose });
    this.model?.map.showDraws(tab === "weights" ? this.weights.draws : null);
  }

  /** A description of the q that the page shows. */
  get whose() {
    const { q, moved } = this.state;
    if (!moved) return "the encoder’s q";
    const step = this.gaps.stepOf(q);
    return step ? `q at ${step}` : "q as it was moved";
  }

  /**
   * Sends a request about the chosen image to the server; resolves to null where it is cancelled.
   * @template {keyof Answers} Kind
   * @param {Kind} kind
   * @param {object} [fields]
   * @returns {Promise<Answers[Kind] | null>}
   */
  ask(kind, fields = {}) {
    const { model, source } = this;
    if (!model || !source) return Promise.resolve(null);
    return model.evidence.ask(kind, sourceOf(source), fields);
  }

  /** Shows the draws from q that have arrived. */
  drawn() {
    this.link.save();
    this.derivationDirty = true;
    this.need();
    this.wake();
  }

  // --- buttons, keys and pointer ---------------------------------------------------------------------------------------

  listen() {
    this.listener = new AbortController();
    const { signal } = this.listener;
    this.root.addEventListener("click", (event) => this.press(event), { signal });
    this.$(".lv-fit").addEventListener("click", () => this.model?.map.reset(), { signal });
    const reset = (/** @type {Event} */ event) => this.setQ(this.ofEncoder, false, event.timeStamp);
    this.$(".eb-reset").addEventListener("click", reset, { signal });
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    window.addEventListener("resize", () => this.fill(), { signal });
  }

  /** @param {MouseEvent} event a click, perhaps on a button */
  press({ target, timeStamp }) {
    const button = target instanceof Element ? target.closest("button") : null;
    const { view, heat, tab, against, switch: pressed } = button?.dataset ?? {};
    const { state } = this;
    if (view) this.look(() => this.model?.map.camera.release());
    for (const [key, value] of Object.entries({ view, heat, tab, against }))
      if (value) state.set(patchOf(key, value), timeStamp);
    const name = SWITCHES.find((one) => one === pressed);
    if (!name) return;
    state.set(patchOf(name, !state[name]), timeStamp);
    if (name === "full" && !state.full && this.posterior && state.q)
      this.setQ(state.q.diagonalised(), state.moved, timeStamp);
    if (name === "full") this.need();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { target, key } = event;
    if (!this.root.isConnected) return this.destroy();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape" && this.own.isOpen) return this.own.toggle(false);
    const step = ARROWS[key];
    const { q } = this.state;
    if (!step || !q || target !== this.model?.map.root || !this.posterior?.surface) return;
    const sigmas = q.sigmas();
    this.setQ(q.moved(q.mu.map((m, d) => m + NUDGE * sigmas[d] * step[d])), true, event.timeStamp);
    event.preventDefault();
  }

  /**
   * Chooses the image of the point at a pixel of the map.
   * @param {number} x
   * @param {number} y
   * @param {number} at
   */
  click(x, y, at) {
    const map = this.model?.map;
    if (!map || map.tookHandle) return;
    const row = map.target(x, y);
    if (row >= 0) this.choose({ image: row }, at);
  }

  /**
   * The user moves q.
   * @param {Gaussian} q
   * @param {number} at
   */
  hold(q, at) {
    this.gaps.stop();
    if (this.model) this.model.map.way = null;
    this.model?.evidence.forget("parts");
    this.exact = null;
    this.state.set({ q, moved: true }, at);
  }

  /**
   * @param {Gaussian | null} q
   * @param {boolean} moved it is not the encoder's
   * @param {number} at
   */
  setQ(q, moved, at) {
    if (!q) return;
    this.hold(q, at);
    this.state.set({ moved }, at);
    this.rest();
  }

  /**
   * Shows q at a step of an optimisation.
   * @param {Gaussian} q
   * @param {Gaussian[]} path
   * @param {number} step
   */
  walk(q, path, step) {
    if (this.model) this.model.map.way = { path, step };
    this.model?.evidence.forget("parts");
    this.exact = null;
    this.state.set({ q, moved: true });
    this.rest();
  }

  /** Starts the timer after which the server's exact parts replace those that the browser has computed. */
  rest() {
    clearTimeout(this.resting);
    if (this.posterior && this.k <= 2) this.resting = setTimeout(() => this.rested(), REST);
    this.model?.map.expire("hand");
    this.wake();
  }

  rested() {
    this.askExact();
    if (this.state.tab === "weights") this.need(); // draws of the present q
  }

  async askExact() {
    const { posterior } = this;
    const { q } = this.state;
    if (!q || this.model?.map.held || !posterior || this.destroyed) return;
    try {
      const answer = await this.ask("parts", q.toJSON());
      if (!answer || this.posterior !== posterior || this.state.q !== q || !("levels" in answer.meta)) return;
      const { log_evidence: logEvidence, rate, distortion, gap, elbo, sampled } = answer.meta;
      posterior.refine(answer.meta);
      this.exact = { logEvidence, rate, distortion, gap, elbo, sampled, exact: true };
      this.qDirty = this.sizeDirty = true; // the panels draw ln p(x) too
      this.wake();
    } catch (error) {
      if (this.posterior === posterior) this.warn(sentence(error));
    }
  }

  /** @param {string} text */
  warn(text) {
    this.$(".eb-wait").textContent = text;
    this.$(".eb-wait").hidden = !text;
  }

  resized() {
    this.lookDirty = this.sizeDirty = true;
    this.wake();
  }

  fill() {
    super.fill();
    this.sizeDirty = true;
    this.wake();
  }

  // --- painting --------------------------------------------------------------------------------------------------------

  /**
   * Marks what has to be drawn again after a change of the state.
   * @param {Set<string>} changed names of the fields that were set
   * @param {number} at
   */
  changed(changed, at) {
    const map = this.model?.map;
    if (!map) return;
    const has = (/** @type {(keyof ElboState)[]} */ ...names) => names.some((name) => changed.has(name));
    if (has("q")) this.qDirty = true;
    if (has("q", "full", "moved")) map.expire("hand");
    if (has("heat", "log")) map.expire("heat", "lines");
    if (has(...DENSITIES)) {
      map.expire("lines");
      map.groundDirty = true;
    }
    if (has("points")) map.dirty = true;
    if (has("view", "image")) this.lookDirty = true;
    if (has("tab")) this.need();
    if (has("tab", "against", "image")) this.sizeDirty = true;
    this.controls.show(this.state);
    this.startedAt ??= at;
    this.link.save();
    this.wake();
  }

  /**
   * Draws one frame of the display.
   * @param {number} now
   */
  paint(now) {
    const map = this.model?.map;
    if (!map) return;
    const plays = this.gaps.advance(now);
    const started = this.startedAt;
    this.startedAt = undefined;
    if (this.qDirty) this.computeParts();
    const glides = this.aim(map, now);
    map.paint(now, glides.moved);
    this.$(".eb-key").textContent = map.key;
    const waits = this.showNumbers(now);
    if (started !== undefined) afterPaint(() => measure("elbo-room:input-to-paint", started));
    if (this.arrived) this.markArrival();
    if (plays || glides.more || waits) this.wake();
  }

  /**
   * Moves the camera: whether it has moved, and whether it goes on in the next frame of the display.
   * @param {PlaneMap} map
   * @param {number} now
   */
  aim(map, now) {
    const dt = Math.min(100, now - (this.ticked ?? now));
    this.ticked = now;
    if (this.lookDirty) {
      map.aim(this.state.view === "plane");
      this.$(".lv-fit").hidden = map.camera.auto;
    }
    const moved = map.camera.advance(dt || 16) || this.lookDirty;
    this.lookDirty = false;
    return { moved, more: moved && map.camera.auto };
  }

  /** Measures the time from the choice of an image to the painted picture. */
  markArrival() {
    this.arrived = false;
    const { state, root, chosenAt } = this;
    afterPaint(() => {
      measure("elbo-room:choice-to-picture", chosenAt);
      root.dataset.image = String(state.image);
    });
  }

  computeParts() {
    this.qDirty = false;
    this.numbersDirty = this.derivationDirty = true;
    this.model?.map.expire("hand");
    this.root.classList.toggle("eb-pending", !this.posterior);
    this.parts = this.partsNow();
  }

  /** The parts of the present q: the server's exact ones, else the browser's; null without a posterior. */
  partsNow() {
    const { posterior, exact } = this;
    const { q } = this.state;
    if (!posterior || !q) return null;
    if (exact) return exact;
    const { surface, meta, logEvidence } = posterior;
    if ("levels" in meta) return surface && partsOf(q, surface, logEvidence);
    return sampledParts(meta);
  }

  /**
   * Shows the numbers of q where they have changed; true where the derivation has to wait for a later frame of the display.
   * @param {number} now
   */
  showNumbers(now) {
    const { state, posterior, parts, colours } = this;
    if (this.numbersDirty) {
      if (state.q) this.image.showQ(state.q);
      if (parts && posterior) this.bar.show(parts, this.whose, colours, posterior.meta.unnormalised);
      if (parts) this.gaps.tell(state.q, printed(parts).about + printed(parts).text("elbo"));
    } else if (this.sizeDirty) this.bar.draw();
    this.numbersDirty = false;
    if (this.sizeDirty) this.drawPanels();
    this.sizeDirty = false;
    if (!this.derivationDirty || !parts || !posterior || !state.q || state.tab !== "derivation") return false;
    if (now - this.derivedAt < SLOW) return true;
    this.derivedAt = now;
    this.derivationDirty = false;
    const { surface, meta, logEvidence } = posterior;
    const weights =
      surface && "levels" in meta
        ? weighed(state.q, surface, { mean: logEvidence, error: meta.error })
        : this.weights.averages();
    this.derivation.show({ parts, weights, posterior, colours });
    return false;
  }

  drawPanels() {
    const { state, colours } = this;
    this.gaps.draw();
    this.weights.paint();
    if (state.tab === "images") this.table.show(state.against, state.image, colours);
    if (state.tab === "derivation") this.derivationDirty = true;
  }

  /** Reads the colours of the theme and draws everything again. */
  retheme() {
    this.colours = elboTheme(this.root);
    const map = this.model?.map;
    if (!map) return;
    map.colours = this.colours;
    map.heats.clear();
    map.expire("heat", "lines", "hand");
    map.dirty = map.groundDirty = true;
    for (const panel of [this.gaps, this.weights]) panel.colours = this.colours;
    this.numbersDirty = this.sizeDirty = this.derivationDirty = true;
    this.wake();
  }

  // --- the address -----------------------------------------------------------------------------------------------------

  /**
   * Shows the open model as another link says.
   * @param {string} hash
   */
  followLink(hash) {
    if (!this.model) return;
    const { frame, map } = this.model;
    const asked = new ElboState().fromHash(hash, { count: frame.count, k: this.k });
    const { listeners, q } = this.state;
    const image = asked.image >= 0 ? asked.image : this.state.image;
    Object.assign(this.state, asked, { listeners, q });
    map.groundDirty = map.dirty = true;
    map.expire("heat", "lines", "hand");
    map.camera.begin(asked.look);
    this.weights.load(asked.seed);
    if (image >= 0) this.choose({ image }, performance.now(), true);
  }

  hash() {
    this.state.look = this.model?.map.camera.describe() ?? null;
    this.state.seed = this.weights.seed;
    return this.state.toHash();
  }
}

/** @param {number} ms */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * The image of a request.
 * @param {Chosen} chosen
 * @returns {Source}
 */
const sourceOf = (chosen) =>
  chosen.pixels ? { pixels: Array.from(chosen.pixels, (v) => +v.toFixed(4)) } : { image: chosen.image };

/**
 * The change that a button of the page's own HTML makes, so that the value is valid for the field.
 * @param {string} name
 * @param {string | boolean} value
 */
const patchOf = (name, value) => /** @type {Partial<ElboState>} */ ({ [name]: value });
