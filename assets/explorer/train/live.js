// A training run, watched and steered while it happens: maps, lens, images, curves, numbers, transport and dials over one
// or two runs. Knows the server's feed and the page's element, nothing of Streamlit.

import { whole } from "../core/format.js";
import { Page } from "../core/page.js";
import { State } from "../core/state.js";
import { afterPaint, measure } from "../core/timing.js";
import { Camera } from "../map/camera.js";
import { Pane } from "../map/pane.js";
import { Legend } from "../widgets/legend.js";
import { confirmed } from "./confirm.js";
import { Curves } from "./curves.js";
import { Dials } from "./dials.js";
import { Glass } from "./live-lens.js";
import { Notice } from "./notice.js";
import { HTML } from "./parts.js";
import { Presence } from "./presence.js";
import { Rates } from "./rates.js";
import { notice, Readout, summary } from "./readout.js";
import { ANSWER, Requests } from "./requests.js";
import { keepKey, Session } from "./session.js";
import { fromHash, toHash } from "./state.js";
import { Strip } from "./strip.js";
import { Tradeoff } from "./tradeoff.js";
import { Transport } from "./transport.js";

const SLOW = 100; // ms between two drawings of a chart
const FAR = 4000; // ms: how seldom a follower fetches weights, for there may be hundreds of them
const RATE = 28; // ms between two frames of the map while the hand moves, so that the lens has every other one to itself
const SNAP = 9; // px within which a click takes the data point itself

export class Live extends Page {
  // `base` is the app's root address, `compare` a second run, `follow`: read-only, for an audience. `onAction(message)`
  // hears of what was done for the person, such as a fork, and may open it.
  constructor(root, { base, run, token = null, compare = null, follow = false, onAction = null }) {
    super(root);
    this.base = base;
    this.follow = follow;
    this.onAction = onAction;
    this.runs = [];
    this.requests = new Requests();
    this.dirty = new Set();
    root.classList.toggle("lv-follow", follow);
    root.innerHTML = HTML;
    this.camera = new Camera();
    this.presence = new Presence(this, follow);
    this.glass = new Glass(this.$(".lv-lens"));
    this.strip = new Strip(this.$(".lv-strip"));
    this.readout = new Readout(this.$(".lv-head"));
    this.transport = new Transport(this.$(".lv-transport"), {
      ask: (wanted) => this.ask(wanted),
      act: (name, more) => this.act(name, more),
    });
    this.dials = new Dials(this.$(".lv-dials"), (wanted, at) => this.ask(wanted, at));
    this.notice = new Notice(this.$(".lv-notice"), base, {
      act: (name, more) => this.act(name, more),
      passed: () => this.touch("words"),
    });
    this.charts = {
      curves: new Curves(this.$(".lv-curves")),
      tradeoff: new Tradeoff(this.$(".lv-tradeoff")),
      rates: new Rates(this.$(".lv-rates")),
    };
    this.watchSizes(root.querySelectorAll(".lv-curves, .lv-pair canvas"), () =>
      this.touch("curves", "tradeoff", "rates"),
    );
    this.drawnAt = {};
    this.setState(2);
    this.listen();
    this.fill();
    this.update({ run, token, compare });
  }

  // The page shows another run, or brings a key. Cheap where nothing is new.
  update({ run, token = null, compare = null }) {
    this.fill();
    const names = compare && compare !== run ? [run, compare] : [run];
    if (names.join("\n") !== this.runs.map(({ session }) => session.run).join("\n")) this.open(names);
    else if ("ready" in this.root.dataset) this.link.arrive();
    if (!token || token === this.first.token || token === this.tokenTried) return;
    this.tokenTried = token;
    this.tryToken(token, this.first);
  }

