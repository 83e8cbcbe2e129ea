// What the server pushes of one run, and what is said back. Connects again by itself; of snapshots it keeps the newest only.
//
// A network can drop everything without closing a connection. So the server sends a beat every few seconds, whether there
// is anything to tell or not; after a silence, or an attempt that nobody answers, the connection counts as lost.

export const TIMES = {
  // ms
  firstWait: 250,
  longestWait: 3000, // between two attempts to connect
  attempt: 5000, // for the server to answer one
  silence: 15_000, // of a server that sends a beat every 5 seconds
  beat: 15_000, // between two of the page's own, by which the server knows that it is still there
  check: 1000,
};

export class Feed {
  // `on` = { message(object), connection("open" | "lost", milliseconds until the next try), snapshot() }
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.wait = TIMES.firstWait;
    this.latest = null;
    this.closed = false;
    this.socket = null;
    this.hurry = () => {
      if (document.hidden) return;
      if (this.socket === null) this.connect();
      else this.check(); // a page that was out of sight, or a computer that slept
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
    this.heardAt = performance.now();
    this.beatAt = performance.now();
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (socket !== this.socket) return;
      this.heardAt = performance.now();
      this.wait = TIMES.firstWait;
      this.on.connection("open");
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      this.heardAt = performance.now();
      if (typeof data === "string") return this.on.message(JSON.parse(data));
      this.latest = data;
      this.on.snapshot();
    };
    socket.onclose = () => socket === this.socket && this.lost();
  }

  // A page that was itself held up, or is out of sight, judges no silence: what was sent meanwhile is yet to be handled.
  tick() {
    const now = performance.now();
    const late = now - (this.tickedAt ?? now) > 3 * TIMES.check;
    this.tickedAt = now;
    if (this.open && now - this.beatAt > TIMES.beat) {
      this.beatAt = now;
      this.send({ beat: true });
    }
    if (this.socket !== null && !late) this.check();
  }

  check() {
    const patience = this.open ? TIMES.silence : TIMES.attempt;
    if (performance.now() - this.heardAt > patience) this.lost();
  }

  lost() {
    if (this.closed) return;
    const { socket } = this;
    this.socket = null; // whatever it may still say is not heard
    socket?.close();
    const wait = this.wait * (0.75 + 0.5 * Math.random()); // a hall full of browsers does not come back at once
    this.wait = Math.min(TIMES.longestWait, this.wait * 1.8);
    this.timer = setTimeout(() => this.connect(), wait);
    this.on.connection("lost", wait);
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  // False where nobody hears it.
  send(object) {
    if (!this.open) return false;
    this.socket.send(JSON.stringify(object));
    return true;
  }

  // The newest snapshot since the last call, or null.
  take() {
    const latest = this.latest;
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
