// What is chosen on the page of a beta path, and how a link says it.

/** @import { Look } from "../core/link-fields.js" */
/** @import { Description } from "../core/view.js" */
/** @import { Path } from "./path.js" */

import { readLook, readZ, writtenLook } from "../core/link-fields.js";
import { MANY } from "../widgets/legend.js";

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
const ROUND = 4; // significant digits of a beta that stands for the stop near it …
const EXACT = 10; // … and of one between two stops
const SAME = 1e-9; // positions that are nearer to each other show the same

export const LONGEST = 64; // characters that are searched for in the legend
export const SPEEDS = [0.5, 1, 2]; // half the number of stops per second

/** @typedef {"manifold" | "forces" | "fixed"} Switch */
/** @typedef {"map" | "why"} ViewName */
/** @typedef {"all" | "pointer" | "none"} ZonesShown */

/**
 * Everything that can be chosen.
 * @typedef {object} Choices
 * @property {number} position on the slider, from 0 to 1
 * @property {ViewName} view
 * @property {ZonesShown} zones
 * @property {boolean} manifold whether the decoded plane is shown
 * @property {boolean} forces
 * @property {boolean} fixed whether the map has the same scale at every beta
 * @property {number} colour number of the factor that the colours show
 * @property {number[]} hidden classes, or values of that factor
 * @property {[number, number]} pair the two images at the ends of the line
 * @property {Float64Array} z of the lens, unless it is pinned to a data point
 * @property {boolean} pinned
 * @property {number} point the data point that the lens is pinned to, or −1
 * @property {number} speed of playing
 * @property {boolean} folded whether a long legend is folded away
 * @property {string} search for classes in a long legend
 * @property {(Look | null)[]} looks where the map and the three columns look; null where a camera follows the points
 */

/**
 * Called after every change with the names of what has another value now, and the time of the event that has caused it (ms).
 * @typedef {(changed: Set<string>, startedAt: number) => void} Listener
 */

export class PathState {
  /**
   * @param {Path} path
   * @param {Partial<Choices>} [choices] those that differ from the initial ones
   */
  constructor(path, choices = {}) {
    this.path = path;
    this.initial = initialChoices(path);
    const all = { ...this.initial, ...choices };
    this.position = all.position;
    this.view = all.view;
    this.zones = all.zones;
    this.manifold = all.manifold;
    this.forces = all.forces;
    this.fixed = all.fixed;
    this.colour = all.colour;
    this.hidden = all.hidden;
    this.pair = all.pair;
    this.z = all.z;
    this.pinned = all.pinned;
    this.point = all.point;
    this.speed = all.speed;
    this.folded = all.folded;
    this.search = all.search;
    this.looks = all.looks;
    /** @type {Listener[]} */
    this.listeners = [];
  }

  /** @param {Listener} listener */
  subscribe(listener) {
    this.listeners.push(listener);
  }

  /**
   * @param {Partial<Choices>} patch
   * @param {number} startedAt ms
   */
  set(patch, startedAt = performance.now()) {
    const names = /** @type {(keyof Choices)[]} */ (Object.keys(patch));
    const changed = names.filter((name) => !isSame(this[name], patch[name]));
    Object.assign(this, patch);
    for (const listener of this.listeners) listener(new Set(changed), startedAt);
  }

  /**
   * { beta: "0.5", forces: "1", z: "0.5,-1" }: beta always, and what differs from the initial state; z where it is pinned.
   * @returns {Description}
   */
  describe() {
    const { path, initial } = this;
    /** @type {Description} */
    const description = { beta: writtenBeta(this.position, path) };
    if (this.view !== initial.view) description.view = this.view;
    if (this.zones !== initial.zones) description.zones = this.zones;
    for (const [name, field] of SWITCHES) if (this[field]) description[name] = "1";
    if (this.colour) description.colour = path.factors.names[this.colour];
    if (this.hidden.length) description.hidden = this.hidden.join(",");
    if (this.folded) description.legend = "folded";
    if (this.search) description.find = this.search;
    if (this.speed !== initial.speed) description.speed = String(this.speed);
    if (this.pair.join() !== initial.pair.join()) description.pair = this.pair.join(",");
    if (this.pinned && this.point >= 0) description.point = String(this.point);
    else if (this.pinned) description.z = this.z.join(",");
    LOOKS.forEach((name, i) => {
      const look = this.looks[i];
      if (look) description[name] = writtenLook(look);
    });
    return description;
  }

