// User Timing measures of reactions, for profilers and for the benchmarks.

const KEPT = 500; // entries of one name
/** @type {Map<string, number>} */
const counts = new Map();

/**
 * Records the duration from `start` to now. Old entries are dropped, so that memory does not grow.
 * @param {string} name
 * @param {number} start ms
 */
export function measure(name, start) {
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  if (count % KEPT === 0) performance.clearMeasures(name);
  performance.measure(name, { start, end: performance.now() });
}

/**
 * Calls back after the next paint.
 * @param {() => void} callback
 */
export function afterPaint(callback) {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    channel.port1.close();
    callback();
  };
  channel.port2.postMessage(null);
}

const REST = 350; // ms

/**
 * Resolves once the pointer has rested over `root` for `REST` ms, or at once on a press or scroll there.
 * @param {HTMLElement} root
 */
export function calm(root) {
  return /** @type {Promise<void>} */ (
    new Promise((resolve) => {
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
    })
  );
}
