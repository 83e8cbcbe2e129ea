// Draws many points into the 32-bit pixels of an image, as colours by count, or as a dot for each point.

/** @import { Floats } from "./projection.js" */

/**
 * Coordinates and colour codes of points, in the order of the grid.
 * @typedef {{ us: Floats, vs: Floats, codes: ArrayLike<number> }} CodedPoints
 */

/**
 * A map from coordinates to columns, rows or pixels: x · scale + shift.
 * @typedef {[scale: number, shift: number]} Affine
 */

const FAINTEST = 0.22; // least opacity of a cell with a point in it …
const OPAQUE = 0.97; // … and opacity of the fullest cell
export const HIDDEN = -1; // as the red of a colour: points of this code do not count

/** Counts of the points that fall into each cell of a raster, and the sums of their colours. */
export class Bins {
  constructor() {
    this.columns = 0;
    this.rows = 0;
    this.total = 0;
    this.counts = new Uint32Array(0);
    this.sums = new Float32Array(0); // r, g, b of every cell
  }

  /**
   * Empties the raster and gives it this size.
   * @param {number} columns
   * @param {number} rows
   */
  clear(columns, rows) {
    this.total = 0;
    if (this.columns !== columns || this.rows !== rows) {
      this.columns = columns;
      this.rows = rows;
      this.counts = new Uint32Array(columns * rows);
      this.sums = new Float32Array(3 * columns * rows);
    } else {
      this.counts.fill(0);
      this.sums.fill(0);
    }
  }

  /**
   * Adds the points at positions [from, to).
   * @param {CodedPoints} points
   * @param {number} from
   * @param {number} to
   * @param {Affine} x to columns
   * @param {Affine} y to rows
   * @param {ArrayLike<number>} colours r, g, b of every code
   */
  add({ us, vs, codes }, from, to, [xs, xt], [ys, yt], colours) {
    const { columns, rows, counts, sums } = this;
    for (let i = from; i < to; i++) {
      const column = us[i] * xs + xt;
      const row = vs[i] * ys + yt;
      if (!(column >= 0 && column < columns && row >= 0 && row < rows)) continue;
      const code = 3 * codes[i];
      if (colours[code] === HIDDEN) continue;
      const cell = (row | 0) * columns + (column | 0);
      counts[cell]++;
      this.total++;
      sums[3 * cell] += colours[code];
      sums[3 * cell + 1] += colours[code + 1];
      sums[3 * cell + 2] += colours[code + 2];
    }
  }

  /**
   * Paints the raster. Opacity is proportional to ln(1 + count), the colour is the mean of the points' colours.
   * @param {Uint32Array} pixels
   * @param {number} width
   * @param {number} height
   * @param {number} size pixels per side of a cell
   */
  paint(pixels, width, height, size) {
    const { columns, rows, counts, sums } = this;
    let peak = 1;
    for (let c = 0; c < counts.length; c++) if (counts[c] > peak) peak = counts[c];
    const opacity = (/** @type {number} */ n) => 255 * Math.max(FAINTEST, (OPAQUE * Math.log1p(n)) / Math.log1p(peak));
    const known = Uint8Array.from({ length: Math.min(peak, 4096) + 1 }, (_, n) => opacity(n));
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const cell = row * columns + column;
        const n = counts[cell];
        if (n === 0) continue;
        const alpha = n < known.length ? known[n] : opacity(n);
        const pixel = packed(sums[3 * cell] / n, sums[3 * cell + 1] / n, sums[3 * cell + 2] / n, alpha);
        const right = Math.min(width, (column + 1) * size);
        const bottom = Math.min(height, (row + 1) * size);
        for (let y = row * size; y < bottom; y++)
          for (let x = column * size; x < right; x++) pixels[y * width + x] = pixel;
      }
  }
}

/**
 * Paints a disc for every point at positions [from, to); later ones cover earlier ones.
 * @param {Uint32Array} pixels
 * @param {number} width
 * @param {number} height
 * @param {CodedPoints} points
 * @param {number} from
 * @param {number} to
 * @param {Affine} x to pixels
 * @param {Affine} y to pixels
 * @param {ArrayLike<number>} colours r, g, b of every code
 * @param {number} diameter px
 * @param {number} opacity
 */
export function dots(pixels, width, height, { us, vs, codes }, from, to, x, y, colours, diameter, opacity) {
  const reach = Math.max(1, Math.round(diameter));
  const shape = disc(reach);
  for (let i = from; i < to; i++) {
    const code = 3 * codes[i];
    if (colours[code] === HIDDEN) continue;
    const shade = packed(colours[code], colours[code + 1], colours[code + 2], 255 * opacity);
    const left = Math.round(us[i] * x[0] + x[1] - reach / 2);
    const top = Math.round(vs[i] * y[0] + y[1] - reach / 2);
    if (left + reach <= 0 || top + reach <= 0 || left >= width || top >= height) continue;
    for (const [dx, dy, length] of shape) {
      if (top + dy < 0 || top + dy >= height) continue;
      const begin = Math.max(0, left + dx);
      const end = Math.min(width, left + dx + length);
      if (begin < end) pixels.fill(shade, (top + dy) * width + begin, (top + dy) * width + end);
    }
  }
}

/**
 * The rows of a disc within a square.
 * @param {number} diameter px
 */
function disc(diameter) {
  const centre = (diameter - 1) / 2;
  return Array.from({ length: diameter }, (_, dy) => {
    const half = Math.sqrt(Math.max(0, (diameter / 2) ** 2 - (dy - centre) ** 2));
    const first = Math.max(0, Math.round(centre - half + 0.5 - 0.5 * Number(diameter % 2 === 0)));
    return /** @type {const} */ ([first, dy, diameter - 2 * first]); // first column, row, length
  });
}

/**
 * The bytes r, g, b, a of a pixel as one number, in the little-endian order of all machines that run a browser.
 * @param {number} r
 * @param {number} g
 * @param {number} b
 * @param {number} a
 */
const packed = (r, g, b, a) => ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
