// Fits a drawing or a picture to the images of a data set. Ink on a plain ground (MNIST's digits: LeCun et al. 1998) is
// cropped to its bounding box, scaled into a smaller box within the image with its aspect ratio kept, and placed so
// that its centre of mass is where that of the data's images is. A photograph is cropped to the image's aspect ratio
// and scaled.

/** @import { Point } from "../core/link-fields.js" */
/** @import { ImageShape } from "./frame.js" */
/** @import { RgbPicture } from "./read-picture.js" */

/**
 * How the images of a data set are placed in their frame: whether on a plain ground, its brightness (0 dark, 1 bright),
 * the side of the ink's box and the centre of mass, both in px.
 * @typedef {{ plain: boolean, ground: number, box: number, centre: Point }} Ways
 */

/** A rectangle in px. @typedef {{ x0: number, x1: number, y0: number, y1: number }} Bounds */

/** A part of a picture, in its px. @typedef {{ start: Point, size: Point }} Window */

/**
 * The source pixels of one pixel, with their weights; `missing`: the weight of what lies outside of the source.
 * @typedef {{ at: number[], weights: number[], missing: number }} Taps
 */

const FAINT = 0.12; // share of the darkest ink, below which a pixel is ground
const SAMPLE = 100; // images from which a data set's placement is measured
const MNIST_BOX = 20 / 28;
const PLAIN = 0.05; // mean deviation of the border of images on a plain ground, at most

/**
 * Measures how the images of a data set are placed; without images, as MNIST's are.
 * @param {Uint8Array | null | undefined} images (N, channels, height, width)
 * @param {ImageShape} shape
 * @returns {Ways}
 */
export function waysOf(images, shape) {
  const [, height, width] = shape;
  const side = Math.min(height, width);
  const size = shape.reduce((a, b) => a * b, 1);
  const n = Math.min(SAMPLE, Math.floor((images?.length ?? 0) / size));
  if (!images || !n)
    return { plain: true, ground: 0, box: MNIST_BOX * side, centre: [(width + 1) / 2, (height + 1) / 2] };
  const greys = Array.from({ length: n }, (_, i) => grey(images.subarray(i * size, (i + 1) * size), shape, 1 / 255));
  const borders = greys.map((image) => median(border(image, width, height)));
  const ground = median(borders) < 0.5 ? 0 : 1;
  const off = median(borders.map((v) => Math.abs(v - ground)));
  const inks = greys.map((image) => inkOf(image, ground));
  const boxes = inks.map((ink) => bounds(ink, width, height)).filter((box) => box !== null);
  const centres = inks.map((ink) => centreOfMass(ink, width, height)).filter((centre) => centre !== null);
  const mean = (/** @type {0 | 1} */ axis) =>
    centres.reduce((sum, c) => sum + c[axis], 0) / Math.max(1, centres.length);
  return {
    plain: off < PLAIN && boxes.length > 0,
    ground,
    box: median(boxes.map(({ x0, x1, y0, y1 }) => Math.max(x1 - x0, y1 - y0))),
    centre: [mean(0), mean(1)],
  };
}

/**
 * An image of ink (height, width) in [0, 1] from strokes; null without strokes. The width of the pen does not depend on
 * how large the strokes were drawn.
 * @param {Point[][]} strokes in any units
 * @param {ImageShape} shape
 * @param {Ways} ways
 * @param {number} least strokes shorter than this are scaled as if they were so long
 */
