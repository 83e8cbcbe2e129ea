// The way from the page's state to another: what is there at once, and what moves.

import { between } from "../core/glide.js";
import { turnBetween } from "./turned.js";

/** @import { Choices } from "./fields.js" */
/** @import { State, StateValues } from "./state.js" */

/** @typedef {Partial<StateValues>} Patch */

/** Where the camera of a map is: the middle of its view and its height, and how its space is turned. */
/** @typedef {{ view: number[], turn: number[] | null }} CameraPlace */

const NUMBERS = /** @type {const} */ (["scale", "t", "temperature"]);

/** What a change of one field resets, unless it is set as well. @type {Partial<Record<keyof StateValues, (keyof StateValues)[]>>} */
const RESETS = {
  plane: ["view", "turn", "shape", "selected", "pages"],
  shape: ["selected", "pages"],
  selected: ["pages"],
  by: ["pages"],
  order: ["pages"],
  hidden: ["selected", "pages"],
  pinned: ["posterior"],
};

/**
 * @param {State} state
 * @param {StateValues} to
 * @param {CameraPlace} from where the camera is now
 * @param {(to: StateValues) => CameraPlace} arrives where it will be
 * @returns {{ first: Patch, at: ((share: number) => Patch) | null }} what is to be set at once, then at a share of the way;
 *   null where nothing moves
 */
export function wayTo(state, to, from, arrives) {
  const first = state.differences(to);
  /** @type {((share: number) => Patch)[]} */
  const moves = [];
  for (const name of NUMBERS) {
    const [a, b] = [state[name], to[name]];
    if (!(name in first)) continue;
    delete first[name];
    moves.push((share) => ({ [name]: between(a, b, share) }));
  }
  if ("z" in first) {
    const z = state.z;
    delete first.z;
    moves.push((share) => ({ z: between(z, to.z, share), point: to.point, zeta: to.zeta }));
  }
  if (!("plane" in first) && ("view" in first || "turn" in first)) {
    delete first.view;
    delete first.turn;
    if (!same(state.turn, to.turn)) delete first.shape; // it belongs to the space as it will be turned
    const { turn } = from;
    const goal = arrives(to);
    moves.push((share) => (share < 1 ? cameraAt({ view: from.view, turn }, goal, share) : arrived(state, to)));
  }
  for (const name of /** @type {(keyof StateValues)[]} */ (Object.keys(first)))
    for (const other of RESETS[name] ?? []) Object.assign(first, { [other]: to[other] });
  const at = moves.length
    ? (/** @type {number} */ share) => Object.assign({}, ...moves.map((move) => move(share)))
    : null;
  return { first, at };
}

/**
 * @param {CameraPlace} from
 * @param {CameraPlace} to
 * @param {number} share
 * @returns {Patch}
 */
const cameraAt = (from, to, share) => ({
  ...(from.turn && to.turn && !same(from.turn, to.turn) ? { turn: turnBetween(from.turn, to.turn, share) } : {}),
  view: between(from.view, to.view, share),
});

/**
 * @param {State} state
 * @param {StateValues} to
 * @returns {Patch}
 */
const arrived = (state, { view, turn, shape, selected, pages }) =>
  same(state.turn, turn) ? { view } : { turn, view, shape, selected, pages };

/**
 * @param {Choices["turn"]} a
 * @param {Choices["turn"]} b
 */
const same = (a, b) => String(a) === String(b);
