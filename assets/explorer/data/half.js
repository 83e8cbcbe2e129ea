// Converts float16 numbers, which halve the size of files, to float32 by a table of all of them.

/** @type {Float32Array | null} */
let table = null;

/**
 * Exact, because every float16 number is a float32 number.
 * @param {Uint16Array} bits
 */
export function expand(bits) {
  table ??= Float32Array.from({ length: 65536 }, (_, i) => number(i));
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]];
  return out;
}

/** @param {number} bits of a float16 */
function number(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}
