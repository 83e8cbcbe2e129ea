// What is chosen on the map's page, in one place. Controls write to it, the views subscribe to it, the link mirrors it.

import { FIELD_NAMES, FIELDS, firstChoices, isSpatial, readPoint, readZ, written } from "./link-fields.js";

/** @import { Bounds, Choices } from "./link-fields.js" */

/** @typedef {Choices & { z: Float64Array, pinned: boolean, point: number }} StateValues */

/**
 * Gets the names of the changed values, and the time stamp (ms) of the event that changed them.
 * @typedef {(changed: Set<string>, startedAt: number) => void} Listener
 */

/** What belongs to one plane and is reset with it. @type {Pick<Choices, "shape" | "view" | "turn">} */
const OF_A_PLANE = { shape: null, view: null, turn: null };

export class State {
  /** @param {number} latentDim */
  constructor(latentDim) {
    const first = firstChoices(latentDim);
    this.colour = first.colour;
    this.plane = first.plane;
    this.zones = first.zones;
    this.scale = first.scale;
    this.density = first.density;
    this.manifold = first.manifold;
    this.tool = first.tool;
    this.hidden = first.hidden;
    this.view = first.view;
    this.turn = first.turn;
    this.path = first.path;
    this.from = first.from;
    this.to = first.to;
    this.t = first.t;
    this.source = first.source;
    this.seed = first.seed;
    this.temperature = first.temperature;
    this.posterior = first.posterior;
    this.shape = first.shape;
    this.by = first.by;
    this.order = first.order;
    this.mode = first.mode;
    this.z = new Float64Array(latentDim);
    this.pinned = false;
    this.point = -1; // the data point whose mean z was set to, if any
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
   * @param {Partial<StateValues>} patch
   * @param {number} startedAt ms
   */
  set(patch, startedAt = performance.now()) {
    if ("plane" in patch) patch = { ...OF_A_PLANE, ...patch };
    if ("turn" in patch) patch = { shape: null, ...patch };
    Object.assign(this, patch);
    for (const listener of this.listeners) listener(new Set(Object.keys(patch)), startedAt);
  }

  /** Whether three dimensions are shown. */
  get isSpatial() {
    return isSpatial(this.plane);
  }

  /**
   * The state as the text of a link, such as "colour=rate&zones=all&z=0.5,-1": fields that differ from their initial
   * value (of the tools only the open one's), and z if it is pinned.
   */
  toHash() {
    const first = new State(this.z.length);
    const params = new URLSearchParams();
    for (const name of FIELD_NAMES) {
      const { open } = FIELDS[name];
      const text = written(name, this[name]);
      if (text !== written(name, first[name]) && (!open || open(this))) params.set(name, text);
    }
    if (this.pinned) {
      params.set("z", this.z.join(","));
      if (this.point >= 0) params.set("point", String(this.point));
    }
    return params.toString().replaceAll("%2C", ",");
  }

  /**
   * Reads a link to a map with so many classes and points; fields that are not accepted are ignored.
   * @param {string} hash
   * @param {Pick<Bounds, "classes" | "count">} bounds
   */
  fromHash(hash, { classes, count }) {
    const params = new URLSearchParams(hash.replace(/^#/, ""));
    const bounds = { k: this.z.length, classes, count };
    for (const name of FIELD_NAMES) {
      const text = params.get(name);
      if (text !== null) Object.assign(this, { [name]: FIELDS[name].read(text, bounds) ?? this[name] });
    }
    const z = readZ(params.get("z") ?? "", bounds.k);
    if (!z) return;
    this.z.set(z);
    this.pinned = true;
    this.point = readPoint(params.get("point") ?? "", bounds) ?? -1;
  }

  /**
   * The names of the values that differ from another state's.
   * @param {State} other
   */
  differences(other) {
    const names = FIELD_NAMES.filter((name) => written(name, this[name]) !== written(name, other[name]));
    return new Set([
      ...names,
      .../** @type {const} */ (["z", "pinned", "point"]).filter((name) => String(this[name]) !== String(other[name])),
    ]);
  }
}
