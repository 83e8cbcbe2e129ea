// The ELBO page: one image's true posterior on the latent plane, q, which the user moves, the bar with the parts of ln p(x),
// the derivation with its numbers. It depends on the frames and the page's element, not on Streamlit.

import { findAll } from "../core/dom.js";
import { between } from "../core/glide.js";
import { readLook, writtenLook } from "../core/link-fields.js";
import { Page } from "../core/page.js";
import { afterPaint, measure } from "../core/timing.js";
import { descriptionOf } from "../core/view.js";
import { Evidence, sentence } from "../data/evidence.js";
import { Frame } from "../data/frame.js";
import { Camera } from "../map/camera.js";
import { fetchKatex } from "../plot/formula.js";
import { walkTabs } from "../widgets/tab-keys.js";
import { Bar } from "./bar.js";
import { elboTheme } from "./colours.js";
import { ElboControls, HTML } from "./controls.js";
import { Derivation } from "./derivation.js";
import { GapsPanel } from "./gaps.js";
import { Gaussian } from "./gaussian.js";
import { ChosenImage } from "./image.js";
import { PlaneMap } from "./map.js";
import { OwnImage } from "./own.js";
import { partsOf, printed, sampledParts, weighed } from "./parts.js";
import { Posterior } from "./posterior.js";
import { DENSITIES, ElboState, SWITCHES } from "./state.js";
import { ImageStrip, Peek } from "./strip.js";
import { GapTable } from "./table.js";
import { examples, gapsOf, ordinary } from "./table-columns.js";
import { Weights } from "./weights.js";