export function fitStrokes(strokes, [, height, width], ways, least) {
  const points = strokes.flat();
  if (!points.length) return null;
  const radius = penRadius(Math.min(height, width));
  const extent = (/** @type {0 | 1} */ axis) => {
    const values = points.map((p) => p[axis]);
    return [Math.min(...values), Math.max(...values)];
  };
  const [[x0, x1], [y0, y1]] = [extent(0), extent(1)];
  const scale = (ways.box - 2 * radius) / Math.max(x1 - x0, y1 - y0, least);
  /**
   * @param {number} cx
   * @param {number} cy
   */
  const place = (cx, cy) =>
    strokes.map((s) =>
      s.map(([x, y]) => /** @type {Point} */ ([(x - (x0 + x1) / 2) * scale + cx, (y - (y0 + y1) / 2) * scale + cy])),
    );
  const [halfX, halfY] = [((x1 - x0) * scale) / 2 + radius, ((y1 - y0) * scale) / 2 + radius];
  const [cx, cy] = [width / 2, height / 2];
  const mass = centreOfMass(inkAlong(place(cx, cy), width, height, radius), width, height);
  if (!mass) return null;
  /**
   * Keeps the ink within the image.
   * @param {number} at
   * @param {number} half
   * @param {number} size
   */
  const kept = (at, half, size) => Math.min(Math.max(at, half), Math.max(half, size - half));
  /** @type {Point} */
  const at = [kept(cx + ways.centre[0] - mass[0], halfX, width), kept(cy + ways.centre[1] - mass[1], halfY, height)];
  return inkAlong(place(...at), width, height, radius);
}

/** @param {number} side px */
const penRadius = (side) => Math.max(0.55, 0.043 * side);

/**
 * The ink of a round pen along polylines, with an edge of one pixel: a pixel's value is the depth of its centre in the
 * ink.
 * @param {Point[][]} strokes px
 * @param {number} width
 * @param {number} height
 * @param {number} radius px
 */
function inkAlong(strokes, width, height, radius) {
  const ink = new Float32Array(width * height);
  for (const stroke of strokes)
    for (let i = 0; i < stroke.length; i++)
      inkBetween(ink, width, height, stroke[Math.max(0, i - 1)], stroke[i], radius + 0.5);
  return ink;
}

/**
 * Adds the ink of a straight line.
 * @param {Float32Array} ink
 * @param {number} width
 * @param {number} height
 * @param {Point} from
 * @param {Point} to
 * @param {number} reach px from the line to where the ink ends
 */
function inkBetween(ink, width, height, [ax, ay], [bx, by], reach) {
  const dx = bx - ax,
    dy = by - ay;
  const length = dx * dx + dy * dy || 1;
  const x0 = Math.max(0, Math.floor(Math.min(ax, bx) - reach)),
    x1 = Math.min(width, Math.ceil(Math.max(ax, bx) + reach));
  const y0 = Math.max(0, Math.floor(Math.min(ay, by) - reach)),
    y1 = Math.min(height, Math.ceil(Math.max(ay, by) + reach));
  for (let y = y0; y < y1; y++)
    for (let x = x0; x < x1; x++) {
      const px = x + 0.5 - ax,
        py = y + 0.5 - ay;
      const t = Math.max(0, Math.min(1, (px * dx + py * dy) / length));
      const depth = Math.min(1, reach - Math.sqrt((px - t * dx) ** 2 + (py - t * dy) ** 2));
      if (depth > ink[y * width + x]) ink[y * width + x] = depth;
    }
}

/**
 * A picture as pixels (channels, height, width) of the data. One that has the size and the ground of the data is not
 * changed.
 * @param {RgbPicture} picture
 * @param {ImageShape} shape
 * @param {Ways} ways
 */
export function fitPicture(picture, shape, ways) {
  const [channels, height, width] = shape;
  const plane = (/** @type {number} */ c) =>
    picture.rgb.subarray(c * picture.width * picture.height, (c + 1) * picture.width * picture.height);
  const all = grey(picture.rgb, [3, picture.height, picture.width], 1);
  const ground = median(border(all, picture.width, picture.height)) < 0.5 ? 0 : 1;
  const planes = channels === 1 ? [all] : [0, 1, 2].map(plane);
  if (picture.width === width && picture.height === height && (!ways.plain || ground === ways.ground))
    return joined(planes);
  if (!ways.plain)
    return joined(
      planes.map((values) =>
        resample(values, picture.width, picture.height, covering(picture, width, height), width, height),
      ),
    );
  const ink = contrasted(all, median(border(all, picture.width, picture.height)));
  if (channels === 1) return placeInk(ink, picture, shape, ways);
  const box = bounds(ink, picture.width, picture.height) ?? { x0: 0, x1: picture.width, y0: 0, y1: picture.height };
  return joined(
    planes.map((values) =>
      resample(values, picture.width, picture.height, around(box, width, height, ways.box), width, height, ways.ground),
    ),
  );
}

