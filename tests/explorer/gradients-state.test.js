import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptionOf, hashOf } from "../../assets/explorer/core/view.js";
import { Cells } from "../../assets/explorer/gradients/divergence.js";
import { FIELD_NAMES, MOST_PARTS, MOST_STEPS, written } from "../../assets/explorer/gradients/fields.js";
import { extended, Fit } from "../../assets/explorer/gradients/fit-run.js";
import { Gaussian } from "../../assets/explorer/gradients/gaussian.js";
import { betweenGaussians, movement } from "../../assets/explorer/gradients/movement.js";
import { otherIndex } from "../../assets/explorer/gradients/picker.js";
import { beginning, GradState, INITIAL } from "../../assets/explorer/gradients/state.js";
import { TARGETS } from "../../assets/explorer/gradients/targets.js";

const START = Gaussian.diagonal([0.1, -0.2], [0.3, 1 / 3]);
const FULL = new Gaussian([0.1, 0.2], [1.5, 0, -0.25, 0.7], true);
const PARTS = [
  { n: 10, lr: 0.05, noise: 0, steps: 12 },
  { n: 300, lr: 0.1, noise: 14, steps: 3 },
];
const RUN = { estimator: "leave-one-out", full: true, start: FULL, parts: PARTS };
/** A value of every field that is not its initial one. */
const OTHERS = {
  tab: "divergences",
  target: "ring",
  image: 7,
  rho: -0.35,
  full: true,
  estimator: "leave-one-out",
  n: 321,
  lr: 0.0123,
  "fit.q": FULL,
  "fit.noise": 17,
  "fit.start": FULL.as(true),
  "fit.parts": PARTS,
  "fit.before": [RUN, { estimator: "score", full: false, start: null, parts: PARTS.slice(1) }],
  "variance.of": "sigma",
  "variance.mu": 2.15,
  "variance.sigma": 0.35,
  "variance.dims": 64,
  "variance.error": 0.02,
  "variance.seed": 5,
  "trick.mu": -1.37,
  "trick.sigma": 1.9,
  "trick.chosen": 39,
  "trick.drawn": 2,
  "trick.noise": 3,
  "divergences.start": FULL,
  "divergences.steps": 700,
  "divergences.reverse": FULL,
  "divergences.forward": FULL,
  "code.model": "mnist-10d",
  "code.first": 64,
  "code.size": 1,
  "code.beta": 2.5,
  "code.seed": 9,
  "code.term": "log_p",
};

/** @param {object} patch */
function stateWith(patch) {
  const state = new GradState();
  state.set(patch);
  return state;
}

test("every field goes into a description and back, through the text of a link", () => {
  assert.deepEqual(Object.keys(OTHERS), FIELD_NAMES);
  const state = stateWith(OTHERS);
  const description = state.describe();
  assert.deepEqual(Object.keys(description), FIELD_NAMES);
  const back = GradState.read(descriptionOf(hashOf(description)));
  for (const name of FIELD_NAMES) assert.deepEqual(back[name], OTHERS[name], name);
  assert.ok(hashOf(description).length < 2000);
});

test("an initial state has an empty description, and an empty description the initial values", () => {
  assert.deepEqual(new GradState().describe(), {});
  assert.deepEqual(GradState.read({}), INITIAL);
});

test("values that are not valid are ignored", () => {
  const wrong = {
    tab: ["none", "Fit"],
    target: ["toString", ""],
    image: ["-1", "1.5", "1e99", "x"],
    rho: ["2", "-0.99", "NaN"],
    full: ["7", "yes"],
    estimator: ["constructor"],
    n: ["0", "1001", "2.5"],
    lr: ["0", "2", "x"],
    "fit.q": ["diagonal,1,2", "round,1,1", "diagonal,1,1,0,0,0,1", "diagonal,1,1,1,0,2,1", "diagonal,1e7,0,1,0,0,1"],
    "fit.noise": ["-1", "x"],
    "fit.parts": [
      "10_0.05_0",
      "10_0.05_0_0",
      "10_0.05_0_1_1",
      "10_0.05_0_2001",
      Array(MOST_PARTS + 1)
        .fill("1_1_0_1")
        .join(","),
    ],
    "fit.before": [
      "none,diagonal,10_0.05_0_1",
      "score",
      "score,diagonal",
      "score,oblique,10_0.05_0_1",
      Array(4).fill("score,full,1_1_0_1").join("*"),
    ],
    "variance.of": ["rho"],
    "variance.mu": ["-1", "4"],
    "variance.sigma": ["0"],
    "variance.dims": ["3"],
    "variance.error": ["0"],
    "trick.mu": ["5"],
    "trick.chosen": ["40"],
    "divergences.steps": ["-3"],
    "code.size": ["9"],
    "code.beta": ["-1", "1001"],
    "code.term": ["z".repeat(41)],
  };
  for (const [name, texts] of Object.entries(wrong)) {
    const field = /** @type {keyof typeof INITIAL} */ (name);
    for (const text of texts)
      assert.deepEqual(GradState.read({ [name]: text })[field], INITIAL[field], `${name}=${text}`);
  }
});

