// float16 numbers, as files keep them to be half as long, made float32 by a table of all of them.

let table = null;

// `bits` are the numbers as Uint16Array; exact, for every float16 is a float32.
export function expand(bits) {
  table ??= Float32Array.from({ length: 65536 }, (_, i) => number(i));
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]];
  return out;
}

function number(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}
