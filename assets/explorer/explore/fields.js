// The fields of a link beside z: for each its initial value, how it is written, and which texts are accepted. Any other
// text is ignored, so a link cannot request anything that the controls could not.

import { digitsOf, numbersIn } from "../core/digits.js";
import { FAR, isIndex, numbersOf, readHidden, readPoint, readView, readZ } from "../core/link-fields.js";
import { strokesOfText } from "../widgets/strokes.js";

/** @import { Bounds, Shape } from "../core/link-fields.js" */
/** @import { StateValues } from "./state.js" */

/**
 * An end of a path: a data point, or any z (then `point` is −1).
 * @typedef {{ point: number, z?: Float64Array }} PathEnd
 */

/**
 * What can be chosen on the map's page beside z. Three kinds of `plane`: "pca" or "tsne", dimensions as "0,1", and for
 * three dimensions "3d" or "0,1,2".
 * @typedef {Object} Choices
 * @property {"class" | "rate" | "distortion" | "volume"} colour
 * @property {string} plane
 * @property {string} zones "none", "pointer", "all", or the number of a class
 * @property {number} scale of the buffer zones, in standard deviations
 * @property {"off" | "q" | "ratio" | "holes"} density
 * @property {"off" | "grid" | "prior"} manifold
 * @property {string} tool
 * @property {number[]} hidden classes
 * @property {number[] | null} view [u, v, height] of the viewport
 * @property {number[] | null} turn of a space with three dimensions: the directions to the right and upwards
 * @property {"straight" | "spherical" | "ridge"} path
 * @property {PathEnd | null} from
 * @property {PathEnd | null} to
 * @property {number} t position on the path, in [0, 1]
 * @property {"prior" | "aggregate" | "posterior"} source of samples
 * @property {number} seed
 * @property {number} temperature
 * @property {number} posterior the data point whose posterior is sampled, or −1
 * @property {Shape | null} shape of the selection
 * @property {"distortion" | "rate" | "elbo"} by
 * @property {"worst" | "best"} order
 * @property {"lasso" | "box" | "move"} mode
 * @property {number[]} selected points that stay selected where their shape belonged to another plane, in rising order
 * @property {number} pages of images of the selection
 * @property {string} drawing strokes as text, see widgets/strokes.js
 * @property {string} ink colour of the drawing, six hexadecimal digits
 * @property {number} noise seed of ζ of the drawing's draws
 * @property {boolean} many draws at once are shown
 * @property {boolean} closer the map was zoomed to the posterior of the drawing
 */

/**
 * `read` returns undefined for a text that is not accepted; a field is in the link only if `open` is missing or true.
 * @template T
 * @typedef {Object} Field
 * @property {T | ((k: number) => T)} first
 * @property {(value: T) => string} [write] `String` if missing
 * @property {(text: string, bounds: Bounds) => T | undefined} read
 * @property {(state: StateValues) => boolean} [open]
 */

export const Z_LIMIT = 20; // of a number that is typed, and of the decoded plane: the prior has no mass beyond
export const LARGEST_SEED = 99999;
export const CORNERS = 64; // of a shape on the map, at most

const LONGEST = 4000; // characters of the selected points, at most: more of them are not in a link

/** @type {{ [Name in keyof Choices]: Field<Choices[Name]> }} */
export const FIELDS = {
  colour: one(["class", "rate", "distortion", "volume"]),
  plane: { first: defaultPlane, read: (text, { k }) => (isPlane(text, k) ? text : undefined) },
  zones: {
    first: "pointer",
    read: (text, { classes }) =>
      ["none", "pointer", "all"].includes(text) || isIndex(text, classes) ? text : undefined,
  },
  scale: number(1, 0.5, 3, 2),
  density: one(["off", "q", "ratio", "holes"]),
  manifold: one(["off", "grid", "prior"]),
  tool: { first: "lens", read: (text) => (/^[a-z]+$/.test(text) ? text : undefined) },
  hidden: { first: [], read: readHidden },
  view: { first: null, read: readView },
  turn: { first: null, read: readTurn, open: (state) => isSpatial(state.plane) },
  ...of("interpolate", {
    path: one(["straight", "spherical", "ridge"]),
    from: end(),
    to: end(),
    t: number(0, 0, 1, 16),
  }),
  ...of("sample", {
    source: one(["prior", "aggregate", "posterior"]),
    seed: number(1, 0, LARGEST_SEED, 0),
    temperature: number(1, 0, 2, 2),
  }),
  posterior: { first: -1, read: readPoint, open: (state) => state.tool === "sample" && state.source === "posterior" },
  ...of("select", {
    shape: { first: null, write: flat, read: readShape },
    by: one(["distortion", "rate", "elbo"]),
    order: one(["worst", "best"]),
    mode: one(["lasso", "box", "move"]),
    selected: { first: [], write: writtenPoints, read: readPoints },
    pages: number(1, 1, 2000, 0),
  }),
  ...of("draw", {
    drawing: { first: "", read: (text) => (strokesOfText(text) ? text : undefined) },
    ink: { first: "ffffff", read: (text) => (/^[0-9a-f]{6}$/.test(text) ? text : undefined) },
    noise: number(1, 0, LARGEST_SEED, 0),
    many: flag(),
    closer: flag(),
  }),
};

/** The fields for loops over all of them, where each `Field<T>` meets a value of its own T: hence `any`.
 * @type {Record<string, Field<any>>}
 */
const ANY_FIELDS = FIELDS;

