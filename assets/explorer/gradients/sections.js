// The values that each section of the Gradients page keeps for itself, and how a link states them: "trick.mu=1.5".

import { Gaussian } from "./gaussian.js";

/** @typedef {Gaussian | number | string | null | undefined} Value */

/**
 * A section of the page. `kept` is what a link has to state of it, and `keep` takes such values over; null instead of a
 * Gaussian means the one with which a fit begins.
 * @typedef {{ readonly kept: Record<string, Value>, keep(values: Record<string, Value>): void }} Section
 */

/** @typedef {(text: string) => Value} Reader undefined where the text is not valid */

/**
 * @param {number} low
 * @param {number} high
 * @returns {(text: string) => number | undefined}
 */
const within = (low, high) => (text) =>
  text.trim() !== "" && Number(text) >= low && Number(text) <= high ? Number(text) : undefined;
/**
 * @param {number} low
 * @param {number} high
 * @returns {(text: string) => number | undefined}
 */
const whole = (low, high) => (text) => (Number.isInteger(Number(text)) ? within(low, high)(text) : undefined);
/**
 * @template {string | number} Word
 * @param {...Word} words
 * @returns {(text: string) => Word | undefined}
 */
const one =
  (...words) =>
  (text) =>
    words.find((word) => String(word) === text);
const FAR = 1e6; // from the middle of a target: further than q can be dragged
const DIMS = new Map([
  [2, 1],
  [6, 2],
]); // how many numbers a Gaussian is written with → its dimensions
const COUNTED = whole(0, 1e9);

/**
 * How a link's texts are read: section → name → reader.
 * @satisfies {Record<string, Record<string, Reader>>}
 */
const FIELDS = {
  fit: { q: readGaussian, noise: COUNTED },
  variance: {
    of: one("mu", "sigma"),
    mu: within(0, 3),
    sigma: within(0.1, 2),
    dims: one(1, 2, 4, 8, 16, 32, 64),
    error: within(0.01, 1),
    seed: COUNTED,
  },
  trick: { mu: within(-3, 3), sigma: within(0.1, 2), chosen: whole(0, 39), drawn: COUNTED, noise: COUNTED },
  divergences: { reverse: readGaussian, forward: readGaussian, start: readGaussian, steps: COUNTED },
  code: { model: (text) => text, first: COUNTED, size: one(1, 8, 64), beta: within(0, 1000), seed: COUNTED },
};

/** @typedef {keyof typeof FIELDS} SectionName */

const NAMES = /** @type {SectionName[]} */ (Object.keys(FIELDS));

/**
 * The readers of one section.
 * @param {SectionName} section
 * @returns {[name: string, reader: Reader][]}
 */
const readersOf = (section) => Object.entries(FIELDS[section]);

export class Sections {
  /** @param {Record<SectionName, Section>} views */
  constructor(views) {
    this.views = views;
    this.first = this.texts();
  }

  /** The current values of all sections as texts, by "section.name". */
  texts() {
    /** @type {Record<string, string>} */
    const texts = {};
    for (const section of NAMES) {
      const { kept } = this.views[section];
      for (const [name] of readersOf(section)) texts[`${section}.${name}`] = written(kept[name]);
    }
    return texts;
  }

  /**
   * Adds the values that differ from the initial ones.
   * @param {URLSearchParams} params
   */
  write(params) {
    for (const [name, text] of Object.entries(this.texts())) if (text !== this.first[name]) params.set(name, text);
  }

  /**
   * Takes over the values of a link; those that it omits, or states invalidly, become the initial ones.
   * @param {URLSearchParams} params
   */
  read(params) {
    for (const section of NAMES) {
      /** @type {Record<string, Value>} */
      const values = {};
      for (const [name, read] of readersOf(section)) {
        const key = `${section}.${name}`;
        const text = params.get(key);
        values[name] = (text !== null ? read(text) : undefined) ?? read(this.first[key]) ?? null;
      }
      this.views[section].keep(values);
    }
  }
}

/** @param {Value} value */
const written = (value) =>
  value instanceof Gaussian
    ? [value.full ? "full" : "diagonal", ...value.mu, ...value.tril].join(",")
    : String(value ?? "");

/**
 * Reads "diagonal,mu…,L row by row".
 * @param {string} text
 */
function readGaussian(text) {
  const [family, ...numbers] = text.split(",");
  const values = numbers.map((v) => (v.trim() === "" ? NaN : Number(v)));
  const k = DIMS.get(values.length);
  if (!k || !["full", "diagonal"].includes(family) || !values.every((v) => Math.abs(v) <= FAR)) return undefined;
  const [mu, tril] = [values.slice(0, k), values.slice(k)];
  if (k === 2 && (tril[1] !== 0 || (family === "diagonal" && tril[2] !== 0))) return undefined;
  const q = new Gaussian(mu, tril, family === "full");
  return mu.every((_, i) => q.scale(i) > 0) ? q : undefined;
}