test("the learning rate has a former name", () => {
  assert.equal(GradState.read({ rate: "0.1" }).lr, 0.1);
  assert.equal(GradState.read({ rate: "0.1", lr: "0.2" }).lr, 0.2);
  assert.deepEqual(stateWith({ lr: 0.1 }).describe(), { lr: "0.1" });
});

test("a q fits the dimensions and the family of the target's", () => {
  assert.equal(GradState.read({ target: "line", "fit.q": "diagonal,1,1,0.5,0,0,0.5" })["fit.q"], null);
  assert.deepEqual(
    GradState.read({ target: "line", "fit.q": "diagonal,1,0.5" })["fit.q"],
    Gaussian.diagonal([1], [0.5]),
  );
  assert.equal(GradState.read({ full: "true", "fit.q": "diagonal,1,1,0.5,0,0,0.5" })["fit.q"]?.full, true);
  assert.equal(GradState.read({ target: "line", full: "true", "fit.q": "diagonal,1,0.5" })["fit.q"]?.full, false);
  const half = GradState.read({ "divergences.steps": "9", "divergences.reverse": "diagonal,1,1,0.5,0,0,0.5" });
  assert.deepEqual([half["divergences.steps"], half["divergences.reverse"]], [0, null]);
});

test("subscribers are told what has changed, and values are never changed in place", () => {
  const state = new GradState();
  const before = state.values;
  /** @type {string[][]} */
  const calls = [];
  state.subscribe((changed) => calls.push([...changed]));
  state.set({ rho: 0.5, n: 10 });
  state.set({ rho: 0.5 });
  assert.deepEqual(calls, [["rho"]]);
  assert.equal(before.rho, 0.9);
  state.set({ "fit.q": START });
  state.set({ "fit.q": new Gaussian(START.mu, START.tril, false) }); // the same numbers
  assert.equal(calls.length, 2);
  assert.equal(state.values["fit.q"], START);
});

test("another target, rho, estimator or family begins new fits", () => {
  const fitted = {
    "fit.q": START,
    "fit.parts": PARTS,
    "divergences.steps": 3,
    "divergences.reverse": START,
    "divergences.forward": START,
  };
  const target = stateWith(fitted);
  target.set({ target: "ring" });
  assert.deepEqual(target.describe(), { target: "ring" });
  const rho = stateWith(fitted);
  rho.set({ rho: 0.1 });
  assert.deepEqual(rho.values["fit.parts"], []);
  assert.equal(rho.values["fit.q"], START);
  const estimator = stateWith(fitted);
  estimator.set({ estimator: "score" });
  assert.deepEqual(estimator.values["fit.before"], [{ estimator: "pathwise", full: false, start: null, parts: PARTS }]);
  assert.deepEqual(estimator.values["fit.parts"], []);
  const full = stateWith(fitted);
  full.set({ full: true });
  assert.equal(full.values["fit.q"]?.full, true);
  assert.equal(full.values["divergences.reverse"], null);
  assert.equal(full.values["fit.before"][0].full, false);
});

