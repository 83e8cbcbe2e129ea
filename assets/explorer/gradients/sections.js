// What the sections of the Gradients page keep for themselves, and how the address says it: "trick.mu=1.5".

import { Gaussian } from "./gaussian.js";

const within = (low, high) => (text) =>
  text.trim() !== "" && Number(text) >= low && Number(text) <= high ? Number(text) : undefined;
const whole = (low, high) => (text) => (Number.isInteger(Number(text)) ? within(low, high)(text) : undefined);
const one =
  (...words) =>
  (text) =>
    words.find((word) => String(word) === text);
const FAR = 1e6; // from the middle of a target: further than a hand gets
const COUNTED = whole(0, 1e9);

// section → name → what of a link is let in; undefined where it says something else.
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

// Every section has `kept`, an object of what it keeps, and `keep(values)`, which takes that over: null of a q is the one that a
// fit begins with.
export class Sections {
  constructor(views) {
    this.views = views;
    this.first = this.texts();
  }

  // section.name → text of all that is kept now.
  texts() {
    const texts = {};
    for (const [section, fields] of Object.entries(FIELDS)) {
      const { kept } = this.views[section];
      for (const name of Object.keys(fields)) texts[`${section}.${name}`] = written(kept[name]);
    }
    return texts;
  }

  // Adds what differs from the beginning.
  write(params) {
    for (const [name, text] of Object.entries(this.texts())) if (text !== this.first[name]) params.set(name, text);
  }

  // Takes over what a link says, the beginning where it says nothing or something else.
  read(params) {
    for (const [section, fields] of Object.entries(FIELDS)) {
      const values = {};
      for (const [name, read] of Object.entries(fields)) {
        const key = `${section}.${name}`;
        values[name] = (params.has(key) ? read(params.get(key)) : undefined) ?? read(this.first[key]) ?? null;
      }
      this.views[section].keep(values);
    }
  }
}

const written = (value) =>
  value instanceof Gaussian
    ? [value.full ? "full" : "diagonal", ...value.mu, ...value.tril].join(",")
    : String(value ?? "");

// "diagonal,mu…,L row by row".
function readGaussian(text) {
  const [family, ...numbers] = text.split(",");
  const values = numbers.map((v) => (v.trim() === "" ? NaN : Number(v)));
  const k = { 2: 1, 6: 2 }[values.length];
  if (!k || !["full", "diagonal"].includes(family) || !values.every((v) => Math.abs(v) <= FAR)) return undefined;
  const [mu, tril] = [values.slice(0, k), values.slice(k)];
  if (k === 2 && (tril[1] !== 0 || (family === "diagonal" && tril[2] !== 0))) return undefined;
  const q = new Gaussian(mu, tril, family === "full");
  return mu.every((_, i) => q.scale(i) > 0) ? q : undefined;
}
