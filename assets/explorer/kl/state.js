// What is chosen on the page of a beta path, and how the address says it.

import { readLook, readZ, writtenLook } from "../core/link-fields.js";

const SWITCHES = ["plane", "forces", "fixed"];
export const LOOKS = ["look", "look-left", "look-middle", "look-right"]; // of the map, and of the three that say why

export class PathState {
  constructor(path) {
    const pair = examples(path);
    this.position = path.positionOf(1);
    this.view = "map";
    this.zones = "all";
    this.manifold = false;
    this.forces = false;
    this.fixed = false;
    this.hidden = [];
    this.z = new Float64Array(path.k);
    this.pinned = false;
    this.point = -1;
    this.pair = pair;
    this.first = pair;
    this.looks = [];
    this.listeners = [];
  }

  subscribe(listener) {
    this.listeners.push(listener);
  }

  set(patch, startedAt = performance.now()) {
    Object.assign(this, patch);
    for (const listener of this.listeners) listener(new Set(Object.keys(patch)), startedAt);
  }

  // "beta=0.5&forces=1&z=0.5,-1": beta always, and what differs from the beginning; z where it is pinned.
  toHash(path) {
    const params = new URLSearchParams({ beta: this.beta(path) });
    if (this.view !== "map") params.set("view", this.view);
    if (this.zones !== "all") params.set("zones", this.zones);
    for (const name of SWITCHES) if (this[name === "plane" ? "manifold" : name]) params.set(name, 1);
    if (path.colour) params.set("colour", path.kind);
    if (this.hidden.length) params.set("hidden", this.hidden.join(","));
    if (this.pair.join() !== this.first.join()) params.set("pair", this.pair.join(","));
    if (this.pinned && this.point >= 0) params.set("point", this.point);
    else if (this.pinned) params.set("z", this.z.join(","));
    LOOKS.forEach((name, i) => this.looks[i] && params.set(name, writtenLook(this.looks[i])));
    return params.toString().replaceAll("%2C", ",");
  }

  // In as many digits as bring the slider back to where it stands.
  beta(path) {
    const beta = path.betaAt(this.position);
    const short = Number(beta.toPrecision(4));
    return path.caught(path.positionOf(short)) === this.position ? short : beta;
  }

  // Takes over what a link says; anything it says wrongly is passed over.
  fromHash(hash, path) {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    const numbers = (name) => (params.get(name) ?? "").split(",").map((v) => (v.trim() === "" ? NaN : Number(v)));
    const indices = (name, size) =>
      numbers(name).every((i) => Number.isInteger(i) && i >= 0 && i < size) && numbers(name);
    const [beta] = numbers("beta");
    if (beta >= 0 && Number.isFinite(beta)) this.position = path.caught(path.positionOf(beta));
    if (params.get("view") === "why") this.view = "why";
    if (["pointer", "none"].includes(params.get("zones"))) this.zones = params.get("zones");
    for (const name of SWITCHES) this[name === "plane" ? "manifold" : name] = params.get(name) === "1";
    path.colourBy(Math.max(0, path.kinds.names.indexOf(params.get("colour"))));
    const hidden = indices("hidden", path.classes.length);
    if (hidden) this.hidden = hidden;
    const pair = indices("pair", path.count);
    if (pair && pair.length === 2 && pair[0] !== pair[1]) this.pair = pair;
    const point = indices("point", path.count);
    const z = readZ(params.get("z") ?? "", path.k);
    if (point && point.length === 1) Object.assign(this, { point: point[0], pinned: true });
    else if (z) {
      this.z.set(z);
      this.pinned = true;
    }
    this.looks = LOOKS.map((name) => readLook(params.get(name)));
  }
}

// Two images of different classes whose means lie far apart in an autoencoder: the outermost on two sides.
function examples({ frame, kinds, count, k }) {
  const { mu } = frame.arrays;
  const { labels } = kinds; // whatever the colours tell
  const least = (score) => {
    let best = -1;
    for (let i = 0; i < count; i++) if (score(i) < Infinity && (best < 0 || score(i) < score(best))) best = i;
    return best;
  };
  const a = least((i) => mu[i * k]);
  const far = (i) => {
    let sum = 0;
    for (let d = 0; d < k; d++) sum += (mu[i * k + d] - mu[a * k + d]) ** 2;
    return sum;
  };
  const b = least((i) => (labels[i] === labels[a] ? Infinity : -far(i)));
  return [a, b < 0 ? (a + 1) % count : b];
}