  open(names) {
    for (const { session, pane } of this.runs) {
      session.close();
      pane.destroy();
    }
    this.camera.release();
    this.camera.now = null;
    this.requests.clear();
    delete this.root.dataset.ready;
    this.begun = false;
    this.$(".lv-maps").replaceChildren();
    this.glass.arrange(names.length);
    this.strip.root.replaceChildren();
    this.charts.rates.clear();
    this.runs = names.map((name, i) => this.openRun(name, i));
    this.root.classList.toggle("lv-two", names.length > 1);
    this.active = 0;
    this.steeredSide = "both";
    this.$(".lv-steered").hidden = names.length < 2;
    this.showOptions();
    this.touch("curves", "tradeoff", "words");
  }

  openRun(name, i) {
    const element = document.createElement("div");
    this.$(".lv-maps").append(element);
    const pane = new Pane(element, this.camera, this.state, {
      hover: (pane, x, y, at, finger) => this.hover(pane, x, y, at, finger),
      click: (pane, x, y, at, still) => this.click(pane, x, y, at, still),
      move: (...args) => this.look(() => this.camera.take(...args)),
      release: () => this.look(() => this.releaseCamera()),
      resized: () => this.resized(),
      decoded: () => [...this.root.querySelectorAll(".lv-decoded canvas")],
    });
    const session = new Session(this.base, name, {
      changed: (what, message) => this.heard(i, what, message),
      view: (view) => this.presence.hear(view),
      refused: (reason) => this.refused(reason, i),
      done: (message) => this.done(message),
      connection: (state, wait) => this.connection(state, wait),
    });
    return { session, pane };
  }

  get first() {
    return this.runs[0].session;
  }

  // The runs that buttons and dials speak to.
  get steered() {
    const chosen = this.steeredSide === "both" ? this.runs : [this.runs[this.steeredSide]];
    return chosen.map(({ session }) => session);
  }

  // The one of them whose state buttons and dials show.
  get lead() {
    return this.steered.find(({ isBusy }) => isBusy) ?? this.steered[0];
  }

  get steers() {
    return !this.follow && this.runs.some(({ session }) => session.steer);
  }

  destroy() {
    super.destroy();
    for (const { session, pane } of this.runs) {
      session.close();
      pane.destroy();
    }
    this.glass.close();
    this.root.replaceChildren();
  }

  // --- what the server says ------------------------------------------------------------------------------------------

  heard(i, what, message) {
    const run = this.runs[i];
    if (!run) return this.wake(); // the socket answered before the run was kept
    const { session, pane } = run;
    if (what === "probe") this.prepare(i);
    else if (what === "decoder") {
      this.glass.load(i, session.probe, session.decoder);
      this.lensAt ??= performance.now();
    } else if (what === "manifold") pane.lay(session.manifold);
    else if (what === "log" || what === "run") this.touch("curves", "tradeoff");
    else if (what === "asked") this.requests.answered(session, message.id);
    else if (what === "steer" && !message.steer && this.keyTried)
      this.refused("This key does not fit this run; check it, or ask who started the run.");
    if (what === "steer") this.keyTried = false;
    if (what === "run" || what === "status") this.tellOfKept(session);
    if (what !== "snapshot") this.touch("words");
    this.wake();
  }

  // A rewind has been heeded: what was before it can be returned to.
  tellOfKept(session) {
    const latest = session.kept.at(-1);
    const isNew = latest?.number > session.toldOf;
    if (session === this.lead && !session.isBusy) this.notice.untell();
    session.toldOf = latest?.number ?? 0;
    if (!isNew || session !== this.lead || !session.steer || this.follow || latest.reason === "finish") return;
    const said = latest.reason === "rewind" ? "Rewound to the start." : "Returned.";
    this.notice.tell(`${said} The run as it was at step ${whole(latest.step)} is kept.`, [
      [`Return to step ${whole(latest.step)}`, "undo", {}],
    ]);
  }

  prepare(i) {
    const { session, pane } = this.runs[i];
    const { latent_dim: k, classes } = session.probe.meta;
    pane.load(session.probe);
    if (i > 0) return;
    if (this.state.z.length !== k) this.setState(k);
    this.legend = new Legend(this.$(".er-legend"), this.state);
    this.legend.load(classes);
    this.beginAsLinked();
    this.strip.load(session.probe);
    this.dials.haveSigma(session.probe.meta.likelihood === "gaussian");
    this.root.dataset.ready = session.run;
  }

