// The state of a live map: what is shown and where. What is trained, and how, belongs to the run.

import { readHidden, readZ } from "../core/link-fields.js";

/** @import { Listener } from "../core/state.js" */
/** @import { Description } from "../core/view.js" */

/** @type {LiveFields["zones"][]} */
const ZONES = ["all", "pointer", "none"]; // the first is the initial value

/** @type {Side[]} */
const SIDES = ["both", "0", "1"];

/** @typedef {"both" | "0" | "1"} Side which of two runs is steered: both, the left one or the right one */

/**
 * The fields of the state.
 * @typedef {object} LiveFields
 * @property {"all" | "pointer" | "none"} zones the points whose buffer zones are shown
 * @property {boolean} manifold whether the decoded plane is shown
 * @property {number[]} hidden classes
 * @property {Side} steered
 * @property {boolean} pinned whether the lens stays where it is
 * @property {Float64Array} z of the lens, in the latent space of the first run
 * @property {number} map index of the run on whose map the lens was last moved
 */

/**
 * The state that a description has. Fields that are missing, or whose values are not valid, have their initial values.
 * @param {Description} description
 * @param {{ k: number, classes: number, runs: number }} bounds latent dimensions, classes, and runs that are shown
 * @returns {LiveFields}
 */
export function readState(description, { k, classes, runs }) {
  const z = readZ(description.z ?? "", k);
  return {
    zones: oneOf(ZONES, description.zones),
    manifold: description.plane === "1",
    hidden: readHidden(description.hidden ?? "", { classes }) ?? [],
    steered: runs > 1 ? oneOf(SIDES, description.steered) : SIDES[0],
    pinned: Boolean(z),
    z: z ?? new Float64Array(k),
    map: z && runs > 1 && description.map === "1" ? 1 : 0,
  };
}

/**
 * The word that `text` is, or the first one where it is none of them.
 * @template {string} Word
 * @param {Word[]} words
 * @param {string | undefined} text
 */
const oneOf = (words, text) => words.find((word) => word === text) ?? words[0];

/** The state of a live map. It is changed by `set` only, and the page handles every change. */
export class LiveState {
  /**
   * @param {number} k latent dimensions
   * @param {Pick<LiveFields, "zones" | "manifold">} [choices]
   */
  constructor(k, { zones, manifold } = { zones: ZONES[0], manifold: false }) {
    this.zones = zones;
    this.manifold = manifold;
    /** @type {number[]} */
    this.hidden = [];
    /** @type {Side} */
    this.steered = SIDES[0];
    this.pinned = false;
    this.z = new Float64Array(k);
    this.map = 0;
    /** @type {Listener[]} */
    this.listeners = [];
  }

  /**
   * What a link holds: fields that differ from their initial values, and z only where it is pinned.
   * @returns {Description}
   */
  describe() {
    const { zones, manifold, hidden, steered, pinned, z, map } = this;
    return {
      ...(zones !== ZONES[0] && { zones }),
      ...(manifold && { plane: "1" }),
      ...(hidden.length && { hidden: hidden.join(",") }),
      ...(steered !== SIDES[0] && { steered }),
      ...(pinned && { z: z.join(",") }),
      ...(pinned && map && { map: String(map) }),
    };
  }

  /**
   * Calls `listener` after every change.
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
    const names = /** @type {(keyof LiveFields)[]} */ (Object.keys(patch));
    const changed = new Set(names.filter((name) => String(patch[name]) !== String(this[name])));
    Object.assign(this, patch);
    if (changed.size) for (const listener of this.listeners) listener(changed, startedAt);
  }
}
