import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptionOf, hashOf } from "../../assets/explorer/core/view.js";
import { wayTo } from "../../assets/explorer/explore/motion.js";
import { State, valuesOf } from "../../assets/explorer/explore/state.js";
import { turnBetween } from "../../assets/explorer/explore/turned.js";

/** @import { StateValues } from "../../assets/explorer/explore/state.js" */

const BOUNDS = { k: 4, classes: 10, count: 1000 };

/** @param {Partial<StateValues>} [changes] */
const made = (changes = {}) => new State({ ...valuesOf({}, BOUNDS), ...changes });

/** What differs from a state once it was described and read again. @param {Partial<StateValues>} changes */
function lost(changes) {
  const state = made(changes);
  return Object.keys(state.differences(valuesOf(descriptionOf(hashOf(state.describe())), BOUNDS)));
}

/** @type {[Partial<StateValues>, string][]} every field, and its link */
const FIELDS = [
  [{ colour: "rate" }, "colour=rate"],
  [{ plane: "3,1" }, "plane=3,1"],
  [{ plane: "tsne" }, "plane=tsne"],
  [{ zones: "7" }, "zones=7"],
  [{ scale: 2.5 }, "scale=2.5"],
  [{ density: "holes" }, "density=holes"],
  [{ manifold: "prior" }, "manifold=prior"],
  [{ hidden: [0, 9] }, "hidden=0,9"],
  [{ view: [0.1 + 0.2, -1 / 7, 2 / 3] }, `view=${0.1 + 0.2},${-1 / 7},${2 / 3}`],
  [{ plane: "3d", turn: [0.6, 0.8, 0, -0.8, 0.6, 0] }, "plane=3d&turn=0.6,0.8,0,-0.8,0.6,0"],
  [{ tool: "traverse" }, "tool=traverse"],
  [{ tool: "neighbours" }, "tool=neighbours"],
  [{ tool: "interpolate", path: "ridge" }, "tool=interpolate&path=ridge"],
  [{ tool: "interpolate", from: { point: 7 } }, "tool=interpolate&from=point7"],
  [
    { tool: "interpolate", to: { point: -1, z: Float64Array.of(1, 2, 3, 1 / 3) } },
    `tool=interpolate&to=1,2,3,${1 / 3}`,
  ],
  [{ tool: "interpolate", t: 1 / 3 }, "tool=interpolate&t=0.3333333333333333"],
  [{ tool: "sample", source: "aggregate" }, "tool=sample&source=aggregate"],
  [{ tool: "sample", seed: 7 }, "tool=sample&seed=7"],
  [{ tool: "sample", temperature: 0.05 }, "tool=sample&temperature=0.05"],
  [{ tool: "sample", source: "posterior", posterior: 42 }, "tool=sample&source=posterior&posterior=42"],
  [
    {
      tool: "select",
      shape: [
        [-1.25, 0.5],
        [2, 0.75],
      ],
    },
    "tool=select&shape=-1.25,0.5,2,0.75",
  ],
  [{ tool: "select", by: "rate" }, "tool=select&by=rate"],
  [{ tool: "select", order: "best" }, "tool=select&order=best"],
  [{ tool: "select", mode: "box" }, "tool=select&mode=box"],
  [{ tool: "select", selected: [0, 3, 17, 999] }, "tool=select&selected=AGcs9B"],
  [{ tool: "select", pages: 3 }, "tool=select&pages=3"],
  [{ tool: "draw", drawing: "gIgIAC.CC" }, "tool=draw&drawing=gIgIAC.CC"],
  [{ tool: "draw", ink: "ff8000" }, "tool=draw&ink=ff8000"],
  [{ tool: "draw", noise: 12 }, "tool=draw&noise=12"],
  [{ tool: "draw", many: true }, "tool=draw&many=1"],
  [{ tool: "draw", closer: true }, "tool=draw&closer=1"],
  [{ z: Float64Array.of(1 / 3, -2e-7, 31.25, 0), pinned: true }, `z=${1 / 3},-2e-7,31.25,0`],
  [{ z: Float64Array.of(0, 0, 0, 0), pinned: true, point: 5 }, "z=0,0,0,0&point=5"],
  [{ z: Float64Array.of(0, 0, 0, 1), pinned: true, point: 5, zeta: true }, "z=0,0,0,1&point=5&zeta=1"],
];

test("every field is described as links have it, and read again to the last bit", () => {
  for (const [changes, link] of FIELDS) {
    assert.equal(hashOf(made(changes).describe()), link);
    assert.deepEqual(lost(changes), [], link);
  }
  assert.deepEqual(made().describe(), {});
});

test("of the tools only the open one is described, and z while it is pinned", () => {
  assert.deepEqual(made({ seed: 7, drawing: "AA", z: Float64Array.of(1, 1, 1, 1) }).describe(), {});
});