export const FIELD_NAMES = /** @type {(keyof Choices)[]} */ (Object.keys(FIELDS));

/**
 * A field's value as text.
 * @param {keyof Choices} name
 * @param {Choices[keyof Choices]} value
 */
export const written = (name, value) => (ANY_FIELDS[name].write ?? String)(value ?? "");

/**
 * The initial values for a latent space of k dimensions.
 * @param {number} k
 */
export function firstChoices(k) {
  const first = FIELD_NAMES.map((name) => {
    const { first } = ANY_FIELDS[name];
    return [name, typeof first === "function" ? first(k) : first];
  });
  return /** @type {Choices} */ (Object.fromEntries(first));
}

/**
 * Whether a text names a plane or space of a latent space of k dimensions.
 * @param {string} text
 * @param {number} k
 */
function isPlane(text, k) {
  if (["pca", "tsne", "3d"].includes(text)) return k > 2;
  const dimensions = text.split(",");
  const many = dimensions.length === 2 || (dimensions.length === 3 && k > 3); // for k = 3 only "3d" names all three
  return many && dimensions.every((d) => isIndex(d, k)) && new Set(dimensions).size === dimensions.length;
}

/**
 * Whether three dimensions are shown.
 * @param {string} plane
 */
export const isSpatial = (plane) => plane === "3d" || plane.split(",").length === 3;

/** @param {number} k */
function defaultPlane(k) {
  return k <= 2 ? "0,1" : "pca";
}

// --- kinds of fields -------------------------------------------------------------------------------------------------

/**
 * One of several words; the first is the initial value.
 * @template {string} Word
 * @param {Word[]} words
 * @returns {Field<Word>}
 */
function one(words) {
  return { first: words[0], read: (text) => words.find((word) => word === text) };
}

/**
 * On ("1") or, initially, off.
 * @returns {Field<boolean>}
 */
function flag() {
  return { first: false, write: (value) => (value ? "1" : ""), read: (text) => (text === "1" ? true : undefined) };
}

/**
 * A number in [low, high], rounded to so many digits.
 * @param {number} first
 * @param {number} low
 * @param {number} high
 * @param {number} digits
 * @returns {Field<number>}
 */
function number(first, low, high, digits) {
  const read = (/** @type {string} */ text) => {
    const [value, ...more] = numbersOf(text);
    return !more.length && value >= low && value <= high ? Number(value.toFixed(digits)) : undefined;
  };
  return { first, write: (value) => String(Number(value.toFixed(digits))), read };
}

/**
 * Fields that are in the link only while a tool is open.
 * @template {keyof Choices} Names
 * @param {string} tool
 * @param {{ [Name in Names]: Field<Choices[Name]> }} fields
 * @returns {{ [Name in Names]: Field<Choices[Name]> }}
 */
function of(tool, fields) {
  const open = (/** @type {StateValues} */ state) => state.tool === tool;
  return /** @type {typeof fields} */ (
    Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [name, { .../** @type {object} */ (field), open }]),
    )
  );
}

/**
 * An end of a path, initially null.
 * @returns {Field<PathEnd | null>}
 */
function end() {
  /** @type {Field<PathEnd | null>["write"]} */
  const write = (value) => (!value ? "" : value.point >= 0 ? `point${value.point}` : (value.z ?? []).join(","));
  /** @type {Field<PathEnd | null>["read"]} */
  const read = (text, { k, count }) => {
    if (/^point\d+$/.test(text)) return isIndex(text.slice(5), count) ? { point: Number(text.slice(5)) } : undefined;
    const z = readZ(text, k);
    return z && { z, point: -1 };
  };
  return { first: null, write, read };
}

// --- reading ---------------------------------------------------------------------------------------------------------

/**
 * The orientation of a space: the direction to the right and the one upwards, two orthonormal vectors up to rounding.
 * @param {string} text
 */
function readTurn(text) {
  const turn = numbersOf(text);
  const [right, up] = [turn.slice(0, 3), turn.slice(3)];
  const dot = (/** @type {number[]} */ a, /** @type {number[]} */ b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  const near = (/** @type {number} */ a, /** @type {number} */ b) => Math.abs(a - b) < 0.01;
  return turn.length === 6 && near(dot(right, right), 1) && near(dot(up, up), 1) && near(dot(right, up), 0)
    ? turn
    : undefined;
}

/**
 * The corners of a shape; a straight line has two.
 * @param {string} text
 * @returns {Shape | undefined}
 */
function readShape(text) {
  const values = numbersOf(text);
  const fits =
    values.length >= 4 &&
    values.length <= 2 * CORNERS &&
    values.length % 2 === 0 &&
    values.every((v) => Math.abs(v) <= FAR);
  return fits ? Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i], values[2 * i + 1]]) : undefined;
}

/** @param {Shape | null} shape */
function flat(shape) {
  return shape ? shape.flat().join(",") : "";
}

/**
 * Numbers of data points in rising order, as the differences between them.
 * @param {number[]} points
 */
function writtenPoints(points) {
  const text = points.map((point, n) => digitsOf(point - (n ? points[n - 1] : 0))).join("");
  return text.length <= LONGEST ? text : "";
}

/**
 * @param {string} text
 * @param {Bounds} bounds
 */
function readPoints(text, { count }) {
  const steps = text.length <= LONGEST ? numbersIn(text) : null;
  let last = 0;
  const points = steps?.map((step) => {
    last += step;
    return last;
  });
  const fits = points?.every((point, n) => point < count && (n ? point > points[n - 1] : point >= 0));
  return fits ? points : undefined;
}