  // The state of a space of k dimensions; what was chosen stays.
  setState(k) {
    const before = this.state;
    this.state = new State(k);
    Object.assign(
      this.state,
      before ? { zones: before.zones, manifold: before.manifold } : { zones: "all", manifold: false },
    );
    this.state.subscribe((changed, at) => this.changed(changed, at));
    for (const { pane } of this.runs) pane.state = this.state;
    this.showOptions();
  }

  // Shows the map as the address says, once it is there.
  beginAsLinked() {
    if (this.begun) return; // the connection was lost for a while
    this.begun = true;
    const hash = this.link.begin();
    if (hash === null) this.link.save();
    else this.followLink(hash);
  }

  // Shows the map as another link says.
  followLink(hash) {
    const { probe } = this.first;
    if (!probe) return;
    const { chosen, look, steered } = fromHash(hash, { k: this.state.z.length, classes: probe.meta.classes.length });
    this.camera.begin(look);
    this.steeredSide = this.runs.length > 1 ? steered : "both";
    this.state.set(chosen);
    this.resized();
  }

  hash() {
    return toHash(this.state, this.camera.describe(), this.steeredSide);
  }

  refused(reason) {
    this.requests.clear();
    this.say(reason);
    this.touch("words");
  }

  done(message) {
    if (message.token && message.run) keepKey(message.run, message.token);
    if (this.onAction) this.onAction(message);
    else if (message.do === "fork" && message.run) this.update({ run: message.run, token: message.token });
    if (message.do === "keep") this.say("Saved: Explore offers this model now.");
  }

  connection(state, wait) {
    const lost = this.runs.some(({ session }) => !session.connected);
    const banner = this.$(".lv-lost");
    banner.hidden = !lost || (state === "open" && this.runs.length === 0);
    if (state === "lost")
      banner.textContent = `No connection to the server: trying again${wait > 1500 ? ` in ${Math.round(wait / 1000)} s` : ""}. The training goes on without this page.${this.follow ? "" : " If the server was stopped, start it again: the page comes back by itself."}`;
    if (state === "open") this.dials.flush();
    this.touch("words");
  }

  // A sentence that goes away by itself.
  say(text) {
    this.notice.tell(text);
    this.touch("words");
  }

  // --- asking --------------------------------------------------------------------------------------------------------

  ask(wanted, at = performance.now()) {
    const { lead } = this;
    const heard = this.steered.filter((session) => session.isBusy && session.ask(wanted));
    if (!heard.length) return;
    if (heard.includes(lead)) this.requests.add(lead, wanted, at);
    this.touch("words");
    setTimeout(() => this.touch("words"), ANSWER + 50); // by then it is heeded, or forgotten
  }

  // A snapshot that heeds what was asked for is about to be painted.
  heeded(session, { control }) {
    const done = this.requests.heeded(session, control).filter(({ wanted }) => "beta" in wanted);
    if (done.length) afterPaint(() => done.forEach(({ at }) => measure("elbo-room:control-to-frame", at)));
  }

  act(name, more = {}) {
    const { lead } = this;
    if (name === "save") this.ask({ save: true });
    else if (name === "finish") this.finish();
    else if (name === "restore") this.restore(more.number);
    else if (name === "undo") this.undo();
    else if (name === "link")
      this.copy(
        new URL(`room/follow/${encodeURIComponent(lead.run)}`, this.base).href,
        "Link copied: whoever opens it follows this run.",
      );
    else if (name === "key")
      this.copy(
        lead.token ?? "",
        lead.token ? "Key copied: whoever has it can steer this run." : "This run needs no key here.",
      );
    else if (name !== "download") lead.do(name, more);
  }

