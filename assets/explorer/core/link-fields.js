// What the links of several pages hold, and which texts are accepted. Any other text is ignored, so a link cannot request
// anything that the controls could not.

/** A point of the map, in data coordinates. @typedef {[u: number, v: number]} Point */

/** A polygon on the map. @typedef {Point[]} Shape */

/** Limits for what a link may name. @typedef {{ k: number, classes: number, count: number }} Bounds */

/** A viewport: its middle, and half its height. @typedef {{ u: number, v: number, reach: number }} Look */

export const FAR = 1e6; // from the middle of a map, or of the latent space: no viewport gets further

/**
 * Whether a text is a whole number from 0 to `size` − 1.
 * @param {string} text
 * @param {number} size
 */
export const isIndex = (text, size) => /^(0|[1-9]\d*)$/.test(text) && Number(text) < size;

/** @param {string} text */
export const numbersOf = (text) => text.split(",").map((v) => (v === "" ? NaN : Number(v)));

/**
 * k numbers, or undefined.
 * @param {string} text
 * @param {number} k
 */
export function readZ(text, k) {
  const z = numbersOf(text);
  return z.length === k && z.every((v) => Math.abs(v) <= FAR) ? Float64Array.from(z) : undefined;
}

/**
 * @param {string} text
 * @param {Pick<Bounds, "count">} bounds
 */
export function readPoint(text, { count }) {
  return isIndex(text, count) ? Number(text) : undefined;
}

/**
 * @param {string} text
 * @param {Pick<Bounds, "classes">} bounds
 */
export function readHidden(text, { classes }) {
  const named = text.split(",").filter(Boolean);
  return named.every((c) => isIndex(c, classes)) ? [...new Set(named.map(Number))] : undefined;
}

/**
 * A viewport "u,v,reach", or null for any other text.
 * @param {string | null} text
 * @returns {Look | null}
 */
export function readLook(text) {
  const [u, v, reach] = readView(text ?? "") ?? [0, 0, 0];
  return reach ? { u, v, reach } : null;
}

/** @param {Look} look */
export const writtenLook = ({ u, v, reach }) => [u, v, reach].join(",");

/**
 * The viewport of the map: [u, v, height].
 * @param {string} text
 */
export function readView(text) {
  const view = numbersOf(text);
  const fits = view.length === 3 && view.every((v) => Math.abs(v) <= FAR) && view[2] >= 1 / FAR;
  return fits ? view : undefined;
}