test("a link stays short, whatever is chosen", () => {
  const many = Array.from({ length: 1000 }, (_, i) => i);
  const all = made({ tool: "select", selected: many, z: Float64Array.of(1, 2, 3, 4), pinned: true });
  assert.ok(hashOf(all.describe()).length < 1200);
  const beyond = made({ tool: "select", selected: Array.from({ length: 5000 }, (_, i) => 99 * i) });
  assert.deepEqual(beyond.describe(), { tool: "select" });
});

test("what is not valid has its initial value", () => {
  const nonsense = [
    "z=1&colour=<img>&plane=0,0&zones=10&scale=NaN&density=1&hidden=11&point=5&zeta=1",
    "tool=select&selected=A!&pages=0&shape=1,2,3&by=price",
    "tool=select&selected=____A&pages=1e9",
    "tool=select&selected=BAA",
    "tool=draw&drawing=A&ink=red&noise=-1&many=yes&closer=0",
    `tool=draw&drawing=${"AA".repeat(4000)}`,
    "turn=0.6,0.8,0,-0.8,0.6,0",
    "%E0%A4%A&&&==&💥&__proto__=1",
  ];
  for (const link of nonsense) {
    const { tool, ...rest } = valuesOf(descriptionOf(link), BOUNDS);
    assert.deepEqual({ ...rest, tool: "lens" }, valuesOf({}, BOUNDS), link);
  }
});

test("what belongs to a plane or to a shape goes with it", () => {
  const state = made({
    plane: "0,1",
    view: [0, 0, 1],
    shape: [
      [0, 0],
      [1, 1],
    ],
    pages: 4,
  });
  state.set({ plane: "pca" });
  assert.deepEqual([state.view, state.shape, state.pages], [null, null, 1]);
  state.set({ selected: [1, 2], pages: 2 });
  state.set({
    shape: [
      [0, 0],
      [1, 1],
    ],
  });
  assert.deepEqual([state.selected, state.pages], [[], 1]);
});

test("listeners hear of every change, and z leaves its data point", () => {
  const state = made({ point: 3, zeta: true });
  /** @type {string[][]} */
  const heard = [];
  state.subscribe((names) => heard.push([...names].sort()));
  state.set({ z: Float64Array.of(1, 0, 0, 0) });
  assert.deepEqual(heard, [["point", "z", "zeta"]]);
  assert.deepEqual([state.point, state.zeta], [-1, false]);
});

// --- motion ------------------------------------------------------------------------------------------------------------

const CAMERA = { view: [0, 0, 8], turn: null };

/**
 * The way to a link, with all changes made up to a share of it.
 * @param {State} state
 * @param {string} link
 */
function way(state, link) {
  const { first, at } = wayTo(state, valuesOf(descriptionOf(link), BOUNDS), CAMERA, (to) => ({
    view: to.view ?? [0, 0, 8],
    turn: null,
  }));
  state.set(first);
  return (/** @type {number} */ share) => at && state.set(at(share));
}

test("numbers, z and the view move; everything else is there at once", () => {
  const state = made({ scale: 1, z: Float64Array.of(0, 0, 0, 0) });
  const link = "colour=rate&scale=2&view=1,2,4&z=1,0,0.1,-3&point=9";
  const move = way(state, link);
  assert.equal(state.colour, "rate");
  assert.equal(state.scale, 1);
  move(0.5);
  assert.deepEqual([state.scale, [...state.z], state.view], [1.5, [0.5, 0, 0.05, -1.5], [0.5, 1, 6]]);
  move(1);
  assert.equal(hashOf(state.describe()), link);
});

test("with another plane, the view is set at once, and a shape comes with it", () => {
  const state = made({ plane: "0,1", view: [0, 0, 1], tool: "select" });
  const link = "plane=2,3&tool=select&view=1,2,4&shape=0,0,1,1,2,0&pages=2";
  const move = way(state, link);
  move(1);
  assert.deepEqual(state.describe(), descriptionOf(link));
});

test("an empty description is the initial state", () => {
  for (const [changes] of FIELDS) {
    const state = made(changes);
    way(state, "")(1);
    assert.deepEqual(state.describe(), {});
    const { point, pinned, z } = state;
    assert.deepEqual([point, pinned, [...z]], [-1, false, [0, 0, 0, 0]]);
  }
});

test("between two turns are turns, at constant speed", () => {
  const from = [1, 0, 0, 0, 1, 0];
  const to = [0, 1, 0, -1, 0, 0]; // a quarter about the axis to the front
  const half = turnBetween(from, to, 0.5);
  const r = Math.SQRT1_2;
  assert.ok(
    half.every((v, i) => Math.abs(v - [r, r, 0, -r, r, 0][i]) < 1e-12),
    String(half),
  );
  assert.ok(turnBetween(from, to, 1).every((v, i) => Math.abs(v - to[i]) < 1e-12));
  assert.deepEqual(turnBetween(from, from, 0.3), from);
});
