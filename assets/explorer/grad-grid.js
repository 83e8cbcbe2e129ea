// A function known at the middles of a grid's cells, in between by Catmull-Rom's cubic, whose slope is that of the cubic.

export class Grid {
  // `low` and `high` are its corners, `values` row by row, the lowest row first.
  constructor({ low, high }, values) {
    this.side = Math.round(Math.sqrt(values.length));
    Object.assign(this, { low, high, values, at: [this.spot(), this.spot()] });
  }

  spot() {
    return { first: 0, weights: new Float64Array(4), slopes: new Float64Array(4) };
  }

  holds(z) {
    return this.low.every((least, i) => z[i] >= least && z[i] <= this.high[i]);
  }

  // The value at z; beyond the edge, that at the edge. Its gradient goes into `slope`, where one is given.
  f(z, slope) {
    const { side, values, at } = this;
    for (let i = 0; i < 2; i++) this.place(i, z[i]);
    let [value, across, up] = [0, 0, 0];
    for (let r = 0; r < 4; r++) {
      const row = clamped(at[1].first + r, side) * side;
      let [along, steep] = [0, 0];
      for (let c = 0; c < 4; c++) {
        const known = values[row + clamped(at[0].first + c, side)];
        along += at[0].weights[c] * known;
        steep += at[0].slopes[c] * known;
      }
      value += at[1].weights[r] * along;
      across += at[1].weights[r] * steep;
      up += at[1].slopes[r] * along;
    }
    if (slope) [slope[0], slope[1]] = [across, up];
    return value;
  }

  // The four middles around a coordinate: their weights, and the weights' slopes.
  place(i, coordinate) {
    const { weights: w, slopes: s } = this.at[i];
    const perUnit = this.side / (this.high[i] - this.low[i]);
    const wanted = (coordinate - this.low[i]) * perUnit - 0.5;
    const inside = Math.min(this.side - 1, Math.max(0, wanted));
    const left = Math.min(this.side - 2, Math.floor(inside));
    const t = inside - left;
    this.at[i].first = left - 1;
    w[0] = t * (-0.5 + t * (1 - 0.5 * t));
    w[1] = 1 + t * t * (1.5 * t - 2.5);
    w[2] = t * (0.5 + t * (2 - 1.5 * t));
    w[3] = t * t * (0.5 * t - 0.5);
    const scale = wanted === inside ? perUnit : 0;
    s[0] = scale * (-0.5 + t * (2 - 1.5 * t));
    s[1] = scale * t * (4.5 * t - 5);
    s[2] = scale * (0.5 + t * (4 - 4.5 * t));
    s[3] = scale * t * (1.5 * t - 1);
  }
}

const clamped = (i, side) => (i < 0 ? 0 : i >= side ? side - 1 : i);
