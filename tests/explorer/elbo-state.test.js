import assert from "node:assert/strict";
import { test } from "node:test";
import { descriptionOf, hashOf } from "../../assets/explorer/core/view.js";
import { Gaussian } from "../../assets/explorer/elbo/gaussian.js";
import { pixelsOfText, textOfPixels } from "../../assets/explorer/elbo/pixels.js";
import { ElboState } from "../../assets/explorer/elbo/state.js";

const PLANE = { count: 100, k: 2 };
/** @type {Record<string, string>[]} */
const DESCRIPTIONS = [
  { image: "7" },
  { image: "0", view: "plane", heat: "likelihood", tab: "weights", against: "rate" },
  { image: "99", contours: "none" },
  { image: "7", contours: "prior,likelihood", log: "1", full: "1", points: "0", pad: "1", seed: "12" },
  { image: "7", q: "0.1,-0.2,0.05,0,0.04" },
  { image: "7", full: "1", q: "0.1,-0.2,0.05,0.02,0.04" },
  { image: "7", tab: "gaps", step: "3" },
  { image: "7", tab: "gaps", step: "3", q: "encoder" },
  { image: "7", tab: "gaps", step: "3", q: "0.1,-0.2,0.05,0,0.04", families: "both" },
  { seed: "2147483647" },
];

test("every description is read and described again to the last digit", () => {
  for (const description of DESCRIPTIONS) {
    assert.deepEqual(ElboState.of(description, PLANE).describe(), description);
    assert.deepEqual(descriptionOf(hashOf(description)), description);
  }
});

test("a state is described by what differs from the initial one", () => {
  const state = new ElboState();
  assert.deepEqual(state.describe(), {});
  /** @type {string[][]} */
  const changes = [];
  state.subscribe((changed) => changes.push([...changed]));
  state.set({ image: 3, heat: "none", q: new Gaussian([0.1, 1 / 3], [0.2, 0, 1e-3, 0.1]), moved: true });
  assert.deepEqual(state.describe(), { image: "3", heat: "none", q: `0.1,${1 / 3},0.2,0.001,0.1` });
  assert.deepEqual(changes, [["image", "heat", "q", "moved"]]);
});

test("q in one dimension is a mean and a standard deviation", () => {
  const description = { image: "7", q: "0.5,0.25" };
  const state = ElboState.of(description, { count: 100, k: 1 });
  assert.deepEqual(state.describe(), description);
  assert.deepEqual(state.q?.sigmas(), [0.25]);
});

test("the axes along which q was turned are described where they are not those of the covariance", () => {
  const turned = Gaussian.ofAxes([0.1, 0.2], [0.3, 0.05], 1.2);
  const state = new ElboState();
  state.set({ image: 7, full: true, q: turned, moved: true });
  const description = state.describe();
  assert.equal(description.axes, "0.3,0.05,1.2");
  const again = ElboState.of(description, PLANE);
  assert.deepEqual(again.describe(), description);
  assert.deepEqual(again.q?.axes(), { lengths: [0.3, 0.05], angle: 1.2 });
  const other = ElboState.of({ ...description, axes: "0.3,0.2,1.2" }, PLANE);
  assert.equal(other.describe().axes, undefined);
  assert.equal(other.describe().q, description.q);
  state.set({ q: Gaussian.ofAxes([0.1, 0.2], [0.3, 0.05], 0.2) });
  assert.equal(state.describe().axes, undefined);
});

test("values that are not valid are ignored", () => {
  const initial = ElboState.of({}, PLANE);
  /** @type {Record<string, string>[]} */
  const wrong = [
    { image: "-3", heat: "lava", view: "moon", tab: "x", against: "y", seed: "-1", step: "1.5", families: "one" },
    { image: "100", q: "0.1,-0.2,0.05,0,0.04", step: "3" },
    { image: "1e9", q: "a,b,c" },
    { seed: "2147483648", step: "-1", pad: "yes", log: "on", full: "2" },
    { q: "0,0,-1,0,1" },
    { q: "0,0,0.1,0,0" },
    { q: "1e7,0,0.1,0,0.1" },
    { q: "0.1,-0.2,0.05,0" },
    { q: "0,,1,0,1" },
  ];
  for (const description of wrong) assert.deepEqual(ElboState.of(description, PLANE), initial);
});

test("what does not apply in more than two dimensions is ignored there", () => {
  const description = { image: "7", tab: "gaps", full: "1", step: "3", families: "both", q: "0.1,0.2,0.3" };
  assert.deepEqual(ElboState.of(description, { count: 100, k: 10 }).describe(), { image: "7" });
  assert.equal(ElboState.of({ full: "1" }, { count: 100, k: 1 }).full, false);
});

test("links of before are read as they were", () => {
  const link =
    "#image=12&view=plane&heat=likelihood&tab=weights&against=distortion&contours=prior,likelihood&log=1&full=1&points=0" +
    "&q=0.1,-0.2,0.05,0.02,0.04&seed=2";
  const state = ElboState.of(descriptionOf(link), PLANE);
  assert.deepEqual(state.describe(), descriptionOf(link));
  assert.deepEqual([...(state.q?.mu ?? [])], [0.1, -0.2]);
  assert.ok(state.moved);
  assert.ok(!state.onPath);
});

test("choices stay when another model is opened, as far as they apply", () => {
  const before = ElboState.of({ image: "7", view: "plane", tab: "gaps", pad: "1", points: "0", q: "0,0,1,0,1" }, PLANE);
  const after = new ElboState();
  after.keep(before, 10);
  assert.deepEqual(after.describe(), { view: "plane", pad: "1", points: "0" });
});

test("q moves from one Gaussian to another through Gaussians between them", () => {
  const [a, b] = [Gaussian.ofAxes([0, 0], [0.1, 0.4], 0), Gaussian.ofAxes([1, -2], [0.4, 0.1], 0.5)];
  const half = Gaussian.between(a, b, 0.5);
  assert.deepEqual([...half.mu], [0.5, -1]);
  const { lengths, angle } = half.axes();
  for (const length of lengths) assert.ok(Math.abs(length - 0.2) < 1e-12);
  assert.equal(angle, 0.25);
  assert.equal(Gaussian.between(a, b, 1), b);
  const line = Gaussian.between(Gaussian.diagonal([0], [0.01]), Gaussian.diagonal([1], [1]), 0.5);
  assert.ok(Math.abs(line.sigmas()[0] - 0.1) < 1e-12);
});

test("pixels become text and come back", () => {
  for (const count of [1, 2, 3, 64, 784, 3072]) {
    const pixels = Float32Array.from({ length: count }, (_, i) => ((37 * i) % 256) / 255);
    const text = textOfPixels(pixels);
    assert.match(text, /^[\w-]+$/);
    assert.deepEqual(pixelsOfText(text, count), pixels);
    assert.equal(pixelsOfText(text, count + 3), null);
  }
  assert.equal(textOfPixels(new Float32Array(3 * 64 * 64)), "");
  for (const text of [undefined, "", "A!", "AAAAA"]) assert.equal(pixelsOfText(text, 1), null);
});
