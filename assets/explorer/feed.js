// What the server pushes of one run, and what is said back. Connects again by itself; of snapshots it keeps the newest only.

const FIRST_WAIT = 250; // ms
const LONGEST_WAIT = 5000; // ms

export class Feed {
  // `on` = { message(object), connection("open" | "lost", milliseconds until the next try), snapshot() }
  constructor(url, on) {
    Object.assign(this, { url, on, wait: FIRST_WAIT, latest: null, closed: false });
    this.hurry = () => this.socket === null && !document.hidden && this.connect();
    window.addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.wait = FIRST_WAIT;
      this.on.connection("open");
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") return this.on.message(JSON.parse(data));
      this.latest = data;
      this.on.snapshot();
    };
    socket.onclose = () => this.closed || this.lost();
  }

  lost() {
    this.socket = null;
    const wait = this.wait * (0.75 + 0.5 * Math.random()); // a hall full of browsers does not come back at once
    this.wait = Math.min(LONGEST_WAIT, this.wait * 1.8);
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
    window.removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.socket?.close();
  }
}
