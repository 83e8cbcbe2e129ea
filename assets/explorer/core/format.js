// Numbers as the page displays them.

/** @param {number} v */
export const signed = (v, digits = 2) => (v < 0 ? "−" : "") + Math.abs(v).toFixed(digits);

/**
 * Rounds to so many decimals. Where displayed numbers add up, one is computed from the others after rounding: its last
 * digit may be off by one, but the displayed sum is right.
 * @param {number} v
 * @param {number} digits
 */
export const rounded = (v, digits) => Number(v.toFixed(digits));

/**
 * Three significant digits: 0.0125, 1.25, 125; whole numbers from 100 on.
 * @param {number} v
 */
export function short(v) {
  if (v === 0) return "0";
  const a = Math.abs(v);
  const text =
    a >= 1e5 || a < 1e-4 ? Number(a.toPrecision(3)).toExponential() : String(Number(a.toPrecision(a >= 100 ? 6 : 3)));
  return (v < 0 ? "−" : "") + text.replace("e+", "e").replace("e-", "e−");
}

/**
 * 950, 12.3k, 4.56M.
 * @param {number} v
 */
export function count(v) {
  if (!(v >= 1e4)) return whole(v);
  return v >= 1e6 ? `${Number((v / 1e6).toPrecision(3))}M` : `${Number((v / 1e3).toPrecision(3))}k`;
}

/**
 * 12,345.
 * @param {number} v
 */
export const whole = (v) => Math.round(v).toLocaleString("en-US");

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return "under 1 s";
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")} min`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

/** @param {number} n */
export const bytes = (n) => (n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : `${Math.round(n / 1e6)} MB`);
