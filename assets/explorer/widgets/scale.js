// Conversion between the positions of a logarithmic slider, 0 to 1, and its values.

const ZERO_ENDS = 0.03; // where a slider has a zero, positions below this mean 0 …
const STARTS = 0.06; // … and this is the position of the smallest value above it
const CATCH = 0.012; // positions this near to that of a named value mean that value
const STEP = 0.005; // of positions, tried by an arrow key

export class LogScale {
  /**
   * From `low` to `high`; with `zero`, the left end is 0. `named` values are easy to hit.
   * @param {number} low
   * @param {number} high
   * @param {{ zero?: boolean, named?: number[] }} [options]
   */
  constructor(low, high, { zero = false, named = [] } = {}) {
    this.low = low;
    this.high = high;
    this.zero = zero;
    this.named = named;
    this.start = zero ? STARTS : 0;
  }

  /** @param {number} value */
  position(value) {
    if (value <= 0) return 0;
    const share = Math.log(value / this.low) / Math.log(this.high / this.low);
    return this.start + (1 - this.start) * Math.min(1, Math.max(0, share));
  }

  /** @param {number} position */
  value(position) {
    if (this.zero && position < ZERO_ENDS) return 0;
    const near = this.named.find((value) => Math.abs(this.position(value) - position) < CATCH);
    if (near !== undefined) return near;
    const share = Math.max(0, (position - this.start) / (1 - this.start));
    return Number((this.low * (this.high / this.low) ** share).toPrecision(2));
  }

  /**
   * The value that an arrow key goes to: the nearest one in that direction that the slider can show; `value` at the end.
   * @param {number} value
   * @param {1 | -1} direction
   */
  next(value, direction) {
    const from = this.position(value);
    for (let i = 1; ; i++) {
      const position = Math.min(1, Math.max(0, from + direction * i * STEP));
      const other = this.value(position);
      if ((other - value) * direction > 0) return other;
      if (position === 0 || position === 1) return value;
    }
  }
}
