// A training run, watched and steered while it trains: maps, lens, images, curves, numbers, transport and dials of one or
// two runs. Knows the server's messages and the page's element, nothing of Streamlit.

import { find, findAll } from "../core/dom.js";
import { whole } from "../core/format.js";
import { between } from "../core/glide.js";
import { readLook, writtenLook } from "../core/link-fields.js";
import { Page } from "../core/page.js";
import { afterPaint } from "../core/timing.js";
import { Camera } from "../map/camera.js";
import { Pane } from "../map/pane.js";
import { Legend } from "../widgets/legend.js";
import { cameraMotion } from "./camera-motion.js";
import { Commands } from "./commands.js";
import { Curves } from "./curves.js";
import { Dials } from "./dials.js";
import { Input } from "./input.js";
import { LiveLens } from "./live-lens.js";
import { Notice } from "./notice.js";
import { HTML } from "./parts.js";
import { Presence } from "./presence.js";
import { Rates } from "./rates.js";
import { Readout } from "./readout.js";
import { Renderer } from "./renderer.js";
import { Requests } from "./requests.js";
import { Session, storeKey } from "./session.js";
import { LiveState, readState } from "./state.js";
import { ReconstructionStrip } from "./strip.js";
import { Tradeoff } from "./tradeoff.js";
import { Transport } from "./transport.js";

/** @import { Description } from "../core/view.js" */
/** @import { DoneMessage } from "./protocol.js" */
/** @import { Part } from "./renderer.js" */
/** @import { SessionChange } from "./session.js" */
/** @import { LiveFields } from "./state.js" */

/**
 * @typedef {object} LiveOptions
 * @property {string} base the app's root address
 * @property {string} run
 * @property {string | null} [token] the key that steers the run
 * @property {string | null} [compare] a second run
 * @property {boolean} [follow] whether the page is read-only, for an audience
 * @property {((message: DoneMessage) => void) | null} [onAction] called after an action such as a fork, in place of the
 *   page's own handler, which opens the new run
 */

/**
 * @typedef {object} LiveRun
 * @property {Session} session
 * @property {Pane} pane
 * @property {number | undefined} latest number of the latest saved state that is known, 0 for none; undefined at first
 */

export class Live extends Page {
  /**
   * @param {HTMLElement} root
   * @param {LiveOptions} options
   */
  constructor(root, { base, run, token = null, compare = null, follow = false, onAction = null }) {
    super(root);
    this.base = base;
    this.follow = follow;
    this.onAction = onAction;
    /** @type {LiveRun[]} */
    this.runs = [];
    this.begun = false; // the address has been read
    /** @type {Description | null} where the view is to go once it is open */
    this.requested = null;
    this.keyTried = false; // a key was sent that the server has not answered yet
    /** @type {string | null} the last key that the app gave to the page */
    this.tokenTried = null;
    /** @type {Legend | null} */
    this.legend = null;
    this.requests = new Requests();
    this.commands = new Commands(this);
    this.renderer = new Renderer(this);
    this.input = new Input(this);
    root.classList.toggle("page-follow", follow);
    root.innerHTML = HTML;
    this.camera = new Camera();
    this.presence = new Presence(this, follow);
    this.lens = new LiveLens(this.$(".page-lens"));
    this.strip = new ReconstructionStrip(this.$(".page-strip"));
    this.readout = new Readout(this.$(".page-head"));
    this.transport = new Transport(this.$(".page-transport"), {
      request: (change) => this.commands.request(change),
      act: (name, more) => this.commands.act(name, more),
    });
    this.dials = new Dials(this.$(".page-dials"), (change, at) => this.commands.request(change, at));
    this.notice = new Notice(this.$(".page-notice"), base, {
      act: (name, more) => this.commands.act(name, more),
      ended: () => this.touch("words"),
    });
    this.charts = {
      curves: new Curves(find(root, ".page-curves", HTMLCanvasElement)),
      tradeoff: new Tradeoff(find(root, ".page-tradeoff", HTMLCanvasElement)),
      rates: new Rates(find(root, ".page-rates", HTMLCanvasElement)),
    };
    this.watchSizes(root.querySelectorAll(".page-curves, .page-pair canvas"), () =>
      this.touch("curves", "tradeoff", "rates"),
    );
    this.state = this.makeState(2);
    this.showOptions();
    this.listener = new AbortController();
    this.input.listen(this.listener.signal);
    this.fill();
    this.update({ run, token, compare });
  }

