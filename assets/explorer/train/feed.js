// The WebSocket connection to the server for one run. Connects again by itself. Of the snapshots that arrive it keeps the
// newest only.
//
// A network can drop all packets without closing a connection. So the server sends a heartbeat every few seconds, even when it
// has no news; after a silence, or an attempt to connect that is not answered, the connection counts as lost.

/** @import { PageMessage, ServerMessage } from "./protocol.js" */

export const TIMES = {
  // ms
  firstWait: 250,
  longestWait: 3000, // between two attempts to connect
  attempt: 5000, // within which the server must answer an attempt
  silence: 15_000, // after which the connection counts as lost; the server sends a heartbeat every 5 seconds
  heartbeat: 15_000, // between two heartbeats of the page, which tell the server that the page still exists
  check: 1000,
};

/**
 * @typedef {object} FeedHandlers
 * @property {(message: ServerMessage) => void} message
 * @property {() => void} snapshot a snapshot has arrived: `take` returns it
 * @property {ConnectionHandler} connection
 */

/** @typedef {(state: "open" | "lost", wait?: number) => void} ConnectionHandler `wait`: ms until the next attempt */

export class Feed {
  /**
   * @param {string} url
   * @param {FeedHandlers} on
   */
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.wait = TIMES.firstWait;
    /** @type {ArrayBuffer | null} */
    this.latest = null;
    this.closed = false;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.receivedAt = 0; // ms, as of performance.now(): the last message of the server
    this.heartbeatAt = 0; // the page's last heartbeat
    /** @type {number | undefined} */
    this.tickedAt = undefined;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.hurry = () => {
      if (document.hidden) return;
      if (this.socket === null) this.connect();
      else this.check(); // the page was hidden, or the computer was asleep
    };
    window.addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    this.ticker = setInterval(() => this.tick(), TIMES.check);
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.receivedAt = performance.now();
    this.heartbeatAt = performance.now();
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (socket !== this.socket) return;
      this.receivedAt = performance.now();
      this.wait = TIMES.firstWait;
      this.on.connection("open");
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      this.receivedAt = performance.now();
      if (typeof data === "string") return this.on.message(JSON.parse(data));
      this.latest = data;
      this.on.snapshot();
    };
    socket.onclose = () => socket === this.socket && this.lost();
  }

  /**
   * Sends a heartbeat when one is due, and checks the connection. Not when this call itself comes late: the page was suspended
   * then, and messages that have arrived meanwhile are still to be handled.
   */
  tick() {
    const now = performance.now();
    const late = now - (this.tickedAt ?? now) > 3 * TIMES.check;
    this.tickedAt = now;
    if (this.open && now - this.heartbeatAt > TIMES.heartbeat) {
      this.heartbeatAt = now;
      this.send({ heartbeat: true });
    }
    if (this.socket !== null && !late) this.check();
  }

  /** Gives the connection up where the server has been silent for too long. */
  check() {
    const patience = this.open ? TIMES.silence : TIMES.attempt;
    if (performance.now() - this.receivedAt > patience) this.lost();
  }

  lost() {
    if (this.closed) return;
    const { socket } = this;
    this.socket = null; // later events of this socket are ignored
    socket?.close();
    const wait = this.wait * (0.75 + 0.5 * Math.random()); // many browsers must not come back at the same moment
    this.wait = Math.min(TIMES.longestWait, this.wait * 1.8);
    this.timer = setTimeout(() => this.connect(), wait);
    this.on.connection("lost", wait);
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /**
   * False where there is no connection; the message is then dropped.
   * @param {PageMessage} message
   */
  send(message) {
    if (!this.socket || !this.open) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** The newest snapshot since the last call, or null. */
  take() {
    const { latest } = this;
    this.latest = null;
    return latest;
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    clearInterval(this.ticker);
    window.removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.socket?.close();
  }
}
