"""The connection of a follower, on a clock of the test's own: a network that goes silent, and one that comes back."""

from __future__ import annotations

# A network that is silent for so many ms. Whoever tries to connect then is never answered; `cut`: nor is who was
# connected before, ever again. `chance` is what Math.random says.
NETWORK = """(m, ms, cut, chance) => {
  const { random } = Math, own = performance.now;
  const real = { setTimeout, setInterval, clearTimeout, clearInterval, WebSocket: globalThis.WebSocket };
  let now = 0, silent = false, number = 0;
  const timers = new Map();
  const later = (action, ms, every) => (timers.set(++number, { action, at: now + ms, every }), number);
  const forget = (id) => timers.delete(id);
  class Socket {
    static OPEN = 1;
    constructor() {
      this.readyState = 0;
      this.sent = [];
      Socket.last = this;
      if (!silent) later(() => this.readyState === 0 && ((this.readyState = 1), this.onopen()), 50);
    }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() { this.readyState = 3; }
  }
  const target = { addEventListener() {}, removeEventListener() {}, hidden: false };
  Object.assign(globalThis, {
    setTimeout: (f, ms) => later(f, ms), clearTimeout: forget,
    setInterval: (f, ms) => later(f, ms, ms), clearInterval: forget,
    WebSocket: Socket, window: target, document: target,
  });
  performance.now = () => now;
  Math.random = () => chance;
  try {
    const run = (ms) => {
      for (const end = now + ms; now < end; now += 50) {
        for (const [id, timer] of [...timers]) {
          if (timer.at > now || !timers.has(id)) continue;
          if (timer.every) timer.at += timer.every;
          else timers.delete(id);
          timer.action();
        }
        const { last } = Socket;
        const hears = !silent && last.readyState === 1 && !last.cut;
        if (hears && now % 5000 === 0) last.onmessage({ data: '{"type": "heartbeat"}' });
      }
    };
    const states = [];
    const connection = (state) => states.push([state, now]);
    const feed = new m.Feed("ws://x", { message() {}, snapshot() {}, connection });
    run(60_000);
    const quiet = states.map(([state]) => state), beats = Socket.last.sent.length;
    const start = now;
    Socket.last.cut = cut;
    silent = true;
    run(ms);
    silent = false;
    const returned = now;
    run(40_000);
    feed.close();
    const lost = states.find(([state]) => state === "lost");
    const back = states.slice(1).find(([state]) => state === "open");
    return { quiet, beats, lost: lost && lost[1] - start, back: back && back[1] - returned, left: timers.size };
  } finally {
    Object.assign(globalThis, real);
    Math.random = random;
    performance.now = own;
    delete globalThis.window;
    delete globalThis.document;
  }
}"""


def test_a_silent_network_is_noticed_and_left_behind_in_time(node) -> None:
    """Whenever it comes back, and however long the waits between attempts happen to be."""
    for chance in (0.0, 0.5, 0.999):
        for after in range(17_000, 62_000, 1500):
            seen = node.call("train/feed.js", NETWORK, after, True, chance)
            assert seen["quiet"] == ["open"]  # a minute in which there is nothing but beats
            assert seen["beats"] == 3
            assert 10_000 < seen["lost"] < 25_000
            assert seen["back"] < 9_500
            assert seen["left"] <= 1  # a socket that was to open


def test_a_short_silence_is_no_loss(node) -> None:
    seen = node.call("train/feed.js", NETWORK, 4000, False, 0.5)
    assert seen.get("lost") is None
