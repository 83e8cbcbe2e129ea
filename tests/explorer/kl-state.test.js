import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptionOf, hashOf } from "../../assets/explorer/core/view.js";
import { Model } from "../../assets/explorer/kl/model.js";
import { Path } from "../../assets/explorer/kl/path.js";
import { PathState } from "../../assets/explorer/kl/state.js";

const COUNT = 6;
const NAMES = ["shape", "scale"];

/** A path of three stops and six images in two dimensions; a scale of the images has `scales` values. */
function pathOf({ k = 2, scales = 3, betas = [0, 0.5, 1, 3.1622776], forces = true } = {}) {
  const numbers = { test: { distortion: 5, rate: 2 }, train: { distortion: 5, rate: 2 }, active_units: k };
  const up = betas.map(() => ({ ...numbers, rate_per_dim: Array.from({ length: k }, () => 1) }));
  const classes = ["square", "heart"];
  const meta = { betas, up, down: up, latent_dim: k, classes, linear: null, factors: NAMES, image_shape: [1, 1, 1] };
  const labels = Int32Array.from({ length: COUNT }, (_, i) => i % 2);
  const mu = Float32Array.from({ length: betas.length * COUNT * k }, (_, i) => Math.sin(i));
  const factors = Int32Array.from({ length: COUNT * 2 }, (_, j) =>
    j % 2 ? Math.floor(((j >> 1) * (scales - 1)) / (COUNT - 1)) : labels[j >> 1],
  );
  /** @type {Record<string, ArrayBufferView>} */
  const arrays = { mu, logvar: new Float32Array(mu.length), labels, factors, images: new Uint8Array(COUNT) };
  if (forces) {
    arrays["force.points"] = Int32Array.of(1, 4);
    for (const name of ["mu", "mu_se", "logsigma", "logsigma_se"])
      arrays[`force.distortion_${name}`] = new Float32Array(betas.length * 2 * k);
  }
  // the fields that a state reads of a path
  const frame = /** @type {import("../../assets/explorer/kl/path.js").PathFrame} */ (
    /** @type {unknown} */ ({ meta, arrays })
  );
  return new Path(frame, () => "");
}

/** What a state says that has been opened with this description. */
const opened = (/** @type {Record<string, string>} */ description, path = pathOf()) => {
  const state = new PathState(path);
  return new PathState(path, state.read(description)).describe();
};

test("a state in the beginning says beta alone", () => {
  assert.deepEqual(new PathState(pathOf()).describe(), { beta: "1" });
  assert.deepEqual(opened({}), { beta: "1" });
});

/** @type {Record<string, string>[]} */
const FIELDS = [
  { view: "why" },
  { zones: "pointer" },
  { zones: "none" },
  { plane: "1" },
  { forces: "1" },
  { fixed: "1" },
  { colour: "scale" },
  { hidden: "1" },
  { colour: "scale", hidden: "2,0" },
  { speed: "0.5" },
  { speed: "2" },
  { pair: "4,1" },
  { point: "5" },
  { z: "0.1,-0.30000000000000004" },
  { look: "0.25,-1,2.5" },
  { "look-left": "0,1,2", "look-middle": "-0.1,0,3", "look-right": "1e-7,1,0.5" },
];
for (const field of FIELDS)
  test(`${hashOf(field)} goes into a state and back`, () => {
    const description = { beta: "0.5", ...field };
    assert.deepEqual(opened(description), description);
    assert.deepEqual(opened(descriptionOf(hashOf(description))), description);
  });

test("a long legend is folded away and searched; a short one is not", () => {
  const path = pathOf({ scales: 40 });
  const description = { beta: "1", colour: "scale", legend: "folded", find: "1 & 2" };
  assert.deepEqual(opened(description, path), description);
  assert.equal(opened({ ...description, find: "x".repeat(5000) }, path).find.length, 64);
  assert.deepEqual(opened({ ...description, colour: "shape" }, path), { beta: "1" });
});

