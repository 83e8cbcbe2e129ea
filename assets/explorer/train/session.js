// One run as the browser knows it: what the server pushes, the files it offers, and the right to steer.

import { Frame } from "../data/frame.js";
import { Feed } from "./feed.js";
import { History } from "./history.js";

const DECODER_EVERY = 1000; // ms
const MANIFOLD_EVERY = 330;
const PROBE_EVERY = 1500;

export class Session {
  // `on` = { changed(what), view(view), refused(reason), done(message), connection(state, wait) }; `what` is one of
  // "run", "probe", "status", "log", "steer", "decoder", "manifold", "snapshot", "asked"
  constructor(base, run, on) {
    this.run = run;
    this.on = on;
    this.status = {};
    this.settings = {};
    this.steer = false;
    this.followers = 0;
    this.connected = false;
    this.files = new URL(`room/live/${encodeURIComponent(run)}/`, base);
    this.history = new History(0);
    this.frame = this.probe = this.decoder = this.manifold = null;
    this.busy = new Set();
    this.fetched = { probe: -Infinity, decoder: -Infinity, manifold: -Infinity };
    this.alive = true;
    this.connection = new AbortController(); // ends what is fetched over it
    const socket = new URL(this.files.href.replace(/\/$/, ""));
    socket.protocol = socket.protocol.replace("http", "ws");
    this.feed = new Feed(socket.href, {
      message: (message) => this.hear(message),
      snapshot: () => on.changed("snapshot"),
      connection: (state, wait) => this.reached(state, wait),
    });
  }

  // States that can be returned to, the latest last: { number, reason, step, epoch }.
  get kept() {
    return this.status.kept ?? [];
  }

  get token() {
    return this.key ?? keyOf(this.run);
  }

  // Whether a process can heed what is asked.
  get isBusy() {
    return this.status.alive !== false && ["queued", "running", "paused"].includes(this.status.state);
  }

  // Whether it waits, as whichever speaks last of snapshot and status has it.
  get isPaused() {
    const { status } = this;
    const meta = this.frame?.meta;
    const fresh =
      meta && status.alive !== false && meta.control >= (status.control ?? 0) && meta.step >= (status.step ?? 0);
    return (fresh ? meta.state : status.state) === "paused";
  }

  // Shows a key to the server; it is kept, so that a reload still steers.
  unlock(token) {
    if (!token) return;
    this.key = token;
    keepKey(this.run, token);
    this.feed.send({ token });
  }

  reached(state, wait) {
    this.connected = state === "open";
    if (!this.connected) {
      this.connection.abort();
      this.connection = new AbortController();
    }
    if (this.connected && this.token) this.feed.send({ token: this.token });
    this.on.connection(state, wait);
  }

  hear(message) {
    if (message.type === "run") this.begin(message);
    else if (message.type === "status") {
      this.status = message.status;
      this.history.follow(message.status.branch);
      this.followers = message.followers ?? this.followers;
      this.on.changed("status");
    } else if (message.type === "log") {
      this.history.log(message.records, message.from);
      this.on.changed("log");
    } else if (message.type === "steer") {
      if (!message.steer) this.drop();
      this.steer = message.steer;
      this.on.changed("steer", message);
    } else if (message.type === "view") this.on.view(message.view);
    else if (message.type === "asked") this.on.changed("asked", message);
    else if (message.type === "refused") this.on.refused(message.reason);
    else if (message.type === "done") this.on.done(message);
  }

  begin({ status, settings, classes, train_images, log, steer, followers }) {
    this.status = status;
    this.settings = settings;
    this.classes = classes;
    this.steer = steer || this.steer;
    this.followers = followers;
    if (this.history.trainImages !== train_images) this.history = new History(train_images);
    this.history.follow(status.branch);
    this.history.log(log, 0);
    this.on.changed("run");
  }

  // A key that does not fit is not kept.
  drop() {
    this.key = null;
    keepKey(this.run, null);
  }

  // The newest snapshot, if there is one that was not taken yet. The probe set is asked for first: it is there by then.
  take() {
    if (!this.feed.latest) return null;
    if (!this.probe) return this.fetchProbe();
    const frame = new Frame(this.feed.take());
    const { labels } = this.probe.arrays;
    if (frame.arrays.mu.length !== labels.length * this.probe.meta.latent_dim) {
      this.probe = null; // of another run of this name
      return null;
    }
    this.frame = frame;
    this.history.snapshot(frame.meta);
    return frame;
  }

  fetchProbe() {
    const now = performance.now();
    if (now - this.fetched.probe < PROBE_EVERY) return null;
    this.fetched.probe = now;
    this.fetch("probe").then((probe) => {
      if (!probe || !this.alive) return;
      this.probe = probe;
      this.on.changed("probe");
      this.on.changed("snapshot");
    });
    return null;
  }

  // The decoder's weights, where there are newer ones and the last were fetched long enough ago.
  wantDecoder(every = DECODER_EVERY) {
    return this.want("decoder", this.frame?.meta.decoder_step, every);
  }

  wantManifold() {
    return this.want("manifold", this.frame?.meta.manifold_step, MANIFOLD_EVERY);
  }

  async want(name, step, every) {
    const now = performance.now();
    if (!this.probe || step === undefined || now - this.fetched[name] < every || this[name]?.meta.step === step) return;
    this.fetched[name] = now;
    const file = await this.fetch(name);
    if (!file) return;
    this[name] = file;
    this.on.changed(name);
  }

  async fetch(name) {
    if (this.busy.has(name) || !this.alive) return null;
    this.busy.add(name);
    try {
      return await Frame.fetch(new URL(name, this.files), { signal: this.connection.signal });
    } catch {
      return null; // the next snapshot asks again
    } finally {
      this.busy.delete(name);
    }
  }

  ask(wanted) {
    return this.steer && this.feed.send({ ask: wanted });
  }

  do(what, more = {}) {
    return this.steer && this.feed.send({ do: what, ...more });
  }

  share(view) {
    return this.steer && this.feed.send({ view });
  }

  close() {
    this.alive = false;
    this.connection.abort();
    this.feed.close();
  }
}

// A run has been given another name: its key goes along.
export function renameKey(from, to) {
  const key = keyOf(from);
  if (key) keepKey(to, key);
  keepKey(from, null);
}

const keyName = (run) => `elbo-room:token:${run}`;

// A run's key, kept for the next visit; null forgets it. A browser may forbid a page to remember anything.
export function keepKey(run, key) {
  try {
    if (key) localStorage.setItem(keyName(run), key);
    else localStorage.removeItem(keyName(run));
  } catch {
    // then it steers until the page is left
  }
}

function keyOf(run) {
  try {
    return localStorage.getItem(keyName(run));
  } catch {
    return null;
  }
}
