// One run as the page knows it: what the server sends about it, its files, and the right to steer it.

import { Frame } from "../data/frame.js";
import { Feed } from "./feed.js";
import { History } from "./history.js";

/** @import { ConnectionHandler } from "./feed.js" */
/** @import { ActionOptions, ControlRequest, DecodedPlane, DecoderWeights, DoneMessage, PresenterView, Probe } from "./protocol.js" */
/** @import { RunMessage, RunSettings, RunStatus, ServerAction, ServerMessage, Snapshot } from "./protocol.js" */

// ms between two requests for the same file
const DECODER_EVERY = 1000;
const MANIFOLD_EVERY = 330;
const PROBE_EVERY = 1500;

/** @type {(string | undefined)[]} states of a run that a process still works on, or will */
export const BUSY = ["queued", "running", "paused"];

/** @typedef {{ probe: Probe, decoder: DecoderWeights, manifold: DecodedPlane }} RunFiles by name in the address */

/**
 * What is new; "due": a file can be requested again.
 * @typedef {"run" | "probe" | "status" | "log" | "decoder" | "manifold" | "snapshot" | "due"} SessionChange
 */

/**
 * @typedef {object} SessionHandlers
 * @property {(what: SessionChange) => void} changed
 * @property {(id: number) => void} accepted the server has given the oldest open request this id
 * @property {(granted: boolean) => void} steer the server's answer to a key
 * @property {(view: PresenterView) => void} view
 * @property {(reason: string) => void} refused
 * @property {(message: DoneMessage) => void} done
 * @property {ConnectionHandler} connection
 */

export class Session {
  /**
   * @param {string} base the app's root address
   * @param {string} run
   * @param {SessionHandlers} on
   */
  constructor(base, run, on) {
    this.run = run;
    this.on = on;
    /** @type {RunStatus} */
    this.status = {};
    /** @type {RunSettings} */
    this.settings = {};
    this.steer = false;
    this.followers = 0;
    this.connected = false;
    /** @type {string | null} */
    this.key = null;
    this.files = new URL(`room/live/${encodeURIComponent(run)}/`, base);
    this.history = new History(0);
    /** @type {Snapshot | null} */
    this.frame = null;
    /** @type {Probe | null} */
    this.probe = null;
    /** @type {DecoderWeights | null} */
    this.decoder = null;
    /** @type {DecodedPlane | null} */
    this.manifold = null;
    /** @type {Set<keyof RunFiles>} */
    this.busy = new Set();
    this.fetched = { probe: -Infinity, decoder: -Infinity, manifold: -Infinity }; // ms, when each was last requested
    /** @type {Map<"decoder" | "manifold", ReturnType<typeof setTimeout>>} until each can be requested again */
    this.timers = new Map();
    this.hasSnapshot = false; // the server has one
    this.probeFailed = false;
    this.alive = true;
    this.connection = new AbortController(); // cancels the requests for files when the connection is lost
    const socket = new URL(this.files.href.replace(/\/$/, ""));
    socket.protocol = socket.protocol.replace("http", "ws");
    this.feed = new Feed(socket.href, {
      message: (message) => this.receive(message),
      snapshot: () => on.changed("snapshot"),
      connection: (state, wait) => this.connectionChanged(state, wait),
    });
  }

  /** Saved states that can be returned to, the latest last. */
  get kept() {
    return this.status.kept ?? [];
  }

  get token() {
    return this.key ?? storedKey(this.run);
  }

  /** Whether a process can apply requests. */
  get isBusy() {
    return this.status.alive !== false && BUSY.includes(this.status.state);
  }

  /** Whether the run is paused, by the later one of the newest snapshot and the status. */
  get isPaused() {
    const { status } = this;
    const meta = this.frame?.meta;
    const fresh =
      meta && status.alive !== false && meta.control >= (status.control ?? 0) && meta.step >= (status.step ?? 0);
    return (fresh ? meta.state : status.state) === "paused";
  }

  /** Whether a process trains the run now, without a pause. */
  get isTraining() {
    return this.connected && this.isBusy && this.status.state !== "queued" && !this.isPaused;
  }

  /**
   * Whether something is on its way that the page shows: the first snapshot, or weights and a decoded plane.
   * @param {boolean} training whether newer ones follow all the time, so that any will do
   */
  isLoading(training) {
    if (this.status.state === undefined) return true;
    if (!this.frame) return !this.probeFailed && (this.hasSnapshot || this.isTraining);
    const isOnItsWay = (/** @type {"decoder" | "manifold"} */ name) => this.busy.has(name) || this.timers.has(name);
    return /** @type {const} */ (["decoder", "manifold"]).some((name) => isOnItsWay(name) && !(training && this[name]));
  }

  /**
   * Sends a key to the server, and stores it, so that the page can steer after a reload too.
   * @param {string} token
   */
  unlock(token) {
    if (!token) return;
    this.key = token;
    storeKey(this.run, token);
    this.feed.send({ token });
  }

  /** @type {ConnectionHandler} */
  connectionChanged(state, wait) {
    this.connected = state === "open";
    if (!this.connected) {
      this.connection.abort();
      this.connection = new AbortController();
    }
    if (this.connected && this.token) this.feed.send({ token: this.token });
    this.on.connection(state, wait);
  }