/**
 * Ink, scaled and placed as in the data.
 * @param {Float32Array} ink (height, width) of the picture
 * @param {RgbPicture} picture
 * @param {ImageShape} shape
 * @param {Ways} ways
 */
function placeInk(ink, picture, [, height, width], ways) {
  const box = bounds(ink, picture.width, picture.height);
  if (!box) return new Float32Array(width * height).fill(ways.ground);
  const window = around(box, width, height, ways.box);
  const first = resample(ink, picture.width, picture.height, window, width, height, 0);
  const mass = centreOfMass(first, width, height) ?? ways.centre;
  const scale = window.size[0] / width; // source pixels per pixel of the image
  const half = [(box.x1 - box.x0) / scale / 2, (box.y1 - box.y0) / scale / 2];
  /**
   * Keeps the ink within the image.
   * @param {number} shift
   * @param {number} h
   * @param {number} size
   */
  const kept = (shift, h, size) => Math.min(Math.max(shift, h - size / 2), size / 2 - h);
  const shift = [kept(ways.centre[0] - mass[0], half[0], width), kept(ways.centre[1] - mass[1], half[1], height)];
  const [x, y] = window.start;
  /** @type {Window} */
  const moved = { start: [x - shift[0] * scale, y - shift[1] * scale], size: window.size };
  const fitted = resample(ink, picture.width, picture.height, moved, width, height, 0);
  return ways.ground ? fitted.map((v) => 1 - v) : fitted;
}

/**
 * Ink in [0, 1] of a picture on a plain ground: the difference from the ground, scaled to a maximum of 1.
 * @param {Float32Array} values
 * @param {number} ground
 */
function contrasted(values, ground) {
  const most = values.reduce((m, v) => Math.max(m, Math.abs(v - ground)), 0) || 1;
  return values.map((v) => (Math.abs(v - ground) < FAINT * most ? 0 : Math.abs(v - ground) / most));
}

/**
 * @param {Float32Array} image
 * @param {number} ground
 */
const inkOf = (image, ground) => image.map((v) => Math.abs(v - ground));

/**
 * The largest window of a picture with the image's aspect ratio.
 * @param {RgbPicture} picture
 * @param {number} width
 * @param {number} height
 * @returns {Window}
 */
function covering(picture, width, height) {
  const unit = Math.min(picture.width / width, picture.height / height);
  /** @type {Point} */
  const size = [width * unit, height * unit];
  return { start: [(picture.width - size[0]) / 2, (picture.height - size[1]) / 2], size };
}

/**
 * The window in which a rectangle of the picture is in the middle and fills `box` px.
 * @param {Bounds} bounds
 * @param {number} width
 * @param {number} height
 * @param {number} box
 * @returns {Window}
 */
function around({ x0, x1, y0, y1 }, width, height, box) {
  const unit = Math.max(x1 - x0, y1 - y0) / Math.min(box, width, height);
  /** @type {Point} */
  const size = [width * unit, height * unit];
  return { start: [(x0 + x1 - size[0]) / 2, (y0 + y1 - size[1]) / 2], size };
}

/**
 * Resamples a window of a picture to width × height, with a triangle filter as wide as a pixel of the coarser image.
 * @param {Float32Array} values
 * @param {number} fromWidth
 * @param {number} fromHeight
 * @param {Window} window
 * @param {number} width
 * @param {number} height
 * @param {number | null} outside value outside of the picture; null: that of the nearest pixel
 */
function resample(values, fromWidth, fromHeight, { start, size }, width, height, outside = null) {
  const rows = taps(start[1], size[1], fromHeight, height, outside === null);
  const columns = taps(start[0], size[0], fromWidth, width, outside === null);
  const between = new Float32Array(fromHeight * width).fill(outside ?? 0);
  const needed = new Set(rows.flatMap(({ at }) => at));
  for (const y of needed)
    for (let x = 0; x < width; x++)
      between[y * width + x] = mixed(columns[x], (i) => values[y * fromWidth + i], outside);
  const out = new Float32Array(height * width);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) out[y * width + x] = mixed(rows[y], (i) => between[i * width + x], outside);
  return out;
}