test("a link stays short however many fits there were", () => {
  const state = stateWith({ target: "ring", full: true });
  for (let fit = 0; fit < 9; fit++) {
    /** @type {typeof PARTS} */
    let parts = [];
    for (let i = 0; i < MOST_PARTS; i++)
      parts = extended(parts, { n: 987 - i, lr: 0.0123 + i / 1e4, noise: 123456 + 2 * i });
    assert.equal(parts.length, MOST_PARTS);
    state.set({
      "fit.start": new Gaussian([Math.PI, -Math.E], [Math.SQRT2, 0, -1 / 3, Math.LN2], true),
      "fit.parts": parts,
    });
    state.set(beginning(state.values));
  }
  const hash = hashOf(state.describe());
  assert.ok(hash.length < 6000, String(hash.length));
  assert.deepEqual(GradState.read(descriptionOf(hash)), state.values);
});

test("consecutive steps with the same settings are one part", () => {
  let parts = extended([], { n: 10, lr: 0.1, noise: 4 });
  parts = extended(parts, { n: 10, lr: 0.1, noise: 5 });
  assert.deepEqual(parts, [{ n: 10, lr: 0.1, noise: 4, steps: 2 }]);
  assert.equal(extended(parts, { n: 10, lr: 0.1, noise: 7 }).length, 2);
  assert.equal(extended(parts, { n: 11, lr: 0.1, noise: 6 }).length, 2);
  assert.equal(extended(parts, { n: 10, lr: 0.2, noise: 6 }).length, 2);
  assert.ok(MOST_STEPS >= 1000);
});

test("a fit is made again to the last bit", () => {
  const target = TARGETS.ring.make();
  const cells = new Cells(target);
  for (const estimator of /** @type {const} */ (["pathwise", "baseline", "exact"])) {
    const first = new Fit(target, cells, estimator, FULL);
    first.values = [first.estimate(first.noise(7, 0)).divergence];
    /** @type {typeof PARTS} */
    let parts = [];
    for (const [n, lr, noise] of [
      [7, 0.05, 0],
      [7, 0.05, 1],
      [30, 0.02, 2],
      [30, 0.02, 9],
    ]) {
      assert.ok(first.step(first.estimate(first.noise(n, noise)).gradient, lr));
      parts = extended(parts, { n, lr, noise });
    }
    const second = new Fit(target, cells, estimator, FULL);
    for (const _ of second.replay(parts));
    assert.deepEqual(second, first);
  }
});

test("q moves on a straight line in mu and in the logarithm of sigma, and ends exactly", () => {
  const [a, b] = [Gaussian.diagonal([0, 1], [0.1, 1]), Gaussian.diagonal([1, 0.1], [10, 1 / 3])];
  const half = betweenGaussians(a, b, 0.5);
  assert.deepEqual([...half.mu], [0.5, 0.55]);
  assert.ok(Math.abs(half.scale(0) - 1) < 1e-12);
  assert.deepEqual(betweenGaussians(a, b, 1), b);
});

test("mu, sigma and rho move, and the rest is there at once", () => {
  const startOf = () => Gaussian.diagonal([1, 1], [1, 1]);
  const to = GradState.read({ rho: "0.1", n: "99", "fit.q": "diagonal,2,1,4,0,0,1", "fit.parts": "10_0.05_0_3" });
  const { begin, at } = movement(INITIAL, to, startOf);
  assert.equal(begin.n, 99);
  assert.equal(begin.rho, 0.9);
  const half = at(0.5);
  assert.equal(half.rho, 0.5);
  assert.equal(written("fit.q", half["fit.q"] ?? null), "diagonal,1.5,1,2,0,0,1");
  assert.deepEqual(half["fit.parts"], []);
  const trick = movement(INITIAL, GradState.read({ tab: "trick", "trick.mu": "2" }), startOf);
  assert.equal(trick.at(0.5)["trick.mu"], 1.4);
  assert.notEqual(trick.at(0.5)["trick.drawn"], trick.at(0.6)["trick.drawn"]);
  assert.deepEqual(movement(INITIAL, INITIAL, startOf).at(0.5), {});
});

test("another image is never the one that is shown", () => {
  for (let index = 0; index < 4; index++) {
    const found = [0, 0.3, 0.5, 0.99].map((share) => otherIndex(index, 4, () => share));
    assert.ok(!found.includes(index));
    assert.deepEqual(
      [...new Set(found)],
      [0, 1, 2, 3].filter((each) => each !== index),
    );
  }
  assert.equal(otherIndex(0, 1), 0);
});
