// Numbers as the page writes them.

export const signed = (v, digits = 2) => (v < 0 ? "−" : "") + Math.abs(v).toFixed(digits);

// To the nearest number of so many digits. Of printed numbers that add up one is the sum or the difference of others so
// rounded: it may be a last digit off, but what is printed is true as arithmetic.
export const rounded = (v, digits) => Number(v.toFixed(digits));

// 3 digits that count: 0.0125, 1.25, 125; whole numbers beyond.
export function short(v) {
  if (v === 0) return "0";
  const a = Math.abs(v);
  const text =
    a >= 1e5 || a < 1e-4 ? Number(a.toPrecision(3)).toExponential() : String(Number(a.toPrecision(a >= 100 ? 6 : 3)));
  return (v < 0 ? "−" : "") + text.replace("e+", "e").replace("e-", "e−");
}

// 950, 12.3k, 4.56M.
export function count(v) {
  const [scale, letter] = v >= 1e6 ? [1e6, "M"] : v >= 1e4 ? [1e3, "k"] : [1, ""];
  return letter ? Number((v / scale).toPrecision(3)) + letter : whole(v);
}

// 12,345
export const whole = (v) => Math.round(v).toLocaleString("en-US");

export function duration(seconds) {
  if (seconds < 1) return "under 1 s";
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")} min`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export const bytes = (n) => (n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : `${Math.round(n / 1e6)} MB`);
