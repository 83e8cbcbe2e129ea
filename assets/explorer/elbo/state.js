// What is chosen on the page of the bound, and how the address says it.

import { readLook, writtenLook } from "../core/link-fields.js";
import { Gaussian } from "./gaussian.js";

export const DENSITIES = ["prior", "likelihood", "posterior"];
const TABS = ["derivation", "gaps", "weights", "images"];
const MOST_SEEDS = 2 ** 31; // what the server draws by
const FAR = 1e6; // from the middle: further than a hand gets

export class ElboState {
  constructor() {
    this.image = -1;
    this.view = "posterior";
    this.heat = "posterior";
    this.log = false;
    this.prior = true;
    this.likelihood = false;
    this.posterior = true;
    this.points = true;
    this.full = false;
    this.tab = "derivation";
    this.against = "class";
    this.q = null;
    this.moved = false;
    this.asked = null;
    this.look = null;
    this.seed = 0;
    this.hidden = [];
    this.zones = "none";
    this.listeners = [];
  }

  // What a person has chosen stays when another model is opened, as far as it makes sense there.
  keep({ view, heat, log, prior, likelihood, posterior, points, tab, against }) {
    this.view = view;
    this.heat = heat;
    this.log = log;
    this.prior = prior;
    this.likelihood = likelihood;
    this.posterior = posterior;
    this.points = points;
    this.tab = tab;
    this.against = against;
  }

  subscribe(listener) {
    this.listeners.push(listener);
  }

  set(patch, startedAt = performance.now()) {
    Object.assign(this, patch);
    for (const listener of this.listeners) listener(new Set(Object.keys(patch)), startedAt);
  }

  // "image=12&view=plane&q=0.1,0.2,0.03,0,0.04": the image, and what differs from the beginning; q where a hand has moved it.
  toHash() {
    const params = new URLSearchParams();
    const first = new ElboState();
    if (this.image >= 0) params.set("image", this.image);
    for (const name of ["view", "heat", "tab", "against"]) if (this[name] !== first[name]) params.set(name, this[name]);
    const lines = DENSITIES.filter((name) => this[name]);
    if (DENSITIES.some((name) => this[name] !== first[name])) params.set("contours", lines.join(",") || "none");
    for (const name of ["log", "full"]) if (this[name]) params.set(name, 1);
    if (!this.points) params.set("points", 0);
    const q = this.moved ? this.q : this.asked; // which a link has asked for, and which the posterior has yet to come for
    if (q && this.image >= 0)
      params.set("q", [...q.mu, ...q.rows().flatMap((row, i) => row.slice(0, i + 1))].join(","));
    if (this.seed) params.set("seed", this.seed);
    if (this.look) params.set("look", writtenLook(this.look));
    return params.toString().replaceAll("%2C", ",");
  }

  // Takes over what a link says; anything it says wrongly is passed over.
  fromHash(hash, { count, k }) {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    const one = (name, values) => values.includes(params.get(name)) && (this[name] = params.get(name));
    one("view", ["posterior", "plane"]);
    one("heat", [...DENSITIES, "none"]);
    one("tab", TABS);
    one("against", ["class", "rate", "distortion"]);
    const contours = params.get("contours")?.split(",");
    if (contours) for (const name of DENSITIES) this[name] = contours.includes(name);
    for (const name of ["log", "full"]) this[name] = params.get(name) === "1";
    this.points = params.get("points") !== "0";
    const image = Number(params.get("image") ?? NaN);
    if (Number.isInteger(image) && image >= 0 && image < count) this.image = image;
    if (this.image >= 0 && k <= 2) this.asked = gaussianOf(params.get("q"), k, this.full);
    this.look = readLook(params.get("look"));
    const seed = Number(params.get("seed"));
    if (Number.isInteger(seed) && seed >= 0 && seed < MOST_SEEDS) this.seed = seed;
    return this;
  }
}

// mu and the lower triangle of L, row by row; null where the text says anything else.
function gaussianOf(text, k, full) {
  const numbers = (text ?? "").split(",").map((v) => (v.trim() === "" ? NaN : Number(v)));
  if (numbers.length !== k + (k * (k + 1)) / 2 || !numbers.every((v) => Math.abs(v) <= FAR)) return null;
  const mu = numbers.slice(0, k);
  const tril = k === 1 ? [numbers[1]] : [numbers[2], 0, full ? numbers[3] : 0, numbers[4]];
  const q = new Gaussian(mu, tril);
  return mu.every((_, d) => q.scale(d) > 1e-4) ? q : null;
}