  /** @param {ServerMessage} message */
  receive(message) {
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
      this.on.steer(message.steer);
    } else if (message.type === "view") this.on.view(message.view);
    else if (message.type === "accepted") this.on.accepted(message.id);
    else if (message.type === "refused") this.on.refused(message.reason);
    else if (message.type === "done") this.on.done(message);
  }

  /** @param {RunMessage} message */
  begin({ status, settings, train_images, log, steer, followers, snapshot }) {
    this.hasSnapshot = snapshot;
    this.status = status;
    this.settings = settings;
    this.steer = steer || this.steer;
    this.followers = followers;
    if (this.history.trainImages !== train_images) this.history = new History(train_images);
    this.history.follow(status.branch);
    this.history.log(log, 0);
    this.on.changed("run");
  }

  /** Forgets a key that the server does not accept. */
  drop() {
    this.key = null;
    storeKey(this.run, null);
  }

  /**
   * The newest snapshot, or null where there is none since the last call. The probe set is fetched first; the server has it
   * by then.
   */
  take() {
    const { latest } = this.feed;
    if (!latest) return null;
    if (!this.probe) {
      this.fetchProbe();
      return null;
    }
    this.feed.take();
    /** @type {Snapshot} */
    const frame = new Frame(latest);
    const { labels } = this.probe.arrays;
    if (frame.arrays.mu.length !== labels.length * this.probe.meta.latent_dim) {
      this.probe = null; // it belongs to another run that had this name
      return null;
    }
    this.frame = frame;
    this.history.snapshot(frame.meta);
    return frame;
  }

  fetchProbe() {
    const now = performance.now();
    if (now - this.fetched.probe < PROBE_EVERY) return;
    this.fetched.probe = now;
    this.fetch("probe").then((probe) => {
      this.probeFailed = !probe;
      if (!probe || !this.alive) return;
      this.probe = probe;
      this.on.changed("probe");
      this.on.changed("snapshot");
    });
  }

  /** Fetches the decoder's weights where the server has newer ones, at most every so many milliseconds. */
  async wantDecoder(every = DECODER_EVERY) {
    const decoder = await this.fetchNewer("decoder", this.decoder, this.frame?.meta.decoder_step, every);
    if (!decoder) return;
    this.decoder = decoder;
    this.on.changed("decoder");
  }

  /** The same for the decoded plane. */
  async wantManifold() {
    const manifold = await this.fetchNewer("manifold", this.manifold, this.frame?.meta.manifold_step, MANIFOLD_EVERY);
    if (!manifold) return;
    this.manifold = manifold;
    this.on.changed("manifold");
  }

  /**
   * A file of the run, or null where it is not to be fetched now.
   * @template {"decoder" | "manifold"} Name
   * @param {Name} name
   * @param {RunFiles[Name] | null} known
   * @param {number | undefined} step of the newest one on the server
   * @param {number} every ms
   */
  async fetchNewer(name, known, step, every) {
    if (!this.probe || step === undefined || known?.meta.step === step) return null;
    const now = performance.now();
    const wait = this.fetched[name] + every - now;
    if (wait > 0) {
      this.wakeIn(name, wait);
      return null;
    }
    this.fetched[name] = now;
    return this.fetch(name);
  }

  /**
   * Reports after `wait` ms that a file can be requested again.
   * @param {"decoder" | "manifold"} name
   * @param {number} wait
   */
  wakeIn(name, wait) {
    clearTimeout(this.timers.get(name));
    const end = () => {
      this.timers.delete(name);
      this.on.changed("due");
    };
    this.timers.set(name, setTimeout(end, wait));
  }

  /**
   * @template {keyof RunFiles} Name
   * @param {Name} name
   */
  async fetch(name) {
    if (this.busy.has(name) || !this.alive) return null;
    this.busy.add(name);
    try {
      const file = await Frame.fetch(new URL(name, this.files), { signal: this.connection.signal });
      return /** @type {RunFiles[Name]} */ (/** @type {unknown} */ (file)); // what the server has under this name
    } catch {
      return null; // the next snapshot leads to another attempt
    } finally {
      this.busy.delete(name);
    }
  }

  /**
   * Sends a request to the trainer; false where this page may not steer or has no connection.
   * @param {ControlRequest} change
   */
  request(change) {
    return this.steer && this.feed.send({ request: change });
  }

  /**
   * Sends an action to the server.
   * @param {ServerAction} action
   * @param {ActionOptions} [more]
   */
  act(action, more = {}) {
    return this.steer && this.feed.send({ action, ...more });
  }

  /** @param {PresenterView} view */
  share(view) {
    return this.steer && this.feed.send({ view });
  }

  close() {
    this.alive = false;
    this.connection.abort();
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    this.feed.close();
  }
}

/**
 * Moves the key of a run that has been renamed.
 * @param {string} from
 * @param {string} to
 */
export function renameKey(from, to) {
  const key = storedKey(from);
  if (key) storeKey(to, key);
  storeKey(from, null);
}

const keyName = (/** @type {string} */ run) => `elbo-room:token:${run}`;

/**
 * Stores a run's key in localStorage for the next visit; null deletes it. Some browsers do not allow any storage.
 * @param {string} run
 * @param {string | null} key
 */
export function storeKey(run, key) {
  try {
    if (key) localStorage.setItem(keyName(run), key);
    else localStorage.removeItem(keyName(run));
  } catch {
    // then the page can steer until it is left
  }
}

/** @param {string} run */
function storedKey(run) {
  try {
    return localStorage.getItem(keyName(run));
  } catch {
    return null;
  }
}
