// Motion of a state from one place to another.

export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Slow at both ends: 3s² − 2s³.
 * @param {number} s share of the time, in [0, 1]
 */
export const eased = (s) => s * s * (3 - 2 * s);

/**
 * Calls `step` with the share of the way, from above 0 to 1, in every frame of the display for `ms` milliseconds; once, with
 * 1, where `ms` is 0 or motion is reduced. Resolves to false where `signal` stops it.
 * @param {number} ms
 * @param {(share: number) => void} step
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>}
 */
export function glide(ms, step, signal) {
  if (!(ms > 0) || isStill()) {
    step(1);
    return Promise.resolve(true);
  }
  return new Promise((resolve) => {
    /** @type {number | undefined} */
    let begin;
    const frame = (/** @type {number} */ now) => {
      if (signal.aborted) return resolve(false);
      begin ??= now;
      const share = Math.min(1, (now - begin) / ms);
      if (share > 0) step(eased(share));
      if (share < 1) requestAnimationFrame(frame);
      else resolve(true);
    };
    requestAnimationFrame(frame);
  });
}

/**
 * A number, or an array of numbers, at a share of the way from `a` to `b`.
 * @template {number | ArrayLike<number>} T
 * @param {T} a
 * @param {T} b of the same length
 * @param {number} share
 * @returns {T}
 */
export function between(a, b, share) {
  if (typeof a === "number") return /** @type {T} */ (share === 1 ? b : a + (Number(b) - a) * share);
  const to = /** @type {ArrayLike<number>} */ (b);
  const from = /** @type {ArrayLike<number>} */ (a);
  const values = Float64Array.from(to, (v, i) => (share === 1 ? v : from[i] + (v - from[i]) * share));
  return /** @type {T} */ (/** @type {unknown} */ (Array.isArray(b) ? [...values] : values));
}
