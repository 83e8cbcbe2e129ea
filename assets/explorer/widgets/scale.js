// Positions of a logarithmic slider, 0 to 1, and the values they stand for.

const ZERO_ENDS = 0.03; // where a slider that has a zero stops standing for it …
const STARTS = 0.06; // … and where its least value above it stands
const CATCH = 0.012; // how near a named value a position is taken for it

export class LogScale {
  // From `low` to `high`; with `zero`, the left end is 0. `named` values are easy to hit.
  constructor(low, high, { zero = false, named = [] } = {}) {
    this.low = low;
    this.high = high;
    this.zero = zero;
    this.named = named;
    this.start = zero ? STARTS : 0;
  }

  position(value) {
    if (value <= 0) return 0;
    const share = Math.log(value / this.low) / Math.log(this.high / this.low);
    return this.start + (1 - this.start) * Math.min(1, Math.max(0, share));
  }

  value(position) {
    if (this.zero && position < ZERO_ENDS) return 0;
    const near = this.named.find((value) => Math.abs(this.position(value) - position) < CATCH);
    if (near !== undefined) return near;
    const share = Math.max(0, (position - this.start) / (1 - this.start));
    return Number((this.low * (this.high / this.low) ** share).toPrecision(2));
  }
}