/**
 * The weighted mean of source pixels.
 * @param {Taps} taps
 * @param {(i: number) => number} value
 * @param {number | null} outside
 */
function mixed({ at, weights, missing }, value, outside) {
  let sum = missing * (outside ?? 0);
  for (let i = 0; i < at.length; i++) sum += weights[i] * value(at[i]);
  return sum;
}

/**
 * The taps of every pixel along one axis.
 * @param {number} start of the window
 * @param {number} size of the window
 * @param {number} from pixels of the source
 * @param {number} to pixels of the result
 * @param {boolean} clamp whether pixels outside of the source count as the nearest one
 */
function taps(start, size, from, to, clamp) {
  const step = size / to;
  const reach = Math.max(1, step);
  return Array.from({ length: to }, (_, i) => {
    const middle = start + (i + 0.5) * step - 0.5;
    /** @type {Taps} */
    const found = { at: [], weights: [], missing: 0 };
    for (let p = Math.ceil(middle - reach); p <= middle + reach; p++) {
      const weight = 1 - Math.abs(p - middle) / reach;
      if (weight <= 0) continue;
      if (!clamp && (p < 0 || p >= from)) found.missing += weight;
      else {
        found.at.push(Math.min(from - 1, Math.max(0, p)));
        found.weights.push(weight);
      }
    }
    const total = found.weights.reduce((a, b) => a + b, found.missing);
    found.weights = found.weights.map((w) => w / total);
    found.missing /= total;
    return found;
  });
}

/**
 * The luma of pixels (channels, height, width), by the weights of ITU-R BT.601.
 * @param {ArrayLike<number>} pixels
 * @param {ImageShape} shape
 * @param {number} scale factor for the pixels
 */
function grey(pixels, [channels, height, width], scale) {
  const plane = height * width;
  const shares = channels === 3 ? [0.299, 0.587, 0.114] : [1];
  return Float32Array.from(
    { length: plane },
    (_, i) => scale * shares.reduce((sum, share, c) => sum + share * pixels[c * plane + i], 0),
  );
}

/**
 * The pixels at the border of an image.
 * @param {Float32Array} image
 * @param {number} width
 * @param {number} height
 */
function border(image, width, height) {
  /** @type {number[]} */
  const found = [];
  for (let x = 0; x < width; x++) found.push(image[x], image[(height - 1) * width + x]);
  for (let y = 1; y < height - 1; y++) found.push(image[y * width], image[y * width + width - 1]);
  return found;
}

/**
 * The smallest rectangle that contains all ink, or null without ink.
 * @param {Float32Array} ink
 * @param {number} width
 * @param {number} height
 * @returns {Bounds | null}
 */
function bounds(ink, width, height) {
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (ink[y * width + x] > 0)
        [x0, x1, y0, y1] = [Math.min(x0, x), Math.max(x1, x + 1), Math.min(y0, y), Math.max(y1, y + 1)];
  return x1 > x0 ? { x0, x1, y0, y1 } : null;
}

/**
 * @param {Float32Array} ink
 * @param {number} width
 * @param {number} height
 * @returns {Point | null} null without ink
 */
function centreOfMass(ink, width, height) {
  let [mass, mx, my] = [0, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const v = ink[y * width + x];
      mass += v;
      mx += v * (x + 0.5);
      my += v * (y + 0.5);
    }
  return mass > 0 ? [mx / mass, my / mass] : null;
}

/** @param {Iterable<number>} values */
function median(values) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[sorted.length >> 1] : 0;
}

/** @param {Float32Array[]} planes of the channels */
function joined(planes) {
  const out = new Float32Array(planes.length * planes[0].length);
  planes.forEach((plane, c) => {
    out.set(plane, c * plane.length);
  });
  return out;
}
