import assert from "node:assert/strict";
import { test } from "node:test";
import { contour } from "../../assets/explorer/math/contours.js";

/**
 * The segments of a contour, each with its ends in order, sorted.
 * @param {number[]} values
 * @param {number} columns
 * @param {number} level
 */
function segments(values, columns, level) {
  const flat = contour(Float64Array.from(values), columns, level);
  const found = [];
  for (let i = 0; i < flat.length; i += 4)
    found.push([`${flat[i]},${flat[i + 1]}`, `${flat[i + 2]},${flat[i + 3]}`].sort().join(" "));
  return found.sort();
}

test("a line crosses a side where linear interpolation has the level", () => {
  // 0 at the left, 4 at the right: the level 1 is a quarter of the way
  assert.deepEqual(segments([0, 4, 0, 4], 2, 1), ["0.25,0 0.25,1"]);
  assert.deepEqual(segments([0, 0, 4, 4], 2, 1), ["0,0.25 1,0.25"]); // rows count upwards in the array's order
  assert.deepEqual(segments([3, 1, 1, 1], 2, 2), ["0,0.5 0.5,0"]);
});

test("around a peak the line is closed", () => {
  const values = [0, 0, 0, 0, 2, 0, 0, 0, 0];
  assert.deepEqual(segments(values, 3, 1), ["0.5,1 1,0.5", "0.5,1 1,1.5", "1,0.5 1.5,1", "1,1.5 1.5,1"]);
});

test("at a saddle the mean of the corners says which two are one region", () => {
  // corners a (0,0) and c (1,1) high: with mean above the level the lines cut off b (1,0) and d (0,1)
  assert.deepEqual(segments([4, 0, 0, 4], 2, 1), ["0,0.75 0.25,1", "0.75,0 1,0.25"]);
  assert.deepEqual(segments([4, 0, 0, 4], 2, 3), ["0,0.25 0.25,0", "0.75,1 1,0.75"]);
  assert.deepEqual(segments([0, 4, 4, 0], 2, 1), ["0,0.25 0.25,0", "0.75,1 1,0.75"]);
});

test("a level outside of all values has no line", () => {
  assert.deepEqual(segments([0, 1, 2, 3], 2, 9), []);
  assert.deepEqual(segments([0, 1, 2, 3], 2, -9), []);
});
