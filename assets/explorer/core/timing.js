// User Timing marks of every reaction, for anyone's profiler and for the benchmarks.

const KEPT = 500;
const counts = new Map();

// Records a duration from `start` to now; old entries are dropped so that a long session does not grow.
export function measure(name, start) {
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  if (count % KEPT === 0) performance.clearMeasures(name);
  performance.measure(name, { start, end: performance.now() });
}

// Calls back once the frame that is being prepared has been handed to the screen.
export function afterPaint(callback) {
  const channel = new MessageChannel();
  channel.port1.onmessage = callback;
  channel.port2.postMessage(null);
}

const REST = 350; // ms

// Resolves once nobody has moved the pointer over `root` for a moment; at once when someone presses or scrolls there.
export function calm(root) {
  return new Promise((resolve) => {
    let timer = setTimeout(done, REST);
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(done, REST);
    };
    function done() {
      clearTimeout(timer);
      root.removeEventListener("pointermove", wait);
      for (const type of ["wheel", "pointerdown"]) root.removeEventListener(type, done);
      resolve();
    }
    root.addEventListener("pointermove", wait);
    for (const type of ["wheel", "pointerdown"]) root.addEventListener(type, done, { passive: true });
  });
}