  /**
   * Shows these runs, and tries a key that is new. Does nothing where they are shown already.
   * @param {Pick<LiveOptions, "run" | "token" | "compare">} options
   */
  update({ run, token = null, compare = null }) {
    this.fill();
    const names = compare && compare !== run ? [run, compare] : [run];
    if (names.join("\n") !== this.runs.map(({ session }) => session.run).join("\n")) this.open(names);
    else if ("ready" in this.root.dataset) this.link.arrive();
    if (!token || token === this.first.token || token === this.tokenTried) return;
    this.tokenTried = token;
    this.tryToken(token, this.first);
  }

  /** @param {string[]} names of one or two runs */
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
    this.requested = null;
    this.$(".page-maps").replaceChildren();
    this.lens.arrange(names.length);
    this.strip.root.replaceChildren();
    this.charts.rates.clear();
    this.runs = names.map((name, i) => this.openRun(name, i));
    this.root.classList.toggle("page-two", names.length > 1);
    this.state.set({ steered: "both", map: 0 });
    this.$(".page-steered").hidden = names.length < 2;
    this.showOptions();
    this.touch("curves", "tradeoff", "words");
  }

  /**
   * @param {string} name
   * @param {number} i
   * @returns {LiveRun}
   */
  openRun(name, i) {
    const element = document.createElement("div");
    element.dataset.control = "map";
    this.$(".page-maps").append(element);
    /** @type {Pane} */
    const pane = new Pane(element, this.camera, this.state, {
      hover: (pane, x, y, at, finger) => this.input.hover(pane, x, y, at, finger),
      click: (pane, x, y, at, still) => this.input.click(pane, x, y, at, still),
      move: (...args) => this.reacts("map") && this.look(() => this.camera.take(...args)),
      release: () => this.reacts("map") && this.look(() => this.releaseCamera()),
      resized: () => this.resized(),
      decoded: () => findAll(this.root, ".page-decoded canvas", HTMLCanvasElement),
    });
    const session = new Session(this.base, name, {
      changed: (what) => this.sessionChanged(i, what),
      accepted: (id) => this.accepted(i, id),
      steer: (granted) => this.keyAnswered(granted),
      view: (view) => this.presence.receive(view),
      refused: (reason) => this.refused(reason),
      done: (message) => this.done(message),
      connection: (state, wait) => this.connection(state, wait),
    });
    return { session, pane, latest: undefined };
  }

  get first() {
    return this.runs[0].session;
  }

  /** The runs that buttons and dials control. */
  get steered() {
    const { steered } = this.state;
    const chosen = steered === "both" ? this.runs : [this.runs[Number(steered)]];
    return chosen.map(({ session }) => session);
  }

  /** The one of them whose state buttons and dials show. */
  get lead() {
    const { steered } = this;
    return steered.find(({ isBusy }) => isBusy) ?? steered[0];
  }

  /** Whether this page may steer a run. */
  get steers() {
    return !this.follow && this.runs.some(({ session }) => session.steer);
  }

  destroy() {
    super.destroy();
    for (const { session, pane } of this.runs) {
      session.close();
      pane.destroy();
    }
    this.lens.close();
    this.root.replaceChildren();
  }

  // --- what others may ask of a view -----------------------------------------------------------------------------------

  describe() {
    const look = this.camera.describe();
    const { following } = this.presence;
    return {
      ...this.state.describe(),
      ...(look && { look: writtenLook(look) }),
      ...(following !== this.follow && { follow: following ? "1" : "0" }),
    };
  }

  /** @param {Description} description */
  go(description) {
    const { probe } = this.first;
    if (!probe) {
      this.requested = description;
      return null;
    }
    const { follow } = description;
    this.presence.follow(follow === "1" || follow === "0" ? follow === "1" : this.follow);
    if (this.presence.adopted) return null; // the presenter's view is shown
    const bounds = { k: this.state.z.length, classes: probe.meta.classes.length, runs: this.runs.length };
    const { z, ...fields } = readState(description, bounds);
    const from = this.state.z;
    const { goals, rectangle } = this.points();
    const moveCamera = cameraMotion(this.camera, readLook(description.look ?? null), goals, rectangle);
    this.state.set(fields);
    return (/** @type {number} */ share) => {
      this.state.set({ z: between(from, z, share) });
      moveCamera(share);
      this.resized();
      this.showLensSoon(performance.now());
      this.link.save();
    };
  }

  /** Resolves when all that was requested has been painted. The motion of the points while a run trains is not waited for. */
  async settled() {
    const waits = () => this.motion || this.isBusy() || (this.request !== null && !this.isTraining);
    while (!this.destroyed && waits()) await painted();
    await painted();
  }

  isBusy() {
    const { runs, renderer, lens, isTraining } = this;
    return renderer.isBehind || lens.isBusy || runs.some(({ session }) => session.isLoading(isTraining));
  }

  get isTraining() {
    return this.runs.some(({ session }) => session.isTraining);
  }

  /**
   * Whether a control reacts: lessons can lock it, or hide it.
   * @param {string} name
   */
  reacts(name) {
    const { locked, hidden } = this.locks.names;
    return !locked.has(name) && !hidden.has(name);
  }

  // --- messages of the server ----------------------------------------------------------------------------------------

  /**
   * Handles news of run i.
   * @param {number} i
   * @param {SessionChange} what
   */
  sessionChanged(i, what) {
    const run = this.runs[i];
    if (!run) return this.wake(); // the run is just being opened
    const { session, pane } = run;
    if (what === "due") return this.wake();
    if (what === "probe") this.prepare(i);
    else if (what === "decoder" && session.probe && session.decoder) {
      this.lens.load(i, session.probe, session.decoder);
      this.showLensSoon(performance.now());
    } else if (what === "manifold" && session.manifold) pane.lay(session.manifold);
    else if (what === "log" || what === "run") this.touch("curves", "tradeoff");
    if (what === "run" || what === "status") this.offerUndo(run);
    if (what !== "snapshot") this.touch("words");
    this.wake();
  }

  /**
   * The server has given a request for run i its id.
   * @param {number} i
   * @param {number} id
   */
  accepted(i, id) {
    if (this.runs[i]) this.requests.accepted(this.runs[i].session, id);
    this.touch("words");
  }

  /** @param {boolean} granted whether the key that was sent steers the run */
  keyAnswered(granted) {
    if (!granted && this.keyTried)
      this.refused("This key does not fit this run; check it, or ask who started the run.");
    this.keyTried = false;
    this.touch("words");
  }

  /**
   * Once a rewind or a return has been done, offers to undo it.
   * @param {LiveRun} run
   */
  offerUndo(run) {
    const { session, latest: known } = run;
    const latest = session.kept.at(-1);
    if (session === this.lead && !session.isBusy) this.notice.withdraw();
    run.latest = latest?.number ?? 0;
    if (!latest || known === undefined || latest.number <= known) return;
    if (session !== this.lead || !session.steer || this.follow || latest.reason === "finish") return;
    const done = latest.reason === "rewind" ? "Rewound to the start." : "Returned.";
    this.notice.announce(`${done} The run as it was at step ${whole(latest.step)} is kept.`, [
      [`Return to step ${whole(latest.step)}`, "undo", {}],
    ]);
  }

  /**
   * Run i has its probe set: its map can be shown. The first run also fills everything beside the maps.
   * @param {number} i
   */
  prepare(i) {
    const { session, pane } = this.runs[i];
    const { probe } = session;
    if (!probe) return;
    const { latent_dim: k, classes, likelihood } = probe.meta;
    pane.load(probe);
    if (i > 0) return;
    if (this.state.z.length !== k) this.setState(k);
    this.legend = new Legend(this.$(".er-legend"), this.state);
    this.legend.load(classes);
    this.beginAsLinked();
    this.strip.load(probe);
    this.dials.haveSigma(likelihood === "gaussian");
    this.root.dataset.ready = session.run;
  }

  /**
   * @param {number} k latent dimensions
   * @param {Pick<LiveFields, "zones" | "manifold">} [choices]
   */
  makeState(k, choices) {
    const state = new LiveState(k, choices);
    state.subscribe((changed, at) => this.changed(changed, at));
    return state;
  }

  /**
   * Begins with a new state of k latent dimensions that keeps the choices of the last one.
   * @param {number} k
   */
  setState(k) {
    this.state = this.makeState(k, this.state);
    for (const { pane } of this.runs) pane.state = this.state;
    this.showOptions();
  }

  /** Shows what the address says, or what was requested meanwhile; not again after a lost connection. */
  beginAsLinked() {
    if (this.begun) return;
    this.begun = true;
    const hash = this.link.begin();
    if (this.requested) void this.apply(this.requested);
    else if (hash === null) this.link.save();
    else this.followLink(hash);
    this.requested = null;
  }

  /** @param {string} reason */
  refused(reason) {
    this.requests.clear();
    this.announce(reason);
    this.touch("words");
  }

  /** @param {DoneMessage} message */
  done(message) {
    if (message.token && message.run) storeKey(message.run, message.token);
    if (this.onAction) this.onAction(message);
    else if (message.action === "fork" && message.run) this.update({ run: message.run, token: message.token });
    if (message.action === "keep") this.announce("Saved: Explore offers this model now.");
  }

  /**
   * @param {"open" | "lost"} state
   * @param {number} [wait] ms until the next attempt
   */
  connection(state, wait = 0) {
    const lost = this.runs.some(({ session }) => !session.connected);
    const banner = this.$(".page-lost");
    banner.hidden = !lost || (state === "open" && this.runs.length === 0);
    if (state === "lost")
      banner.textContent = `No connection to the server: trying again${wait > 1500 ? ` in ${Math.round(wait / 1000)} s` : ""}. The training goes on without this page.${this.follow ? "" : " If the server was stopped, start it again: the page comes back by itself."}`;
    if (state === "open") this.dials.flush();
    this.touch("words");
  }

  /**
   * Shows a temporary sentence.
   * @param {string} text
   */
  announce(text) {
    this.notice.announce(text);
    this.touch("words");
  }

  // --- what is steered, and where the camera looks -------------------------------------------------------------------

  /**
   * Sends a key; `keyAnswered` handles the answer.
   * @param {string} token
   * @param {Session} session
   */
  tryToken(token, session) {
    this.keyTried = true;
    session.unlock(token);
  }

  /** A person moves the lens or the camera of this page, so that it does not follow the presenter any more. */
  leavePresenter() {
    if (this.presence.adopted) this.presence.follow(false);
    this.touch("words");
  }

  /** @param {() => void} move of the camera, by a person */
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

  /** Lets the camera follow the points of all maps. */
  followPoints() {
    const { goals, rectangle } = this.points();
    if (rectangle) this.camera.follow(goals, rectangle);
    this.wake();
  }

  /** The points of all maps in the newest snapshots, and the size of a map; undefined before the first snapshot. */
  points() {
    const panes = this.runs.map(({ pane }) => pane);
    const goals = panes.flatMap(({ goal }) => (goal ? [goal] : []));
    return { goals, rectangle: panes.find(({ goal }) => goal)?.rectangle() };
  }

  /**
   * Handles a change of the state.
   * @param {Set<string>} changed
   * @param {number} at ms
   */
  changed(changed, at) {
    if (changed.has("hidden")) this.legend?.show();
    if (changed.has("steered")) {
      this.requests.clear();
      this.touch("words");
    }
    if (["zones", "manifold", "hidden"].some((name) => changed.has(name)))
      for (const { pane } of this.runs) pane.groundDirty = true;
    if (["zones", "manifold", "steered"].some((name) => changed.has(name))) this.showOptions();
    this.showLensSoon(at);
    this.presence.share();
    const isLinked = this.state.pinned || [...changed].some((name) => name !== "z" && name !== "map");
    if (isLinked && this.begun) this.link.save();
  }

  showOptions() {
    const { zones, manifold, steered } = this.state;
    for (const button of findAll(this.root, "[data-zones]"))
      button.setAttribute("aria-checked", String(button.dataset.zones === zones));
    for (const button of findAll(this.root, "[data-steered]"))
      button.setAttribute("aria-checked", String(button.dataset.steered === steered));
    this.$(".page-manifold").setAttribute("aria-pressed", String(manifold));
  }

  // --- painting ------------------------------------------------------------------------------------------------------

  /** @param {Part[]} parts to be drawn again */
  touch(...parts) {
    for (const part of parts) this.renderer.dirty.add(part);
    this.wake();
  }

  /**
   * The lens is to be painted in the next frame.
   * @param {number} at ms, when it was moved
   */
  showLensSoon(at) {
    this.renderer.lensAt ??= at;
    this.wake();
  }

  /** @param {number} now ms */
  paint(now) {
    this.renderer.paint(now);
  }

  /** Draws everything again in the colours of a new theme. */
  retheme() {
    for (const { session, pane } of this.runs) {
      if (session.manifold) pane.lay(session.manifold);
      pane.groundDirty = true;
    }
    for (const chart of Object.values(this.charts)) chart.retheme();
    this.wake();
  }
}

/** Resolves once the next frame of the display has been painted. */
const painted = () => new Promise((resolve) => requestAnimationFrame(() => afterPaint(() => resolve(undefined))));