/** @type {Record<string, string>[]} */
const NONSENSE = [
  { beta: "-3" },
  { beta: "x" },
  { beta: "" },
  { beta: "Infinity" },
  { beta: "1,2" },
  { view: "x" },
  { zones: "9" },
  { plane: "yes" },
  { forces: "true" },
  { fixed: "0" },
  { colour: "weight" },
  { hidden: "2" },
  { hidden: "0,x" },
  { speed: "3" },
  { pair: "1,1" },
  { pair: "1,6" },
  { pair: "1,2,3" },
  { point: "-2" },
  { point: "6" },
  { z: "1,2,3" },
  { z: "1,1e9" },
  { look: "1,2" },
  { look: "1,2,-3" },
  { unknown: "1" },
];
for (const field of NONSENSE) test(`${hashOf(field)} is ignored`, () => assert.deepEqual(opened(field), { beta: "1" }));

test("what a path does not have is not chosen", () => {
  assert.deepEqual(opened({ forces: "1", plane: "1" }, pathOf({ k: 1, forces: false })), { beta: "1" });
});

test("a class is hidden once", () => assert.equal(opened({ hidden: "1,1,0" }).hidden, "1,0"));

test("every position comes back: stops exactly, others to where nothing else is shown", () => {
  const path = pathOf();
  const state = new PathState(path);
  for (const position of path.positions) {
    state.set({ position });
    assert.ok(state.describe().beta.length < 6);
    assert.equal(state.read(state.describe()).position, position);
  }
  for (let i = 0; i <= 1000; i++) {
    state.set({ position: i / 1000 });
    const description = state.describe();
    const { position } = state.read(description);
    assert.ok(Math.abs(position - i / 1000) < 1e-8, `${i / 1000}: ${position}`);
    assert.deepEqual(new PathState(path, state.read(description)).describe(), description);
  }
});

test("a beta of few digits is that of the stop near it, as links of before have it", () => {
  const state = new PathState(pathOf());
  assert.equal(state.read({ beta: "3.162" }).position, 1);
  assert.equal(state.read({ beta: "0.501" }).position, state.path.positions[1]);
  assert.notEqual(state.read({ beta: "0.5010000000" }).position, state.path.positions[1]);
  assert.equal(state.path.betaAt(state.read({ beta: "0.5000000000000001" }).position), 0.5);
  assert.equal(state.read({ beta: "100" }).position, 1);
});

test("a link of a latent space with many dimensions stays short enough", () => {
  const k = 256;
  const path = pathOf({ k });
  const z = Float64Array.from({ length: k }, (_, i) => Math.sin(i));
  const state = new PathState(path, { z, pinned: true });
  assert.ok(hashOf(state.describe()).length < 8000);
  assert.deepEqual(state.read(state.describe()).z, z);
});

test("listeners hear of what has another value now", () => {
  const state = new PathState(pathOf());
  /** @type {string[][]} */
  const heard = [];
  state.subscribe((changed) => heard.push([...changed]));
  state.set({ zones: "all", fixed: true, hidden: [], z: new Float64Array(2), pinned: true });
  state.set({ hidden: [1], z: Float64Array.of(0, 1), looks: [{ u: 0, v: 0, reach: 1 }, null, null, null] });
  assert.deepEqual(heard, [
    ["fixed", "pinned"],
    ["hidden", "z", "looks"],
  ]);
});

test("reading changes neither the state nor the path", () => {
  const path = pathOf();
  const state = new PathState(path);
  const read = state.read({ beta: "0.5", colour: "scale", z: "1,2" });
  assert.equal(read.colour, 1);
  assert.equal(path.colour, 0);
  assert.deepEqual(path.classes, ["square", "heart"]);
  assert.deepEqual(state.describe(), { beta: "1" });
  assert.deepEqual(state.z, new Float64Array(2));
});

test("the nearest data point is one that is shown, whatever the colours show", () => {
  const path = pathOf();
  const model = new Model(path);
  model.to(path.positions[2]);
  const z = model.mean(2, new Float64Array(2));
  assert.equal(model.nearest(z, []), 2);
  assert.notEqual(model.nearest(z, [0]), 2); // its shape is hidden
  path.colourBy(1);
  model.recolour();
  const scale = path.frame.arrays.labels[2];
  assert.equal(scale, 0);
  for (const hidden of [[0], [1], [0, 1], [2]]) {
    const found = model.nearest(z, hidden);
    assert.ok(found < 0 || !hidden.includes(path.frame.arrays.labels[found]), `${hidden}: ${found}`);
    assert.equal(found === 2, !hidden.includes(scale));
  }
});