  /**
   * What a description says; fields that it lacks and values that are not valid have their initial values.
   * @param {Description} description
   * @returns {Choices}
   */
  read(description) {
    const { path } = this;
    const read = { ...this.initial };
    const text = (/** @type {string} */ name) => description[name] ?? "";
    read.position = readBeta(text("beta"), path) ?? read.position;
    if (text("view") === "why") read.view = "why";
    const zones = text("zones");
    if (zones === "pointer" || zones === "none") read.zones = zones;
    read.manifold = text("plane") === "1" && path.k > 1;
    read.forces = text("forces") === "1" && path.forces !== null;
    read.fixed = text("fixed") === "1";
    read.colour = Math.max(0, path.factors.names.indexOf(text("colour")));
    const classes = path.colouring(read.colour).classes.length;
    read.hidden = [...new Set(readIndices(text("hidden"), classes) ?? [])];
    if (classes > MANY) {
      read.folded = text("legend") === "folded";
      read.search = text("find").slice(0, LONGEST);
    }
    read.speed = SPEEDS.find((speed) => String(speed) === text("speed")) ?? read.speed;
    const pair = readIndices(text("pair"), path.count);
    if (pair?.length === 2 && pair[0] !== pair[1]) read.pair = [pair[0], pair[1]];
    const point = readIndices(text("point"), path.count);
    const z = readZ(text("z"), path.k);
    if (point?.length === 1) read.point = point[0];
    else if (z) read.z = z;
    read.pinned = read.point >= 0 || z !== undefined;
    read.looks = LOOKS.map((name) => readLook(text(name)));
    return read;
  }
}

/**
 * @param {Path} path
 * @returns {Choices}
 */
function initialChoices(path) {
  return {
    position: path.snap(path.positionOf(1)),
    view: "map",
    zones: "all",
    manifold: false,
    forces: false,
    fixed: false,
    colour: 0,
    hidden: [],
    pair: examples(path),
    z: new Float64Array(path.k),
    pinned: false,
    point: -1,
    speed: 1,
    folded: false,
    search: "",
    looks: LOOKS.map(() => null),
  };
}

/**
 * Whether two values of one field are the same.
 * @param {unknown} a
 * @param {unknown} b
 */
const isSame = (a, b) => a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));

/**
 * Beta at a position: in few digits at a stop, and otherwise in so many that it leads back to where the slider is.
 * @param {number} position
 * @param {Path} path
 */
function writtenBeta(position, path) {
  const beta = path.betaAt(position);
  const round = String(Number(beta.toPrecision(ROUND)));
  const back = readBeta(round, path) ?? NaN;
  return Math.abs(back - position) < SAME ? round : beta.toPrecision(EXACT);
}

/**
 * The position of a beta. One of few digits is that of the stop near it, as a click on the slider is.
 * @param {string} text
 * @param {Path} path
 */
function readBeta(text, path) {
  const beta = text.trim() ? Number(text) : NaN;
  if (!(beta >= 0 && Number.isFinite(beta))) return undefined;
  const position = path.positionOf(beta);
  const digits = text.replace(/e.*$/i, "").replace(/\D/g, "").replace(/^0+/, "").length;
  return digits > ROUND ? position : path.snap(position);
}

/**
 * @param {string} text
 * @param {number} size
 */
function readIndices(text, size) {
  const indices = text.split(",").map((v) => (v.trim() === "" ? NaN : Number(v)));
  return indices.every((i) => Number.isInteger(i) && i >= 0 && i < size) ? indices : undefined;
}

/**
 * Two images of different classes whose means lie far apart at the smallest beta: the one with the smallest first
 * coordinate, and the one furthest from it.
 * @param {Path} path
 * @returns {[number, number]}
 */
function examples({ frame, factors, count, k }) {
  const { mu } = frame.arrays;
  const { labels } = factors; // whatever the colours show
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