  async finish() {
    this.notice.untell();
    const names = this.steered.filter(({ isBusy }) => isBusy).map(({ run }) => run);
    if (!names.length) return;
    const text =
      "Training ends here, and the model is evaluated on the test images. The state of the training is kept, so that another run can go on from it later.";
    if (await confirmed(this.root, { title: `Finish ${names.join(" and ")}?`, text, yes: "Finish" }))
      this.ask({ finish: true });
  }

  // Returns to a kept state of the run that buttons speak to. Where no process trains it, another run goes on from there.
  restore(number) {
    const { lead } = this;
    if (lead.isBusy) lead.ask({ restore: number });
    else lead.do("fork", { kept: number });
  }

  // Every run that was rewound returns to what it was before.
  undo() {
    this.notice.untell();
    for (const session of this.steered) {
      const latest = session.kept.at(-1);
      if (latest && session.isBusy) session.ask({ restore: latest.number });
    }
  }

  async copy(text, told) {
    const copied =
      text &&
      (await navigator.clipboard?.writeText(text).then(
        () => true,
        () => false,
      ));
    this.say(copied || !text ? told : text);
  }

  // --- hands ---------------------------------------------------------------------------------------------------------

  listen() {
    this.listener = new AbortController();
    const { signal } = this.listener;
    const on = (selector, type, action) => this.$(selector).addEventListener(type, action, { signal });
    on(".lv-options", "click", ({ target }) => {
      const { zones, steered } = target.dataset;
      if (zones) this.state.set({ zones });
      if (steered) this.steer(steered);
    });
    on(".lv-manifold", "click", () => this.state.set({ manifold: !this.state.manifold }));
    on(".lv-fit", "click", () => this.look(() => this.releaseCamera()));
    on(".lv-following input", "change", ({ target }) => this.presence.follow(target.checked));
    on(".lv-locked", "submit", (event) => this.tryKey(event));
    document.addEventListener("keydown", (event) => this.key(event), { signal, capture: true });
    document.addEventListener("keyup", (event) => event.key === " " && this.isOurs(event) && event.preventDefault(), {
      signal,
      capture: true,
    });
    document.addEventListener("visibilitychange", () => this.wake(), { signal });
    window.addEventListener("resize", () => this.fill(), { signal });
  }

  steer(side) {
    this.steeredSide = side;
    this.link.save();
    this.requests.clear();
    this.showOptions();
    this.touch("words");
  }

  tryKey(event) {
    event.preventDefault();
    const input = this.$(".lv-locked input");
    this.tryToken(input.value.trim(), this.lead);
    input.value = "";
  }

  // Whether it fits is said once the server has looked.
  tryToken(token, session) {
    this.keyTried = true;
    session.unlock(token);
  }

  // Keys that are typed into nothing else.
  isOurs({ target }) {
    if (
      target.closest?.(
        'input:not([type="range"]), textarea, select, [contenteditable="true"], [role="menu"], summary, dialog',
      )
    )
      return false;
    return target === document.body || this.root.contains(target);
  }

  key(event) {
    if (!this.isOurs(event)) return;
    if (event.key === "Escape" && this.state.pinned) return this.state.set({ pinned: false }, event.timeStamp);
    if (event.key.startsWith("Arrow") && event.target.type === "range") return;
    if (event.key === "Home" && event.target.type === "range") return;
    if (this.transport.key(event, Boolean(event.target.closest?.(".lv-map")))) event.preventDefault();
  }

  // A finger takes the lens along even where that is pinned, or follows the presenter; a mouse does not.
  hover(pane, x, y, at, finger = false) {
    if (finger) this.leavePresenter();
    if ((this.state.pinned && !finger) || this.presence.adopts || !pane.projection) return;
    this.point(pane, x, y, at);
  }

  click(pane, x, y, at, still) {
    if (!pane.projection || !pane.view) return;
    this.leavePresenter();
    if (still && this.state.pinned && this.isAtMarker(pane, x, y)) return this.state.set({ pinned: false }, at);
    this.point(pane, x, y, at);
    const taken = still ? this.pointAt(pane, x, y) : -1;
    if (taken >= 0) this.state.z.set(pane.meanOf(taken));
    this.state.set({ pinned: true }, at);
  }

