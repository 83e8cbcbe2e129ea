// What is chosen on the map's page, in one place. ExploreControls write to it, the views subscribe to it, the link mirrors it.

import { readPoint, readZ } from "../core/link-fields.js";
import { FIELD_NAMES, FIELDS, firstChoices, isSpatial, written } from "./fields.js";

/** @import { Bounds } from "../core/link-fields.js" */
/** @import { Listener } from "../core/state.js" */
/** @import { Description } from "../core/view.js" */
/** @import { Choices } from "./fields.js" */

/**
 * `point` is the data point that z belongs to: z is its mean, or (`zeta`) a draw μ + σ·ζ from its posterior; −1 for none.
 * @typedef {Choices & { z: Float64Array, pinned: boolean, point: number, zeta: boolean }} StateValues
 */

/** What belongs to one plane and is reset with it. @type {Pick<Choices, "shape" | "view" | "turn">} */
const OF_A_PLANE = { shape: null, view: null, turn: null };

/** What belongs to one order of the selected images. */
const ORDERING = /** @type {const} */ (["shape", "selected", "by", "order", "hidden"]);

const OF_Z = /** @type {const} */ (["z", "pinned", "point", "zeta"]);

export class State {
  /** @param {StateValues} values */
  constructor(values) {
    this.colour = values.colour;
    this.plane = values.plane;
    this.zones = values.zones;
    this.scale = values.scale;
    this.density = values.density;
    this.manifold = values.manifold;
    this.tool = values.tool;
    this.hidden = values.hidden;
    this.view = values.view;
    this.turn = values.turn;
    this.path = values.path;
    this.from = values.from;
    this.to = values.to;
    this.t = values.t;
    this.source = values.source;
    this.seed = values.seed;
    this.temperature = values.temperature;
    this.posterior = values.posterior;
    this.shape = values.shape;
    this.by = values.by;
    this.order = values.order;
    this.mode = values.mode;
    this.selected = values.selected;
    this.pages = values.pages;
    this.drawing = values.drawing;
    this.ink = values.ink;
    this.noise = values.noise;
    this.many = values.many;
    this.closer = values.closer;
    this.z = values.z;
    this.pinned = values.pinned;
    this.point = values.point;
    this.zeta = values.zeta;
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
   * The only way to change the state. Arrays are replaced, and never written to.
   * @param {Partial<StateValues>} patch
   * @param {number} startedAt ms
   */
  set(patch, startedAt = performance.now()) {
    if ("z" in patch) patch = { point: -1, zeta: false, ...patch };
    if ("shape" in patch && !("plane" in patch || "turn" in patch)) patch = { selected: [], ...patch };
    if ("plane" in patch) patch = { ...OF_A_PLANE, ...patch };
    if ("turn" in patch) patch = { shape: null, ...patch };
    if (ORDERING.some((name) => name in patch)) patch = { pages: 1, ...patch };
    Object.assign(this, patch);
    for (const listener of this.listeners) listener(new Set(Object.keys(patch)), startedAt);
  }

  /**
   * The state as a plain object, with these changes: fields that differ from their initial value (of the tools only the
   * open one's), and z if it is pinned.
   * @param {Partial<StateValues>} [changes]
   * @returns {Description}
   */
  describe(changes = {}) {
    const values = { .../** @type {StateValues} */ (this), ...changes };
    const first = firstChoices(values.z.length);
    /** @type {Description} */
    const description = {};
    for (const name of FIELD_NAMES) {
      const { open } = FIELDS[name];
      const text = written(name, values[name]);
      if (text !== written(name, first[name]) && (!open || open(values))) description[name] = text;
    }
    if (!values.pinned) return description;
    description.z = values.z.join(",");
    if (values.point >= 0) description.point = String(values.point);
    if (values.point >= 0 && values.zeta) description.zeta = "1";
    return description;
  }

  /**
   * Those of `values` that differ from the state's.
   * @param {StateValues} values
   */
  differences(values) {
    const choices = FIELD_NAMES.filter((name) => written(name, this[name]) !== written(name, values[name]));
    const names = [...choices, ...OF_Z.filter((name) => String(this[name]) !== String(values[name]))];
    return /** @type {Partial<StateValues>} */ (Object.fromEntries(names.map((name) => [name, values[name]])));
  }
}

/**
 * The values that a description of a map with so many dimensions, classes and points stands for; fields that are missing or
 * not valid have their initial values.
 * @param {Description} description
 * @param {Bounds} bounds
 * @returns {StateValues}
 */
export function valuesOf(description, bounds) {
  const values = firstChoices(bounds.k);
  for (const name of FIELD_NAMES) {
    const text = description[name];
    if (text !== undefined) Object.assign(values, { [name]: FIELDS[name].read(text, bounds) ?? values[name] });
  }
  if (!isSpatial(values.plane)) values.turn = null;
  const z = readZ(description.z ?? "", bounds.k);
  const point = z ? (readPoint(description.point ?? "", bounds) ?? -1) : -1;
  const zeta = point >= 0 && description.zeta === "1";
  return { ...values, z: z ?? new Float64Array(bounds.k), pinned: z !== undefined, point, zeta };
}