/** @import { Look } from "../core/link-fields.js" */
/** @import { Description } from "../core/view.js" */
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
    /** @type {Chosen | null} the image whose posterior is awaited */ this.chosen = null;
    this.firstRow = -1; // the image that is shown where nothing says which
    this.row = -1; // the last image of the frame that was chosen
    this.chosenAt = 0; // time of the event that chose the image
    /** @type {Gaussian | null} */ this.ofEncoder = null;
    /** @type {Posterior | null} */ this.posterior = null;
    /** @type {Parts | null} */ this.parts = null;
    /** @type {Parts | null} */ this.exact = null; // of the present q, once the server has computed them
    this.isDescribed = false; // q comes from a description of the state
    this.isLoading = false; // the model, or the formulas
    this.requests = 0; // to the server, that are not answered yet
    this.arrived = false; // the posterior has arrived and is not painted yet
    this.qDirty = false; // the parts have to be computed again
    this.numbersDirty = false; // the numbers of q have to be shown again
    this.derivationDirty = false;
    this.sizeDirty = false; // the panels have to be drawn again
    /** @type {number | undefined} */ this.startedAt = undefined; // time of the first event that is not painted yet
    /** @type {number | undefined} */ this.ticked = undefined; // time of the last frame of the display
    this.derivedAt = -Infinity; // time when the derivation was drawn
    /** @type {ReturnType<typeof setTimeout> | undefined} until q has rested */ this.resting = undefined;
    /** @type {number | null} frame of the display in which the path of q goes on */ this.playing = null;
    this.controls = new ElboControls(root);
    this.image = new ChosenImage(this.$(".eb-image"));
    this.own = new OwnImage(this.$(".eb-pad"), this.$(".eb-draw"), (pixels, at) => this.sketch(pixels, at));
    this.$(".eb-draw").addEventListener("click", (event) => this.state.set({ pad: !this.state.pad }, event.timeStamp));
    this.bar = new Bar(this.$(".eb-bar"));
    this.peek = new Peek(this.$(".eb-peek"));
    this.strip = new ImageStrip(this.$(".eb-strip"), (row, at) => this.choose({ image: row }, at));
    this.derivation = new Derivation(this.$(".eb-derivation"));
    this.gaps = new GapsPanel(this.$(".eb-gaps"), (q, step) => this.walk(q, step));
    this.weights = new Weights(this.$(".eb-weights"), {
      ask: (fields) => this.ask("weights", fields),
      drawn: () => this.drawn(),
      again: () => this.state.set({ seed: this.state.seed + 1 }),
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
    this.isLoading = true;
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
      if (data === this.data) this.isLoading = false;
    } catch (error) {
      if (data !== this.data) return;
      this.data = null;
      this.isLoading = false;
      this.setMessage("This model could not be loaded. Choose it again, or reload the page.");
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
    this.source = this.chosen = null;
    this.firstRow = this.row = table ? ordinary(table) : frame.count ? 0 : -1;
    const hash = this.link.begin();
    const description = descriptionOf(hash ?? "");
    this.state = ElboState.of(description, { count: frame.count, k });
    if (hash === null) this.state.keep(before, k);
    this.build(frame, new Evidence(data.evidence), readLook(description.look ?? null));
    this.image.close();
    this.image.load(frame);
    this.peek.load(frame);
    this.own.load(frame, data.encoder);
    this.table.load(table, frame);
    this.strip.load(table ? examples(table, EXAMPLES) : {}, frame, table ? gapsOf(table) : new Map());
    this.root.dataset.ready = name;
    performance.mark("elbo-room:interactive");
    this.setMessage("");
    const pixels = this.own.restore(description);
    const chosen = this.chosenIn(this.state, pixels);
    if (chosen) this.choose(chosen, performance.now(), this.state);
    else this.setMessage("This model has no held-out images. Draw one, or choose another model.");
  }

  /**
   * Creates everything that belongs to one model.
   * @param {Frame} frame
   * @param {Evidence} evidence
   * @param {Look | null} look
   */
  build(frame, evidence, look) {
    this.listener?.abort();
    this.model?.map.destroy();
    const { state } = this;
    const element = document.createElement("div");
    this.$(".page-maps").replaceChildren(element);
    const camera = new Camera();
    /** @type {PlaneHandlers} */
    const on = {
      hover: () => {},
      click: (_pane, x, y, at, still) => {
        if (still && !map.isLocked()) this.click(x, y, at);
      },
      move: (...args) => {
        if (!map.isLocked()) this.look(() => camera.take(...args));
      },
      release: () => this.look(() => camera.release()),
      resized: () => this.resized(),
      hold: (q, at) => this.hold(q, at),
      rest: () => this.rest(),
      point: (row, x, y) => this.peek.show(row, x, y),
    };
    const map = new PlaneMap(element, camera, state, on, this.colours);
    this.model = { frame, evidence, map };
    this.controls.load(this.k);
    state.subscribe((changed, at) => this.changed(changed, at));
    this.listen();
    this.retheme();
    map.open(frame);
    camera.begin(look);
    this.showControls();
  }

  showControls() {
    this.controls.show(this.state);
    this.own.toggle(this.state.pad);
  }

  /** @param {string} message a sentence above the map; "" hides it */
  setMessage(message) {
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
   * @param {Chosen} chosen
   * @param {number} at time of the event
   * @param {Pick<ElboState, "q"> | null} [described] of a description of the state, which may also have q
   */
  async choose(chosen, at, described = null) {
    const { model } = this;
    if (!model) return;
    this.chosen = chosen;
    /** Whether another image or model was chosen meanwhile. */
    const isOutdated = () => this.chosen !== chosen || this.model !== model || this.destroyed;
    try {
      const encoded = chosen.pixels
        ? await this.encode(chosen.pixels)
        : Gaussian.ofRow(model.frame.arrays, chosen.image, this.k);
      if (!encoded || isOutdated()) return;
      this.begin(chosen, encoded, at, described?.q ?? null, described !== null);
      if (chosen.pixels && !described) await pause(STROKE);
      if (isOutdated()) return;
      const answer = await this.ask("posterior");
      if (!answer || isOutdated()) return;
      this.take(new Posterior(answer, encoded), described !== null);
    } catch (error) {
      if (!isOutdated()) this.refuse(error);
    } finally {
      if (this.chosen === chosen) this.chosen = null;
    }
  }

  /**
   * Shows an image, while its posterior is awaited.
   * @param {Chosen} source
   * @param {Gaussian} encoded the encoder's q of it
   * @param {number} at time of the event
   * @param {Gaussian | null} q another one to be shown
   * @param {boolean} described the rest of the state is a description's
   */
  begin(source, encoded, at, q, described) {
    const { state } = this;
    const { image = -1 } = source;
    if (image >= 0) this.row = image;
    this.model?.evidence.forget("parts", "fit", "weights");
    this.clearRest();
    this.source = source;
    this.ofEncoder = encoded;
    this.posterior = null;
    this.exact = null;
    this.chosenAt = at;
    this.isDescribed = q !== null;
    this.gaps.clear();
    this.weights.clear();
    const reset = described ? {} : { full: false, step: null, onPath: false, both: false };
    state.set({ image, q: q ?? encoded, moved: q !== null, ...reset }, at);
    this.image.show(image, source.pixels);
    this.strip.show(image);
    this.$(".eb-wait").hidden = false;
    this.$(".eb-wait").textContent = this.k <= 2 ? "integrating …" : "sampling …";
  }

  /**
   * Shows the image on the pad after a stroke; when the pad is empty, the last image of the frame.
   * @param {Float32Array | null} pixels
   * @param {number} at
   */
  sketch(pixels, at) {
    if (pixels) this.choose({ pixels }, at);
    else if (this.row >= 0) this.choose({ image: this.row }, at);
    this.link.save();
  }

  /**
   * Shows the posterior that has arrived.
   * @param {Posterior} posterior
   * @param {boolean} described the image is a description's, which also says where to look
   */
  take(posterior, described) {
    const { state, model, source } = this;
    if (!model || !source) return;
    const { map } = model;
    this.posterior = posterior;
    this.ofEncoder = posterior.ofEncoder;
    this.setMessage("");
    this.$(".eb-wait").hidden = true;
    map.show(posterior);
    const fetched = !described && !source.pixels; // while the user draws, the view stays, so that q is seen to move
    if (fetched) map.camera.release();
    state.set(
      {
        q: state.moved ? state.q : posterior.ofEncoder,
        ...(fetched && this.k <= 2 && { view: /** @type {const} */ ("posterior") }),
      },
      this.chosenAt,
    );
    this.arrived = this.lookDirty = true;
    this.rest();
    this.need();
  }

  /**
   * Shows why the server did not answer.
   * @param {unknown} error
   */
  refuse(error) {
    this.setMessage(sentence(error));
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
      this.setMessage("The encoder could not be loaded. Reload the page.");
      console.error(error);
      return null;
    }
  }

  /** Requests what the open tab shows of this image, once. */
  need() {
    const { tab, onPath, q, moved, seed } = this.state;
    if (!this.posterior) return;
    if (this.k <= 2 && (tab === "gaps" || onPath)) void this.needFit(this.posterior);
    const wanted = tab === "weights" || (tab === "derivation" && this.k > 2); // with k > 2 the browser cannot compute weights itself
    if (wanted) this.weights.need(this.posterior, { q, moved, seed, whose: this.whose });
    this.model?.map.showDraws(tab === "weights" ? this.weights.draws : null);
  }

  /**
   * Requests the optimisation of q, and shows the chosen step of it.
   * @param {Posterior} posterior
   */
  async needFit(posterior) {
    const { state, gaps } = this;
    const { full } = state;
    const isOutdated = () => this.posterior !== posterior || state.full !== full;
    const arrived = await gaps.need(full, posterior, () => this.ask("fit", { full }));
    const fit = gaps.fits.get(full);
    if (!fit || isOutdated()) return;
    const last = fit.path.length - 1;
    const { step, onPath, moved, q } = state;
    const isBeyond = step !== null && step > last;
    gaps.show(full, isBeyond ? last : step, state.both);
    if (step === null && arrived && !this.isDescribed) gaps.play(true);
    else if (step === null || isBeyond) state.set({ step: last, onPath: false });
    else if (onPath && !moved) gaps.to(step);
    else if (onPath && !gaps.adopt(q, step)) state.set({ onPath: false });
    this.showPath();
    this.weights.name(state.q, this.whose);
    this.numbersDirty = true; // the panel says whether q is on the path
    this.wake();
    if (state.both && state.tab === "gaps") await gaps.need(!full, posterior, () => this.ask("fit", { full: !full }));
    if (state.both && gaps.fits.size === 2 && !isOutdated()) gaps.show(full, state.step, true);
  }

  /** Shows the path of q on the map while q is on it. */
  showPath() {
    const map = this.model?.map;
    const { onPath, moved, step } = this.state;
    if (!map) return;
    map.way = onPath && moved && step !== null && this.gaps.fit ? { path: this.gaps.path(), step } : null;
    map.expire("hand");
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
  async ask(kind, fields = {}) {
    const { model, source } = this;
    if (!model || !source) return null;
    this.requests++;
    try {
      return await model.evidence.ask(kind, sourceOf(source), fields);
    } finally {
      this.requests--;
    }
  }

  /** Shows the draws from q that have arrived. */
  drawn() {
    this.derivationDirty = true;
    this.need();
    this.wake();
  }

  // --- buttons, keys and pointer ---------------------------------------------------------------------------------------

  listen() {
    this.listener = new AbortController();
    const { signal } = this.listener;
    this.root.addEventListener("click", (event) => this.press(event), { signal });
    this.$(".page-fit").addEventListener("click", () => this.model?.map.reset(), { signal });
    const reset = (/** @type {Event} */ event) => this.setQ(this.ofEncoder, false, event.timeStamp);
    this.$(".eb-reset").addEventListener("click", reset, { signal });
    this.listenToKeys((event) => this.key(event), { signal });
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
    if (name === "full") this.changeFamily(timeStamp);
  }

  /**
   * q may have correlations from now on, or has none any more.
   * @param {number} at
   */
  changeFamily(at) {
    const { state } = this;
    state.set({ step: null, onPath: false, both: state.both || this.gaps.fits.has(!state.full) }, at);
    if (!state.full && this.posterior && state.q) this.setQ(state.q.diagonalised(), state.moved, at);
    this.need();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { target, key } = event;
    if (!this.root.isConnected) return this.destroy();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape" && this.state.pad && !this.$(".eb-pad").inert)
      return this.state.set({ pad: false }, event.timeStamp);
    const step = ARROWS[key];
    const { q } = this.state;
    const map = this.model?.map;
    if (!step || !q || !map || target !== map.root || map.isLocked() || !this.posterior?.surface) return;
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
   * @param {boolean} [moved] it is not the encoder's
   */
  hold(q, at, moved = true) {
    this.gaps.stop();
    this.show({ q, moved, onPath: false }, at);
  }

  /**
   * Shows a q whose exact parts are not known.
   * @param {Partial<ElboState>} patch
   * @param {number} [at]
   */
  show(patch, at) {
    this.model?.evidence.forget("parts");
    this.exact = null;
    this.state.set(patch, at);
  }

  /**
   * @param {Gaussian | null} q
   * @param {boolean} moved it is not the encoder's
   * @param {number} at
   */
  setQ(q, moved, at) {
    if (!q) return;
    this.hold(q, at, moved);
    this.rest();
  }

  /**
   * Shows q at a step of an optimisation.
   * @param {Gaussian} q
   * @param {number} step
   */
  walk(q, step) {
    this.show({ q, moved: true, step, onPath: true });
    this.rest();
  }

  /** Starts the timer after which the server's exact parts replace those that the browser has computed. */
  rest() {
    this.clearRest();
    if (this.posterior && this.k <= 2) this.resting = setTimeout(() => this.rested(), REST);
    this.model?.map.expire("hand");
    this.wake();
  }

  clearRest() {
    clearTimeout(this.resting);
    this.resting = undefined;
  }

  rested() {
    this.resting = undefined;
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
    if (has("q", "moved", "onPath", "step")) this.showPath();
    if (has("step") && this.state.step !== null) this.gaps.place(this.state.step);
    if (has("tab", "seed")) this.need();
    if (has("tab", "against", "image")) this.sizeDirty = true;
    this.showControls();
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
    if (glides.more || waits || (plays && !this.gaps.byHand)) this.wake();
    else if (plays)
      this.playing ??= requestAnimationFrame((time) => {
        this.playing = null;
        this.tick(time);
      });
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
      this.$(".page-fit").hidden = map.camera.auto;
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

  // --- the state as a description --------------------------------------------------------------------------------------

  describe() {
    const look = this.model?.map.camera.describe();
    const { image, pad } = this.state;
    return {
      ...this.state.describe(),
      ...((pad || image < 0) && this.own.describe()),
      ...(look && { look: writtenLook(look) }),
    };
  }

  /** @param {Description} description */
  go(description) {
    const { model, state } = this;
    if (!model) return null;
    const { q, moved, image, onPath, listeners, ...choices } = ElboState.of(description, {
      count: model.frame.count,
      k: this.k,
    });
    const chosen = this.chosenIn({ image }, this.own.restore(description));
    const isSame = chosen !== null && this.isShown(chosen);
    this.gaps.stop();
    this.clearRest();
    this.isDescribed = moved;
    if (!isSame) this.posterior = this.exact = null;
    state.set({ ...choices, onPath: onPath && !isSame });
    const look = readLook(description.look ?? null);
    if (!isSame && !look) model.map.camera.release();
    const turn = this.turnTo(look, isSame);
    if (!isSame && chosen) void this.choose(chosen, performance.now(), { q });
    const move = isSame ? this.moveTo(q ?? this.ofEncoder, moved, onPath) : () => {};
    this.motion?.signal.addEventListener("abort", () => this.rest());
    return (/** @type {number} */ share) => {
      move(share);
      turn(share);
      this.link.save();
      this.wake();
    };
  }

  /**
   * The motion of q.
   * @param {Gaussian | null} to
   * @param {boolean} moved it is not the encoder's
   * @param {boolean} onPath it is that of a step of the optimisation
   */
  moveTo(to, moved, onPath) {
    const from = this.state.q;
    const stays = !from || !to || !this.posterior?.surface || from.isNear(to);
    return (/** @type {number} */ share) => {
      if (share < 1) {
        if (!stays) this.show({ q: Gaussian.between(from, to, share), moved: true, onPath: false });
        return;
      }
      this.show({ q: to, moved, onPath });
      this.rest();
      this.need();
    };
  }

  /**
   * The motion of the camera.
   * @param {Look | null} look null: where the page looks by itself
   * @param {boolean} isSame the posterior that it looks at is known
   */
  turnTo(look, isSame) {
    const map = this.model?.map;
    const camera = map?.camera;
    if (!map || !camera) return () => {};
    const from = camera.now && { ...camera.now };
    const known = camera.describe();
    const { width, height } = map.rectangle();
    const whole = this.state.view === "plane";
    const stays = look ? known && writtenLook(known) === writtenLook(look) : !known || !isSame;
    const to = look ? { u: look.u, v: look.v, unit: (2 * look.reach) / Math.min(width, height) } : map.place(whole);
    return (/** @type {number} */ share) => {
      this.lookDirty = true;
      if (share === 1) return camera.begin(look);
      if (stays || !from || !camera.now) return;
      const [u, v] = [between(from.u, to.u, share), between(from.v, to.v, share)];
      const unit = Math.exp(between(Math.log(from.unit), Math.log(to.unit), share));
      camera.take(unit / camera.now.unit, u, v, camera.now.u - u, camera.now.v - v);
    };
  }

  /**
   * The image of a state; null where the model has none.
   * @param {Pick<ElboState, "image">} state
   * @param {Float32Array | null} pixels on the pad
   * @returns {Chosen | null}
   */
  chosenIn({ image }, pixels) {
    if (image >= 0) return { image };
    if (pixels) return { pixels };
    return this.firstRow >= 0 ? { image: this.firstRow } : null;
  }

  /**
   * Whether the page shows this image, and no other is about to replace it.
   * @param {Chosen} chosen
   */
  isShown({ image, pixels }) {
    const { source } = this;
    if (!source || (this.chosen && this.chosen !== source)) return false;
    if (!pixels || !source.pixels) return source.image === image;
    return source.pixels.length === pixels.length && source.pixels.every((v, i) => v === pixels[i]);
  }

  isBusy() {
    const rests = this.resting !== undefined && !this.gaps.byHand;
    return this.isLoading || this.chosen !== null || this.requests > 0 || this.image.decoding !== null || rests;
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
