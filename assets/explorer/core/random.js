// A seeded random generator, so that a link, a test or a second visit sees the same draws: xoshiro128** (Blackman and
// Vigna), and standard-normal numbers by Box–Muller.

/**
 * @param {number} x 32 bits
 * @param {number} by
 */
const rotated = (x, by) => (x << by) | (x >>> (32 - by));

export class Random {
  /** @param {number} seed */
  constructor(seed) {
    let state = seed >>> 0;
    this.state = Int32Array.from({ length: 4 }, () => {
      state = (state + 0x9e3779b9) | 0; // splitmix32
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return mixed ^ (mixed >>> 15);
    });
    /** @type {number | null} the second number of the last Box–Muller pair */
    this.spare = null;
  }

  /** 32 random bits. */
  bits() {
    const s = this.state;
    const result = Math.imul(rotated(Math.imul(s[1], 5), 7), 9);
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotated(s[3], 11);
    return result >>> 0;
  }

  /** Uniform on [0, 1), with all 53 bits of a double. */
  uniform() {
    return ((this.bits() >>> 5) * 67108864 + (this.bits() >>> 6)) / 9007199254740992;
  }

  /** A draw from N(0, 1). */
  normal() {
    if (this.spare !== null) {
      const spare = this.spare;
      this.spare = null;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** @param {number} count */
  normals(count) {
    const drawn = new Float64Array(count);
    for (let i = 0; i < count; i++) drawn[i] = this.normal();
    return drawn;
  }
}

/**
 * A number in [0, 1) for every integer. Multiples of the golden ratio are spread evenly for any range of integers.
 * @param {number} i
 */
export const evenShare = (i) => ((i * 0x9e3779b1) >>> 0) / 2 ** 32;

/**
 * Indices of at most `most` out of `count` items, in order, one from each of equally long stretches; all of them if
 * there are no more.
 * @param {number} count
 * @param {number} most
 */
export function evenly(count, most) {
  const size = Math.min(count, most);
  const start = (/** @type {number} */ i) => Math.floor((i * count) / size);
  return Uint32Array.from({ length: size }, (_, i) => start(i) + Math.floor(evenShare(i) * (start(i + 1) - start(i))));
}
