// The fields of the page's state: their initial values, and how a link states them.

/** @import { EstimatorName } from "./estimators.js" */
/** @import { Parameter } from "./measure.js" */
/** @import { TargetName } from "./targets.js" */

import { ESTIMATORS } from "./estimators.js";
import { Gaussian } from "./gaussian.js";
import { POSTERIOR, TARGETS } from "./targets.js";

/** @typedef {"fit" | "variance" | "trick" | "divergences" | "code"} Tab */

/**
 * Consecutive steps of a fit with the same settings. `noise` is the number of the first step's noise; that of every further
 * step is one more.
 * @typedef {{ n: number, lr: number, noise: number, steps: number }} FitPart
 */

/**
 * A fit that can be made again: it begins at `start`; null is where fits of the target begin.
 * @typedef {{ estimator: EstimatorName, full: boolean, start: Gaussian | null, parts: FitPart[] }} FitRun
 */

/**
 * `read` returns undefined where a text is not valid.
 * @template Value
 * @typedef {{ initial: Value, write: (value: Value) => string, read: (text: string) => Value | undefined }} Field
 */

/** @type {Tab[]} */
export const TABS = ["fit", "variance", "trick", "divergences", "code"];
export const MOST_DRAWS = 1000;
export const MOST_STEPS = 2000; // of a fit
export const MOST_PARTS = 30; // of a fit
export const MOST_RUNS = 4; // fits in the chart
const MOST_COUNT = 1e9;
const FAR = 1e6; // from the middle of a target: further than q can be dragged
const NUMBERS = new Map([
  [2, 1],
  [6, 2],
]); // how many numbers a Gaussian is written with → its dimensions

export const FIELDS = {
  tab: oneOf("fit", TABS),
  target: oneOf("correlated", /** @type {TargetName[]} */ ([...Object.keys(TARGETS), POSTERIOR])),
  image: count(0), // row of the image whose posterior is the target
  rho: number(0.9, -0.98, 0.98), // of the correlated Gaussian
  full: flag(false), // whether q has a full covariance
  estimator: oneOf("pathwise", /** @type {EstimatorName[]} */ (Object.keys(ESTIMATORS))),
  n: count(10, 1, MOST_DRAWS), // draws per gradient
  lr: number(0.05, 0.001, 1),

  // q is null where fits of the target begin, and `noise` is the number of the noise with which its gradient is estimated.
  // The current fit begins at `start`, and `before` are the fits before it.
  "fit.q": gaussian(),
  "fit.noise": count(0),
  "fit.start": gaussian(),
  "fit.parts": parts(),
  "fit.before": runs(),

  "variance.of": oneOf("mu", /** @type {Parameter[]} */ (["mu", "sigma"])),
  "variance.mu": number(1, 0, 3),
  "variance.sigma": number(1, 0.1, 2),
  "variance.dims": oneOf(8, /** @type {number[]} */ ([1, 2, 4, 8, 16, 32, 64])),
  "variance.error": number(0.1, 0.01, 1), // the standard error that is aimed at
  "variance.seed": count(1),

  "trick.mu": number(0.8, -3, 3),
  "trick.sigma": number(0.9, 0.1, 2),
  "trick.chosen": count(3, 0, 39), // index of the draw whose values are in the graph
  "trick.drawn": count(0), // how often z has been drawn again
  "trick.noise": count(0), // how often ζ has been drawn again

  // both fits begin at `start` (null: where fits of the target begin); `reverse` and `forward` are null while they are there
  "divergences.start": gaussian(),
  "divergences.steps": count(0),
  "divergences.reverse": gaussian(),
  "divergences.forward": gaussian(),

  "code.model": text("", 200), // id; empty: the first model
  "code.first": count(0), // first image of the batch
  "code.size": oneOf(8, /** @type {number[]} */ ([1, 8, 64])), // images in the batch
  "code.beta": number(1, 0, 1000),
  "code.seed": count(1), // of the noise
  "code.term": text("z", 40), // the highlighted term
};

/**
 * The values of all fields.
 * @typedef {{ [Name in keyof typeof FIELDS]: (typeof FIELDS)[Name] extends Field<infer Value> ? Value : never }} Choices
 */
/** @typedef {keyof Choices} FieldName */

export const FIELD_NAMES = /** @type {FieldName[]} */ (Object.keys(FIELDS));

/**
 * Former names that links may have.
 * @type {Partial<Record<FieldName, string>>}
 */
export const FORMER_NAMES = { lr: "rate" };

/**
 * The text of a field's value.
 * @template {FieldName} Name
 * @param {Name} name
 * @param {Choices[Name]} value
 */
export function written(name, value) {
  const field = /** @type {Field<Choices[Name]>} */ (/** @type {unknown} */ (FIELDS[name]));
  return field.write(value);
}

/**
 * The value that a text stands for; undefined where it is not valid.
 * @template {FieldName} Name
 * @param {Name} name
 * @param {string} value
 */
export function parsed(name, value) {
  const field = /** @type {Field<Choices[Name]>} */ (/** @type {unknown} */ (FIELDS[name]));
  return field.read(value);
}

// --- kinds of fields -------------------------------------------------------------------------------------------------

