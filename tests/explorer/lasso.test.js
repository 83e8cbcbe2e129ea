import assert from "node:assert/strict";
import { test } from "node:test";
import { GridIndex, shownClasses } from "../../assets/explorer/math/grid-index.js";
import { box, within } from "../../assets/explorer/math/lasso.js";
import { cornersOf } from "../../assets/explorer/math/outline.js";

// the points of a chequered board, (0, 0) to (9, 9): point i is at (i % 10, ⌊i / 10⌋), of class i % 2
const US = Float32Array.from({ length: 100 }, (_, i) => i % 10);
const VS = Float32Array.from({ length: 100 }, (_, i) => Math.floor(i / 10));
const INDEX = new GridIndex(
  US,
  VS,
  US.map((u) => u % 2),
);

test("a box takes the points within it, whichever corners it was drawn from", () => {
  const expected = [22, 23, 32, 33];
  assert.deepEqual([...within(box([1.5, 1.5], [3.5, 3.5]), INDEX)], expected);
  assert.deepEqual([...within(box([3.5, 1.5], [1.5, 3.5]), INDEX)], expected);
});

test("only points of classes that are shown are taken", () => {
  assert.deepEqual([...within(box([1.5, 1.5], [3.5, 3.5]), INDEX, shownClasses([1]))], [22, 32]);
});

test("what a line encloses twice is outside", () => {
  /** @type {[number, number][]} */
  const twice = [...box([0.5, 0.5], [4.5, 4.5]), [0.5, 0.5], ...box([1.5, 1.5], [3.5, 3.5]), [1.5, 1.5]];
  const taken = within(twice, INDEX);
  assert.equal(taken.length, 16 - 4);
  assert.ok(!taken.includes(22));
});

test("the points that touch a box are in the spans of the grid", () => {
  /** @type {number[]} */
  const found = [];
  INDEX.spans([2, 3], [5, 5], (from, to) => found.push(...INDEX.order.subarray(from, to)));
  assert.ok(found.includes(52) && found.includes(53));
});

test("the nearest point, the first of equally near ones, and none where every class is hidden", () => {
  assert.equal(INDEX.nearest(3.2, 7.9), 83);
  assert.equal(INDEX.nearest(3.2, 7.9, shownClasses([1])), 84); // (4, 8): 0.8 away; (2, 8) is 1.2 away
  assert.equal(INDEX.nearest(0.5, 0.5), 0);
  assert.equal(INDEX.nearest(-1e4, 1e4), 90);
  assert.equal(INDEX.nearest(0, 0, shownClasses([0, 1])), -1);
  assert.equal(new GridIndex(new Float32Array(0), new Float32Array(0)).nearest(0, 0), -1);
});

test("the only point within a radius", () => {
  assert.equal(INDEX.only(3.1, 3, 0.5), 33);
  assert.equal(INDEX.only(3.5, 3, 0.6), -1); // two of them
  assert.equal(INDEX.only(3.5, 3.5, 0.5), -1); // none
});

test("a line keeps its ends and the corner furthest from the straight way", () => {
  /** @type {[number, number][]} */
  const bent = [
    [0, 0],
    [1, 0.01],
    [2, 0],
    [2, 1],
    [2, 2],
  ];
  assert.deepEqual(cornersOf(bent, 10, 0.1), [
    [0, 0],
    [2, 0],
    [2, 2],
  ]);
  assert.equal(cornersOf(bent, 10, 0.001).length, 4);
  assert.equal(cornersOf(bent, 2, 0).length, 2);
});
