import assert from "node:assert/strict";
import { test } from "node:test";
import { Camera } from "../../assets/explorer/map/camera.js";
import { betweenLooks, cameraMotion } from "../../assets/explorer/train/camera-motion.js";
import { LiveState, readState } from "../../assets/explorer/train/state.js";

const BOUNDS = { k: 2, classes: 10, runs: 2 };

/**
 * The description of a state that was read from another one.
 * @param {Record<string, string>} description
 */
function roundTrip(description, bounds = BOUNDS) {
  const state = new LiveState(bounds.k);
  state.set(readState(description, bounds));
  return state.describe();
}

test("an initial state has an empty description", () => {
  assert.deepEqual(new LiveState(2).describe(), {});
  assert.deepEqual(roundTrip({}), {});
});

test("every field goes into a description and back", () => {
  /** @type {Record<string, string>[]} */
  const descriptions = [
    { zones: "none" },
    { zones: "pointer" },
    { plane: "1" },
    { hidden: "3,7" },
    { steered: "0" },
    { steered: "1" },
    { z: "0.1,-2.345678901234567" },
    { z: "0,0", map: "1" },
    { zones: "none", plane: "1", hidden: "0,9", steered: "1", z: "-1,1e-7", map: "1" },
  ];
  for (const description of descriptions) assert.deepEqual(roundTrip(description), description);
});

test("values that are not valid are ignored", () => {
  /** @type {Record<string, string>[]} */
  const descriptions = [
    { zones: "most" },
    { plane: "yes" },
    { hidden: "10" },
    { hidden: "a" },
    { steered: "2" },
    { z: "1" },
    { z: "1,NaN" },
    { z: "1,2,3" },
    { z: "1,1e99" },
    { map: "1" }, // without a lens on it
    { z2: "1" },
  ];
  for (const description of descriptions) assert.deepEqual(roundTrip(description), {});
  assert.deepEqual(roundTrip({ steered: "1", z: "1,2", map: "1" }, { ...BOUNDS, runs: 1 }), { z: "1,2" });
});

test("a state tells its listeners what has changed, and nothing where nothing has", () => {
  const state = new LiveState(2);
  /** @type {string[][]} */
  const heard = [];
  state.subscribe((changed) => heard.push([...changed]));
  state.set({ zones: "all", hidden: [], z: new Float64Array(2) });
  state.set({ zones: "none", manifold: false });
  state.set({ z: Float64Array.of(0, 1), pinned: true });
  assert.deepEqual(heard, [["zones"], ["z", "pinned"]]);
});

const RECTANGLE = { width: 400, height: 300 };
const CLOUD = [
  [-5, 5],
  [-4, 4],
];

/** A camera that follows a cloud of points. */
function following() {
  const camera = new Camera();
  camera.follow([CLOUD], RECTANGLE);
  return camera;
}

test("between two viewports, the reach is interpolated on a logarithmic scale, and the end is exact", () => {
  const [a, b] = [
    { u: 0, v: 1, reach: 1 },
    { u: 0.1, v: 3, reach: 0.3 },
  ];
  const middle = betweenLooks(a, b, 0.5);
  assert.deepEqual([middle.u, middle.v], [0.05, 2]);
  assert.ok(Math.abs(middle.reach - Math.sqrt(0.3)) < 1e-12);
  assert.deepEqual(betweenLooks(a, b, 1), b);
});

test("a camera moves to a viewport and back to the points", () => {
  const camera = following();
  const all = camera.goal;
  const look = { u: 0.1, v: 0.7, reach: 0.3 };
  const move = cameraMotion(camera, look, [CLOUD], RECTANGLE);
  assert.equal(camera.describe(), null); // not before the first step
  move(0.5);
  camera.fit(RECTANGLE);
  const half = camera.describe();
  assert.ok(half && half.reach < 5 && half.reach > 0.3);
  move(1);
  camera.fit(RECTANGLE);
  assert.deepEqual(camera.describe(), look);
  const back = cameraMotion(camera, null, [CLOUD], RECTANGLE);
  back(0.3);
  camera.fit(RECTANGLE);
  assert.ok(camera.describe());
  back(1);
  camera.follow([CLOUD], RECTANGLE);
  assert.equal(camera.describe(), null);
  assert.ok(all && camera.now);
  for (const name of /** @type {const} */ (["u", "v", "unit"]))
    assert.ok(Math.abs(camera.now[name] - all[name]) < 1e-9 * (1 + Math.abs(all[name])));
});