/**
 * @param {number} initial
 * @param {number} low
 * @param {number} high
 * @returns {Field<number>}
 */
function number(initial, low, high) {
  return { initial, write: String, read: (value) => readNumber(value, low, high) };
}

/**
 * A whole number.
 * @param {number} initial
 * @returns {Field<number>}
 */
function count(initial, low = 0, high = MOST_COUNT) {
  return { initial, write: String, read: (value) => readCount(value, low, high) };
}

/**
 * @template {string | number} Value
 * @param {Value} initial
 * @param {Value[]} values
 * @returns {Field<Value>}
 */
function oneOf(initial, values) {
  return { initial, write: String, read: (value) => values.find((each) => String(each) === value) };
}

/**
 * @param {boolean} initial
 * @returns {Field<boolean>}
 */
function flag(initial) {
  return { initial, write: String, read: (value) => ({ true: true, false: false })[value] };
}

/**
 * @param {string} initial
 * @param {number} longest
 * @returns {Field<string>}
 */
function text(initial, longest) {
  return { initial, write: (value) => value, read: (value) => (value.length <= longest ? value : undefined) };
}

/**
 * "diagonal,mu…,L row by row", or null.
 * @returns {Field<Gaussian | null>}
 */
function gaussian() {
  return { initial: null, write: (q) => (q ? numbersOf(q).join(",") : ""), read: readGaussian };
}

/**
 * The parts of a fit, separated by commas.
 * @returns {Field<FitPart[]>}
 */
function parts() {
  return { initial: [], write: writtenParts, read: readParts };
}

/**
 * Fits, separated by "*".
 * @returns {Field<FitRun[]>}
 */
function runs() {
  return { initial: [], write: (all) => all.map(writtenRun).join("*"), read: readRuns };
}

// --- reading and writing ---------------------------------------------------------------------------------------------

/**
 * @param {string} value
 * @param {number} low
 * @param {number} high
 */
function readNumber(value, low, high) {
  return value.trim() !== "" && Number(value) >= low && Number(value) <= high ? Number(value) : undefined;
}

/**
 * @param {string} value
 * @param {number} low
 * @param {number} high
 */
function readCount(value, low, high) {
  return Number.isInteger(Number(value)) ? readNumber(value, low, high) : undefined;
}

/** @param {Gaussian} q */
function numbersOf(q) {
  return [q.full ? "full" : "diagonal", ...q.mu, ...q.tril];
}

/** @param {string} value */
function readGaussian(value) {
  const [family, ...rest] = value.split(",");
  const numbers = rest.map((each) => readNumber(each, -FAR, FAR) ?? NaN);
  const k = NUMBERS.get(numbers.length);
  if (!k || !["full", "diagonal"].includes(family) || numbers.some(Number.isNaN)) return undefined;
  const [mu, tril] = [numbers.slice(0, k), numbers.slice(k)];
  if (k === 2 && (tril[1] !== 0 || (family === "diagonal" && tril[2] !== 0))) return undefined;
  const q = new Gaussian(mu, tril, family === "full");
  return mu.every((_, i) => q.scale(i) > 0) ? q : undefined;
}

/** @param {FitPart[]} all */
function writtenParts(all) {
  return all.map(({ n, lr, noise, steps }) => [n, lr, noise, steps].join("_")).join(",");
}

/** @param {string} value */
function readParts(value) {
  const all = value.split(",").map(readPart);
  const steps = all.reduce((sum, part) => sum + (part ? part.steps : NaN), 0);
  return steps <= MOST_STEPS && all.length <= MOST_PARTS ? /** @type {FitPart[]} */ (all) : undefined;
}

/**
 * @param {string} value
 * @returns {FitPart | undefined}
 */
function readPart(value) {
  const [first, second, third, fourth, ...more] = value.split("_");
  const n = FIELDS.n.read(first);
  const lr = FIELDS.lr.read(second ?? "");
  const noise = readCount(third ?? "", 0, MOST_COUNT);
  const steps = readCount(fourth ?? "", 1, MOST_STEPS);
  if (more.length || n === undefined || lr === undefined || noise === undefined || steps === undefined)
    return undefined;
  return { n, lr, noise, steps };
}

/** @param {FitRun} run */
function writtenRun({ estimator, full, start, parts: all }) {
  const begin = start ? numbersOf(start).join("_") : full ? "full" : "diagonal";
  return [estimator, begin, writtenParts(all)].join(",");
}

/** @param {string} value */
function readRuns(value) {
  const all = value.split("*").map(readRun);
  return all.length < MOST_RUNS && all.every(Boolean) ? /** @type {FitRun[]} */ (all) : undefined;
}

/**
 * @param {string} value
 * @returns {FitRun | undefined}
 */
function readRun(value) {
  const [name, begin = "", ...rest] = value.split(",");
  const estimator = FIELDS.estimator.read(name);
  const steps = readParts(rest.join(","));
  const full = begin.startsWith("full");
  const start = ["full", "diagonal"].includes(begin) ? null : readGaussian(begin.replaceAll("_", ","));
  if (!estimator || !steps || start === undefined) return undefined;
  return { estimator, full, start, parts: steps };
}
