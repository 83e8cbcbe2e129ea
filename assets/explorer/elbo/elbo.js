// The page of the bound: one image's true posterior on the latent plane, q in a hand, the bar that adds up, the derivation
// with its numbers. Knows the frames and the page's element, nothing of Streamlit.

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
import { DENSITIES, ElboState } from "./state.js";
import { Peek, Strip } from "./strip.js";
import { examples, GapTable, ordinary } from "./table.js";
import { Weights } from "./weights.js";

const REST = 180; // ms that a hand rests before the exact parts are asked for
const STROKE = 120; // ms that a pen rests before the posterior of what is drawn is asked for
const EXAMPLES = 7; // of a kind
const SLOW = 60; // ms between two drawings of the derivation while q moves
const NUDGE = 0.1; // standard deviations that an arrow key moves q
export class Elbo extends Page {
  constructor(root) {
    super(root, "eb");
    root.innerHTML = HTML;
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
    this.watchSizes(root.querySelectorAll(".eb-bar canvas, .eb-panel canvas"), () => this.resized());
    this.fill();
  }

  // Shows the model that `data` names. A later call wins over an earlier one that is still on its way.
  async load(data) {
    if (data.frame === this.data?.frame && data.table === this.data?.table) return this.frame && this.link.arrive();
    this.data = data;
    this.evidence?.forget();
    try {
      const [frame, table] = await Promise.all([Frame.fetch(data.frame), data.table ? Frame.fetch(data.table) : null]);
      if (data !== this.data || this.destroyed) return;
      this.open(frame, table);
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

  open(frame, table) {
    const before = this.state;
    const { latent_dim: k, name } = frame.meta;
    this.frame = frame;
    this.k = k;
    this.posterior = null;
    this.parts = null;
    this.exact = null;
    this.source = null;
    this.row = -1;
    this.evidence = new Evidence(this.data.evidence);
    const hash = this.link.begin();
    this.state = new ElboState().fromHash(hash ?? "", { count: frame.count, k });
    if (hash === null && before) this.state.keep(before);
    this.build();
    this.image.close();
    this.image.load(frame);
    this.peek.load(frame);
    this.own.load(frame, this.data.encoder);
    this.weights.load(this.state.seed);
    this.table.load(table, frame);
    const found = table ? examples(table, EXAMPLES) : {};
    this.strip.load(
      found,
      frame,
      table ? new Map(Array.from(table.arrays.index, (row, i) => [row, table.arrays.gap[i]])) : new Map(),
    );
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

  // Everything that is made for one model.
  build() {
    this.listener?.abort();
    this.map?.destroy();
    const { state } = this;
    const element = document.createElement("div");
    this.$(".lv-maps").replaceChildren(element);
    this.map = new PlaneMap(element, new Camera(), state, {
      hover: () => {},
      click: (pane, x, y, at, still) => still && this.click(x, y, at),
      move: (...args) => this.look(() => this.map.camera.take(...args)),
      release: () => this.look(() => this.map.camera.release()),
      resized: () => this.resized(),
      hold: (q, at) => this.hold(q, at),
      rest: () => this.rest(),
      point: (row, x, y) => this.peek.show(row, x, y),
    });
    const plane = this.k <= 2;
    this.controls.load(this.k);
    if (!plane && state.tab === "gaps") state.tab = "derivation";
    if (this.k !== 2) state.full = false;
    state.subscribe((changed, at) => this.changed(changed, at));
    this.listen();
    this.retheme();
    this.map.open(this.frame);
    this.map.camera.begin(state.look);
    this.showOptions();
  }

  say(message) {
    this.$(".eb-message").textContent = message;
    this.$(".eb-message").hidden = !message;
    this.root.classList.toggle("eb-failed", Boolean(message) && Boolean(this.frame));
  }

  destroy() {
    super.destroy();
    this.image.close();
    this.own.close();
    this.evidence?.forget();
    this.map?.destroy();
  }

  // --- choosing ------------------------------------------------------------------------------------------------------

  // Shows an image's q at once, and its posterior as soon as the server has it. `first`: q as the link has it.
  async choose(source, at, first = false) {
    const { state } = this;
    const encoded = source.pixels
      ? await this.encode(source.pixels)
      : Gaussian.ofRow(this.frame.arrays, source.image, this.k);
    if (!encoded || this.destroyed) return;
    if (!source.pixels) this.row = source.image;
    this.evidence.forget("parts", "fit", "weights");
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

  // Another stroke on the pad; once it is empty, the image before is shown again.
  sketch(pixels, at) {
    if (pixels) this.choose({ pixels }, at);
    else if (this.row >= 0) this.choose({ image: this.row }, at);
  }

  // The posterior has come.
  take(posterior, first) {
    const { state, map } = this;
    this.posterior = posterior;
    this.ofEncoder = posterior.ofEncoder;
    this.say("");
    this.$(".eb-wait").hidden = true;
    map.show(posterior);
    const q = first && state.asked;
    state.asked = null;
    this.brought = Boolean(q); // by a link: it stays where it is
    const fetched = !first && !this.source.pixels; // whoever draws keeps the view, to see q wander
    if (fetched) map.camera.release();
    state.set(
      { q: q || posterior.ofEncoder, moved: Boolean(q), ...(fetched && this.k <= 2 ? { view: "posterior" } : {}) },
      this.chosenAt,
    );
    this.arrived = this.lookDirty = true;
    this.rest();
    this.need();
  }

  // What the server would not answer, in its own sentence.
  refuse(error) {
    this.say(sentence(error));
    this.$(".eb-wait").hidden = true;
    this.posterior = this.parts = null;
    this.map.show(null);
    this.wake();
  }

  async encode(pixels) {
    try {
      return await this.own.encode(pixels);
    } catch (error) {
      this.say("The encoder could not be loaded. Reload the page.");
      console.error(error);
      return null;
    }
  }

  // What the open tab shows of this image, asked for once.
  need() {
    const { tab, full } = this.state;
    if (!this.posterior) return;
    if (tab === "gaps" && this.k <= 2) {
      this.gaps.need(full, this.posterior, () => this.ask("fit", { full }), !this.brought);
      this.numbersDirty = true; // the path says whether q is on it
      this.wake();
    }
    const wanted = tab === "weights" || (tab === "derivation" && this.k > 2); // where no surface says what draws weigh
    if (wanted) this.weights.need(this.posterior, { q: this.state.q, moved: this.state.moved, whose: this.whose });
    this.map.showDraws(tab === "weights" ? this.weights.draws : null);
  }

  // Which q the page shows, in words.
  get whose() {
    const { q, moved } = this.state;
    if (!moved) return "the encoder’s q";
    const step = this.gaps.stepOf(q);
    return step ? `q at ${step}` : "q as it was moved";
  }

  // The answer to a question about the chosen image; null where it is given up.
  ask(kind, fields = {}) {
    return this.evidence.ask(kind, wire(this.source), fields);
  }

  // The server has drawn from q.
  drawn() {
    this.link.save();
    this.derivationDirty = true;
    this.need();
    this.wake();
  }

  // --- hands ---------------------------------------------------------------------------------------------------------

  listen() {
    this.listener = new AbortController();
    const { signal } = this.listener;
    const on = (selector, type, action) => this.$(selector).addEventListener(type, action, { signal });
    this.root.addEventListener("click", (event) => this.press(event), { signal });
    on(".lv-fit", "click", () => this.map.reset());
    on(".eb-reset", "click", (event) => this.setQ(this.ofEncoder, false, event.timeStamp));
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    window.addEventListener("resize", () => this.fill(), { signal });
  }

  press(event) {
    const { view, heat, switch: name, tab, against } = event.target.closest("button")?.dataset ?? {};
    const { state } = this;
    if (view) this.look(() => this.map.camera.release());
    for (const [key, value] of Object.entries({ view, heat, tab, against }))
      if (value) state.set({ [key]: value }, event.timeStamp);
    if (!name) return;
    state.set({ [name]: !state[name] }, event.timeStamp);
    if (name === "full" && !state.full && this.posterior)
      this.setQ(state.q.diagonalised(), state.moved, event.timeStamp);
    if (name === "full") this.need();
  }

  key(event) {
    const { target, key } = event;
    if (!this.root.isConnected) return this.destroy();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "Escape" && this.own.isOpen) return this.own.toggle(false);
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
    if (!step || target !== this.map?.root || !this.posterior?.surface) return;
    const sigmas = this.state.q.sigmas();
    this.setQ(
      this.state.q.moved(this.state.q.mu.map((m, d) => m + NUDGE * sigmas[d] * step[d])),
      true,
      event.timeStamp,
    );
    event.preventDefault();
  }

  click(x, y, at) {
    if (this.map.tookHandle) return;
    const row = this.map.target(x, y);
    if (row >= 0) this.choose({ image: row }, at);
  }

  // A hand moves q.
  hold(q, at) {
    this.gaps.stop();
    this.map.way = null;
    this.evidence.forget("parts");
    this.exact = null;
    this.state.set({ q, moved: true }, at);
  }

  setQ(q, moved, at) {
    if (!q) return;
    this.hold(q, at);
    this.state.set({ moved }, at);
    this.rest();
  }

  // The optimisation's way is stepped through.
  walk(q, path, step) {
    this.map.way = { path, step };
    this.evidence.forget("parts");
    this.exact = null;
    this.state.set({ q, moved: true });
    this.rest();
  }

  // Once nothing has moved for a while, the exact parts take the place of those that the browser has computed.
  rest() {
    clearTimeout(this.resting);
    if (this.posterior && this.map.k <= 2) this.resting = setTimeout(() => this.rested(), REST);
    this.map.expire("hand");
    this.wake();
  }

  rested() {
    this.askExact();
    if (this.state.tab === "weights") this.need(); // of the q that is there now
  }

  async askExact() {
    const { posterior } = this;
    const { q } = this.state;
    if (this.map.held || !posterior || this.destroyed) return;
    try {
      const answer = await this.ask("parts", q.toJSON());
      if (!answer || this.posterior !== posterior || this.state.q !== q) return;
      const { log_evidence: logEvidence, rate, distortion, gap, elbo, sampled } = answer.meta;
      posterior.refine(answer.meta);
      this.exact = { logEvidence, rate, distortion, gap, elbo, sampled, exact: true };
      this.qDirty = this.sizeDirty = true; // the panels draw the evidence too
      this.wake();
    } catch (error) {
      if (this.posterior === posterior) this.warn(sentence(error));
    }
  }

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

  changed(changed, at) {
    const has = (...names) => names.some((name) => changed.has(name));
    if (has("q")) this.qDirty = true;
    if (has("q", "full", "moved")) this.map.expire("hand");
    if (has("heat", "log")) this.map.expire("heat", "lines");
    if (has(...DENSITIES)) {
      this.map.expire("lines");
      this.map.groundDirty = true;
    }
    if (has("points")) this.map.dirty = true;
    if (has("view", "image")) this.lookDirty = true;
    if (has("tab")) this.need();
    if (has("tab", "against", "image")) this.sizeDirty = true;
    this.showOptions();
    this.startedAt ??= at;
    this.link.save();
    this.wake();
  }

  showOptions() {
    const { state } = this;
    this.controls.show(state);
  }

  // One frame of the display.
  paint(now) {
    if (!this.state || !this.map.probe) return;
    const plays = this.gaps.advance(now);
    const started = this.startedAt;
    this.startedAt = undefined;
    if (this.qDirty) this.computeParts();
    const glides = this.aim(now);
    this.map.paint(now, glides.moved);
    this.$(".eb-key").textContent = this.map.key ?? "";
    const waits = this.showNumbers(now);
    if (started !== undefined) afterPaint(() => measure("elbo-room:input-to-paint", started));
    if (this.arrived) this.markArrival();
    if (plays || glides.more || waits) this.wake();
  }

  aim(now) {
    const dt = Math.min(100, now - (this.ticked ?? now));
    this.ticked = now;
    if (this.lookDirty) {
      this.map.aim(this.state.view === "plane");
      this.map.expire();
      this.$(".lv-fit").hidden = this.map.camera.auto;
    }
    const moved = this.map.camera.advance(dt || 16) || this.lookDirty;
    this.lookDirty = false;
    return { moved, more: moved && this.map.camera.auto };
  }

  // From the choice of an image to the painted picture.
  markArrival() {
    this.arrived = false;
    const [since, { state, root }] = [this.chosenAt, this];
    afterPaint(() => {
      measure("elbo-room:choice-to-picture", since);
      root.dataset.image = state.image;
    });
  }

  computeParts() {
    this.qDirty = false;
    this.numbersDirty = this.derivationDirty = true;
    this.map.expire("hand");
    const { posterior, state, exact } = this;
    this.root.classList.toggle("eb-pending", !posterior);
    if (!posterior) this.parts = null;
    else
      this.parts =
        exact ??
        (posterior.surface ? partsOf(state.q, posterior.surface, posterior.logEvidence) : sampledParts(posterior.meta));
  }

  // True where something has yet to be drawn.
  showNumbers(now) {
    const { state, posterior, parts, colours } = this;
    if (this.numbersDirty) {
      this.image.showQ(state.q);
      if (parts) this.bar.show(parts, this.whose, colours, posterior.meta.unnormalised);
      if (parts) this.gaps.tell(state.q, printed(parts).about + printed(parts).text("elbo"));
    } else if (this.sizeDirty) this.bar.draw();
    this.numbersDirty = false;
    if (this.sizeDirty) this.drawPanels();
    this.sizeDirty = false;
    if (!this.derivationDirty || !parts || state.tab !== "derivation") return false;
    if (now - (this.derivedAt ?? -Infinity) < SLOW) return true;
    this.derivedAt = now;
    this.derivationDirty = false;
    const weights = posterior.surface
      ? weighed(state.q, posterior.surface, { mean: posterior.logEvidence, error: posterior.meta.error })
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

  // A new theme: everything drawn in the page's colours is drawn again.
  retheme() {
    this.colours = elboTheme(this.root);
    if (!this.map) return;
    this.map.colours = this.colours;
    this.map.heats.clear();
    this.map.expire("heat", "lines", "hand");
    this.map.dirty = this.map.groundDirty = true;
    for (const panel of [this.gaps, this.weights]) panel.colours = this.colours;
    this.numbersDirty = this.sizeDirty = this.derivationDirty = true;
    this.wake();
  }

  // --- the address -----------------------------------------------------------------------------------------------------

  // Shows the open model as another link says.
  followLink(hash) {
    if (!this.frame) return;
    const asked = new ElboState().fromHash(hash, { count: this.frame.count, k: this.k });
    const { listeners, q } = this.state;
    const image = asked.image >= 0 ? asked.image : this.state.image;
    Object.assign(this.state, asked, { listeners, q });
    this.map.groundDirty = this.map.dirty = true;
    this.map.expire("heat", "lines", "hand");
    this.map.camera.begin(asked.look);
    this.weights.load(asked.seed);
    if (image >= 0) this.choose({ image }, performance.now(), true);
  }

  hash() {
    Object.assign(this.state, { look: this.map.camera.describe(), seed: this.weights.seed });
    return this.state.toHash();
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// A question's image as it goes over the wire.
const wire = ({ image, pixels }) => (pixels ? { pixels: Array.from(pixels, (v) => +v.toFixed(4)) } : { image });
