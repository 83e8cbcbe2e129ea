// What part of the plane the map shows, and where on the screen: the one translation between (u, v) and pixels.

const ROUNDING = 1e-9; // of a range that Plotly was given and gives back

export class View {
  // `x` and `y` are the ranges shown; left, top, width and height the axes' rectangle in pixels of the map.
  constructor({ x, y }, { left, top, width, height }) {
    this.x = [...x];
    this.y = [...y];
    this.left = left;
    this.top = top;
    this.width = width;
    this.height = height;
  }

  toPixel(u, v) {
    const { x, y, left, top, width, height } = this;
    return [left + ((u - x[0]) / (x[1] - x[0])) * width, top + ((y[1] - v) / (y[1] - y[0])) * height];
  }

  toData(px, py) {
    const { x, y, left, top, width, height } = this;
    return [x[0] + ((px - left) / width) * (x[1] - x[0]), y[1] - ((py - top) / height) * (y[1] - y[0])];
  }

  get pixelsPerUnit() {
    return this.width / (this.x[1] - this.x[0]);
  }

  contains(px, py) {
    const { left, top, width, height } = this;
    return px >= left && px <= left + width && py >= top && py <= top + height;
  }
}

// What a view shows: [u, v] of its middle and its height, exactly; null where it shows all that there is.
export function shownBy({ x, y }, home) {
  const height = y[1] - y[0];
  const same = (a, b) => Math.abs(a - b) < height * ROUNDING;
  if ([0, 1].every((end) => same(y[end], home.y[end]) && same(x[end], home.x[end]))) return null;
  return [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, height];
}

// The other way round, in the aspect of a rectangle.
export function rangeOf([u, v, height], rectangle) {
  const [across, up] = [(height * rectangle.width) / rectangle.height / 2, height / 2];
  return { x: [u - across, u + across], y: [v - up, v + up] };
}

// The ranges that hold every point and the 3-σ ring, in the aspect of the rectangle.
export function homeRange({ us, vs }, { width, height }) {
  const [u0, u1] = extent(us, 3.2);
  const [v0, v1] = extent(vs, 3.2);
  const unit = Math.max((u1 - u0) / width, (v1 - v0) / height);
  const around = (a, b, pixels) => [(a + b - unit * pixels) / 2, (a + b + unit * pixels) / 2];
  return { x: around(u0, u1, width), y: around(v0, v1, height) };
}

// The smallest interval that holds all values and ±least, with a little air.
export function extent(values, least) {
  let [low, high] = [-least, least];
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  const air = (high - low) * 0.02;
  return [low - air, high + air];
}