  // The data point that a click at a pixel takes, or −1.
  pointAt(pane, x, y) {
    const nearest = pane.nearest(...pane.view.toData(x, y));
    if (nearest < 0) return -1;
    const [px, py] = pane.view.toPixel(pane.morph.us[nearest], pane.morph.vs[nearest]);
    return Math.hypot(px - x, py - y) < SNAP ? nearest : -1;
  }

  point(pane, x, y, at) {
    this.active = this.runs.findIndex((run) => run.pane === pane);
    pane.projection.lift(this.state.z, ...pane.view.toData(x, y));
    this.showLensSoon(at);
    this.presence.share();
  }

  isAtMarker(pane, x, y) {
    const [mx, my] = pane.view.toPixel(...pane.projection.project(this.state.z));
    return Math.hypot(mx - x, my - y) < SNAP + 3;
  }

  // A hand of one's own.
  leavePresenter() {
    if (this.presence.adopts) this.presence.follow(false);
    this.touch("words");
  }

  look(move) {
    this.leavePresenter();
    move();
    this.presence.share();
    this.link.save();
    this.wake();
  }

  releaseCamera() {
    this.camera.release();
    this.followPoints();
  }

  resized() {
    this.camera.goal = this.camera.auto ? null : this.camera.goal;
    this.followPoints();
    this.touch("curves", "tradeoff", "rates");
  }

  followPoints() {
    const panes = this.runs.map(({ pane }) => pane).filter((pane) => pane.goal);
    if (panes.length)
      this.camera.follow(
        panes.map((pane) => pane.goal),
        panes[0].rectangle(),
      );
    this.wake();
  }

  changed(changed, at) {
    if (changed.has("hidden")) this.legend?.show();
    for (const { pane } of this.runs) pane.groundDirty = true;
    this.showOptions();
    this.showLensSoon(at);
    this.presence.share();
    this.link.save();
  }

  showOptions() {
    const { zones, manifold } = this.state;
    for (const button of this.root.querySelectorAll("[data-zones]"))
      button.setAttribute("aria-checked", String(button.dataset.zones === zones));
    for (const button of this.root.querySelectorAll("[data-steered]"))
      button.setAttribute("aria-checked", String(button.dataset.steered === this.steeredSide));
    this.$(".lv-manifold").setAttribute("aria-pressed", String(manifold));
  }

  // --- painting ------------------------------------------------------------------------------------------------------

  touch(...parts) {
    for (const part of parts) this.dirty.add(part);
    this.wake();
  }

  showLensSoon(at) {
    this.lensAt ??= at;
    this.wake();
  }

  // One frame of the display: the newest snapshots, the motion, the lens, and one of the slower parts.
  paint(now) {
    const dt = Math.min(100, now - (this.ticked ?? now));
    this.ticked = now;
    this.takeSnapshots(now);
    this.moved = this.camera.advance(dt) || this.moved;
    const handMoves = this.lensAt !== undefined;
    const due = !handMoves || now - (this.paintedAt ?? 0) > RATE;
    const moving = due ? this.paintMaps(now) : true;
    this.fetchWhatIsNeeded();
    if (handMoves) this.showLens();
    if (!handMoves || !due) this.drawSlowPart(now);
    if (moving || this.dirty.size) this.wake();
  }

  // Whether anything will have moved by the next frame.
  paintMaps(now) {
    const { moved } = this;
    this.paintedAt = now;
    this.moved = false;
    return this.runs.map(({ pane }) => pane.paint(now, moved)).some(Boolean) || moved;
  }

  takeSnapshots(now) {
    this.runs.forEach(({ session, pane }, i) => {
      const frame = session.take();
      if (!frame) return;
      pane.take(frame, now);
      this.followPoints();
      this.heeded(session, frame.meta);
      if (i === 0) {
        this.strip.show(frame.arrays.reconstructions);
        this.touch("rates");
      }
      this.touch("curves", "tradeoff", "words", "nearest");
    });
  }

