// What is chosen on the page of a beta path, and how the link (the part of the address after "#") says it.

/** @import { Look } from "../core/link-fields.js" */
/** @import { Path } from "./path.js" */

import { readLook, readZ, writtenLook } from "../core/link-fields.js";

/**
 * Name in the link → name in the state, of what is on or off.
 * @type {[string, Switch][]}
 */
const SWITCHES = [
  ["plane", "manifold"],
  ["forces", "forces"],
  ["fixed", "fixed"],
];
const LOOKS = ["look", "look-left", "look-middle", "look-right"]; // names in the link: of the map, and of the three columns

/** @typedef {"manifold" | "forces" | "fixed"} Switch */
/** @typedef {"map" | "why"} ViewName */
/** @typedef {"all" | "pointer" | "none"} ZonesShown */

/**
 * Called after every change with the names of what was set, and the time of the event that has caused it (ms).
 * @typedef {(changed: Set<string>, startedAt: number) => void} Listener
 */

/**
 * What of the state a control may set.
 * @typedef {Partial<Pick<PathState, "position" | "view" | "zones" | "hidden" | "pinned" | "point" | "pair" | Switch>>} Patch
 */

export class PathState {
  /** @param {Path} path */
  constructor(path) {
    this.position = path.positionOf(1);
    /** @type {ViewName} */
    this.view = "map";
    /** @type {ZonesShown} */
    this.zones = "all";
    /** Whether the decoded plane is shown. */
    this.manifold = false;
    this.forces = false;
    this.fixed = false;
    /** @type {number[]} */
    this.hidden = [];
    this.z = new Float64Array(path.k);
    this.pinned = false;
    this.point = -1; // the data point that z was set to, if any
    this.first = examples(path); // the pair that the page begins with
    /**
     * The two images at the ends of the line.
     * @type {[number, number]}
     */
    this.pair = this.first;
    /**
     * Where the map and the three columns look; null where a camera follows the points.
     * @type {(Look | null)[]}
     */
    this.looks = [];
    /** @type {Listener[]} */
    this.listeners = [];
  }

  /** @param {Listener} listener */
  subscribe(listener) {
    this.listeners.push(listener);
  }

  /** @param {Patch} patch */
  set(patch, startedAt = performance.now()) {
    Object.assign(this, patch);
    for (const listener of this.listeners) listener(new Set(Object.keys(patch)), startedAt);
  }

  /**
   * "beta=0.5&forces=1&z=0.5,-1": beta always, and what differs from the initial state; z where it is pinned.
   * @param {Path} path
   */
  toHash(path) {
    const params = new URLSearchParams({ beta: String(this.beta(path)) });
    if (this.view !== "map") params.set("view", this.view);
    if (this.zones !== "all") params.set("zones", this.zones);
    for (const [name, field] of SWITCHES) if (this[field]) params.set(name, "1");
    if (path.colour) params.set("colour", path.kind);
    if (this.hidden.length) params.set("hidden", this.hidden.join(","));
    if (this.pair.join() !== this.first.join()) params.set("pair", this.pair.join(","));
    if (this.pinned && this.point >= 0) params.set("point", String(this.point));
    else if (this.pinned) params.set("z", this.z.join(","));
    LOOKS.forEach((name, i) => {
      const look = this.looks[i];
      if (look) params.set(name, writtenLook(look));
    });
    return params.toString().replaceAll("%2C", ",");
  }

  /**
   * Beta in as many digits as are needed to bring the slider back to its position.
   * @param {Path} path
   */
  beta(path) {
    const beta = path.betaAt(this.position);
    const short = Number(beta.toPrecision(4));
    return path.caught(path.positionOf(short)) === this.position ? short : beta;
  }

  /**
   * Takes over what a link says, and ignores what is not valid.
   * @param {string} hash
   * @param {Path} path
   */
  fromHash(hash, path) {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    const numbers = (/** @type {string} */ name) =>
      (params.get(name) ?? "").split(",").map((v) => (v.trim() === "" ? NaN : Number(v)));
    const indices = (/** @type {string} */ name, /** @type {number} */ size) =>
      numbers(name).every((i) => Number.isInteger(i) && i >= 0 && i < size) ? numbers(name) : null;
    const [beta] = numbers("beta");
    if (beta >= 0 && Number.isFinite(beta)) this.position = path.caught(path.positionOf(beta));
    if (params.get("view") === "why") this.view = "why";
    const zones = params.get("zones");
    if (zones === "pointer" || zones === "none") this.zones = zones;
    for (const [name, field] of SWITCHES) this[field] = params.get(name) === "1";
    const colour = params.get("colour");
    path.colourBy(colour === null ? 0 : Math.max(0, path.kinds.names.indexOf(colour)));
    const hidden = indices("hidden", path.classes.length);
    if (hidden) this.hidden = hidden;
    const pair = indices("pair", path.count);
    if (pair?.length === 2 && pair[0] !== pair[1]) this.pair = [pair[0], pair[1]];
    const point = indices("point", path.count);
    const z = readZ(params.get("z") ?? "", path.k);
    if (point && point.length === 1) {
      this.point = point[0];
      this.pinned = true;
    } else if (z) {
      this.z.set(z);
      this.pinned = true;
    }
    this.looks = LOOKS.map((name) => readLook(params.get(name)));
  }
}

/**
 * Two images of different classes whose means lie far apart at the smallest beta: the one with the smallest first
 * coordinate, and the one furthest from it.
 * @param {Path} path
 * @returns {[number, number]}
 */
function examples({ frame, kinds, count, k }) {
  const { mu } = frame.arrays;
  const { labels } = kinds; // whatever the colours tell
  const least = (/** @type {(i: number) => number} */ score) => {
    let best = -1;
    for (let i = 0; i < count; i++) if (score(i) < Infinity && (best < 0 || score(i) < score(best))) best = i;
    return best;
  };
  const a = least((i) => mu[i * k]);
  const far = (/** @type {number} */ i) => {
    let sum = 0;
    for (let d = 0; d < k; d++) sum += (mu[i * k + d] - mu[a * k + d]) ** 2;
    return sum;
  };
  const b = least((i) => (labels[i] === labels[a] ? Infinity : -far(i)));
  return [a, b < 0 ? (a + 1) % count : b];
}
