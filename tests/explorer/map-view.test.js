import assert from "node:assert/strict";
import { test } from "node:test";
import { Camera } from "../../assets/explorer/map/camera.js";
import { extent, homeRange, rangeOf, shownBy, View } from "../../assets/explorer/map/view.js";

const BOX = { left: 40, top: 10, width: 200, height: 100 };
const SIZE = { width: 200, height: 100 };
const VIEW = new View({ x: [-2, 2], y: [-1, 1] }, BOX);

/** Points whose smallest box is [−4, 4] × [−1, 1] */
const CLOUD = [
  [-4, 4],
  [-1, 1],
];

test("data and pixels", () => {
  assert.deepEqual(VIEW.toPixel(0, 0), [140, 60]);
  assert.deepEqual(VIEW.toPixel(-2, 1), [40, 10]); // v counts upwards, pixels downwards
  assert.deepEqual(VIEW.toData(240, 110), [2, -1]);
  assert.equal(VIEW.pixelsPerUnit, 50);
  assert.ok(VIEW.contains(40, 110) && !VIEW.contains(39, 60));
});

test("what a view shows goes into three numbers and back, for a rectangle of any shape", () => {
  const home = { x: /** @type {[number, number]} */ ([-8, 8]), y: /** @type {[number, number]} */ ([-4, 4]) };
  assert.equal(shownBy(home, home), null);
  assert.deepEqual(shownBy({ x: [-1, 3], y: [0, 2] }, home), [1, 1, 2]);
  assert.deepEqual(rangeOf([1, 1, 2], SIZE), { x: [-1, 3], y: [0, 2] });
  assert.deepEqual(rangeOf([1, 1, 2], { width: 100, height: 100 }), { x: [0, 2], y: [0, 2] });
});

test("an extent holds all values and ±least, with 2 % of it on either side", () => {
  assert.deepEqual(extent([0, 6], 4), [-4.2, 6.2]);
  assert.deepEqual(extent([], 3), [-3.12, 3.12]);
});

test("the first range holds every point and has a unit of one length both ways", () => {
  const { x, y } = homeRange({ us: [-10, 10], vs: [0, 0] }, SIZE);
  assert.ok(x[0] < -10 && x[1] > 10);
  assert.ok(Math.abs((x[1] - x[0]) / (y[1] - y[0]) - 2) < 1e-12);
});

test("the camera shows all points until somebody moves it", () => {
  const camera = new Camera();
  camera.follow([CLOUD], SIZE);
  const { x, y } = camera.view(BOX);
  assert.ok(x[0] < -4 && x[1] > 4 && y[0] < -3.25 && y[1] > 3.25); // the 3-σ ring too
  assert.equal(camera.describe(), null);
  camera.take(0.5, 0, 0);
  assert.equal(camera.auto, false);
  const zoomed = camera.view(BOX);
  assert.ok(Math.abs(zoomed.x[1] - x[1] / 2) < 1e-12);
  assert.ok(camera.advance(16)); // a jump is told once
  assert.ok(!camera.advance(16));
});

test("zooming keeps the place under the pointer", () => {
  const camera = new Camera();
  camera.follow([CLOUD], SIZE);
  const before = camera.view(BOX).toPixel(1, 0.5);
  camera.take(0.3, 1, 0.5);
  const after = camera.view(BOX).toPixel(1, 0.5);
  for (const axis of [0, 1]) assert.ok(Math.abs(after[axis] - before[axis]) < 1e-9);
});

test("what is looked at stays the same at every size, by the shorter side", () => {
  const camera = new Camera();
  camera.begin({ u: 1, v: -1, reach: 2 });
  camera.follow([CLOUD], SIZE);
  assert.deepEqual(camera.view(BOX).y, [-3, 1]);
  camera.fit({ width: 100, height: 400 });
  assert.deepEqual(camera.describe(), { u: 1, v: -1, reach: 2 });
  assert.deepEqual(camera.view({ left: 0, top: 0, width: 100, height: 400 }).x, [-1, 3]);
});

test("a motion ends exactly at its goal", () => {
  const camera = new Camera();
  camera.follow([CLOUD], SIZE);
  camera.adopt({ u: 3, v: 2, reach: 1 });
  let steps = 0;
  while (camera.advance(16)) assert.ok(++steps < 1000);
  assert.ok(steps > 10);
  assert.deepEqual(camera.now, { u: 3, v: 2, unit: 0.02 });
  camera.adopt({ u: 0, v: 0, reach: -1 }); // nonsense is ignored
  assert.deepEqual(camera.describe(), { u: 3, v: 2, reach: 1 });
  camera.adopt(null);
  assert.ok(camera.auto);
});