  fetchWhatIsNeeded() {
    const hovered = this.runs.some(({ pane }) => pane.hovered);
    const followed = this.presence.adopts;
    for (const { session } of this.runs) {
      if (hovered || (this.state.pinned && !followed)) session.wantDecoder();
      else if (!this.follow || followed || !session.decoder) session.wantDecoder(FAR);
      if (this.state.manifold) session.wantManifold();
    }
  }

  showLens() {
    const started = this.lensAt;
    this.lensAt = undefined;
    const { z, pinned } = this.state;
    const { pane } = this.runs[this.active];
    if (!pane.projection) return;
    const [u, v] = pane.projection.project(z);
    this.glass.show(
      this.runs.map((run) => this.zOf(run.pane, u, v)),
      pinned,
    );
    this.root.classList.toggle("er-pinned", pinned);
    this.showNearest();
    afterPaint(() => measure("elbo-room:input-to-paint", started));
  }

  // The point whose mean is nearest to z; while a run trains, that changes though no hand moves.
  showNearest() {
    const { session, pane } = this.runs[this.active];
    if (!pane.projection) return;
    const [u, v] = pane.projection.project(this.state.z);
    this.glass.showPoint({ i: this.active, session, point: pane.nearestMean(this.state.z) });
    for (const run of this.runs) {
      if (!run.pane.projection) continue;
      const z = this.zOf(run.pane, u, v);
      run.pane.mark(z, run.pane.nearestMean(z));
    }
  }

  // z in the space of a map: the same, where the spaces are; else the spot that lies at (u, v) of its plane.
  zOf(pane, u, v) {
    if (!pane.projection || pane.k === this.state.z.length) return this.state.z;
    const z = new Float64Array(pane.k);
    pane.projection.lift(z, u, v);
    return z;
  }

  // At most one a frame, and each at most ten times a second.
  drawSlowPart(now) {
    const due = [...this.dirty].filter((part) => now - (this.drawnAt[part] ?? -Infinity) >= SLOW);
    const part = due.sort((a, b) => (this.drawnAt[a] ?? 0) - (this.drawnAt[b] ?? 0))[0];
    if (!part) return;
    this.dirty.delete(part);
    this.drawnAt[part] = now;
    if (part === "words") return this.showWords();
    if (part === "nearest") return this.showNearest();
    const runs = this.runs.map(({ session }) => ({ name: session.run, history: session.history }));
    if (part === "rates") this.first.frame && this.charts.rates.show(this.first.frame.meta);
    else this.charts[part].show(runs);
  }

  // State, numbers, buttons and dials: what was asked for a moment ago, else what is.
  showWords() {
    const { lead } = this;
    const meta = lead.frame?.meta;
    const { state } = lead.status;
    this.requests.expire();
    const paused = this.requests.paused ?? lead.isPaused;
    this.readout.show(lead, paused);
    const steer = lead.steer && lead.connected && !this.follow;
    this.transport.show({
      state: lead.status.gone ? "gone" : (state ?? ""),
      alive: lead.status.alive !== false,
      paused,
      pace: this.requests.paceOr(meta?.pace),
      steer,
      download: new URL("model.safetensors", lead.files).href,
      kept: lead.kept,
    });
    this.dials.show(lead, steer && lead.isBusy, (key) => this.requests.has(key));
    if (this.runs.length > 1) for (const { session, pane } of this.runs) pane.name(session.run, summary(session));
    this.notice.show(notice(lead, lead.steer && !this.follow));
    this.$(".lv-locked").hidden = this.follow || steer || !lead.connected || !state;
    this.$(".lv-following").hidden = this.steers || !state;
    this.$(".lv-following input").checked = this.presence.following;
  }

  // A new theme: everything drawn in the page's colours is drawn again.
  retheme() {
    for (const { session, pane } of this.runs) {
      if (session.manifold) pane.lay(session.manifold);
      pane.groundDirty = true;
    }
    this.touch("curves", "tradeoff", "rates");
  }
}
