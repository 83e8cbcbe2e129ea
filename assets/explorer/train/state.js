// The state of a live map, and how the address of the page says it: what is shown and where the camera looks. What is
// trained, and how, belongs to the run.

import { readHidden, readLook, readZ, writtenLook } from "../core/link-fields.js";

/** @import { Listener } from "../core/state.js" */
/** @import { Look } from "../core/link-fields.js" */

/** @type {LiveFields["zones"][]} */
const ZONES = ["all", "pointer", "none"]; // the first is the default

/** @type {Side[]} */
const SIDES = ["both", "0", "1"];

/** @typedef {"both" | "0" | "1"} Side which of two runs is steered: both, the left one or the right one */

/**
 * The fields of the state that a live map uses.
 * @typedef {object} LiveFields
 * @property {"all" | "pointer" | "none"} zones the points whose buffer zones are shown
 * @property {boolean} manifold whether the decoded plane is shown
 * @property {number[]} hidden classes
 * @property {boolean} pinned whether the lens stays where it is
 * @property {Float64Array} z of the lens
 */

/**
 * The state as text, such as "zones=none&z=0.5,-1": only what differs from the default, and z only where it is pinned.
 * @param {LiveFields} state
 * @param {Look | null} look null where the camera follows the points
 * @param {Side} steered
 */
export function toHash({ zones, manifold, hidden, pinned, z }, look, steered) {
  const params = new URLSearchParams();
  if (zones !== ZONES[0]) params.set("zones", zones);
  if (manifold) params.set("plane", "1");
  if (hidden.length) params.set("hidden", hidden.join(","));
  if (steered !== SIDES[0]) params.set("steered", steered);
  if (look) params.set("look", writtenLook(look));
  if (pinned) params.set("z", z.join(","));
  return params.toString().replaceAll("%2C", ",");
}

/**
 * Reads a link to a map of k latent dimensions and so many classes. Fields that the link does not hold, or whose values are
 * not valid, get their defaults.
 * @param {string} hash
 * @param {{ k: number, classes: number }} space
 */
export function fromHash(hash, { k, classes }) {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const z = readZ(params.get("z") ?? "", k);
  const hidden = readHidden(params.get("hidden") ?? "", { classes }) ?? [];
  /** @type {Partial<LiveFields>} */
  const chosen = {
    zones: oneOf(ZONES, params.get("zones")),
    manifold: params.get("plane") === "1",
    hidden,
    pinned: Boolean(z),
    ...(z && { z }),
  };
  return { chosen, look: readLook(params.get("look")), steered: oneOf(SIDES, params.get("steered")) };
}

/**
 * The word that `text` is, or the first one where it is none of them.
 * @template {string} Word
 * @param {Word[]} words
 * @param {string | null} text
 */
const oneOf = (words, text) => words.find((word) => word === text) ?? words[0];

/** The state of a live map. Controls change it by `set`, and the page handles every change. */
export class LiveState {
  /**
   * @param {number} k latent dimensions
   * @param {Pick<LiveFields, "zones" | "manifold">} choices
   */
  constructor(k, { zones, manifold }) {
    this.zones = zones;
    this.manifold = manifold;
    /** @type {number[]} */
    this.hidden = [];
    this.pinned = false;
    this.z = new Float64Array(k);
    /** @type {Listener[]} */
    this.listeners = [];
  }

  /**
   * Calls `listener` after every `set`.
   * @param {Listener} listener
   */
  subscribe(listener) {
    this.listeners.push(listener);
  }

  /**
   * @param {Partial<LiveFields>} patch
   * @param {number} startedAt ms
   */
  set(patch, startedAt = performance.now()) {
    Object.assign(this, patch);
    for (const listener of this.listeners) listener(new Set(Object.keys(patch)), startedAt);
  }
}
