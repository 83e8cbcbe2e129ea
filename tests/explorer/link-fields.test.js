import assert from "node:assert/strict";
import { test } from "node:test";
import { readHidden, readLook, readPoint, readZ, writtenLook } from "../../assets/explorer/core/link-fields.js";
import {
  CORNERS,
  FIELDS,
  firstChoices,
  isSpatial,
  LARGEST_SEED,
  written,
} from "../../assets/explorer/explore/fields.js";

const BOUNDS = { k: 3, classes: 10, count: 100 };

/**
 * What a field reads in each of the texts.
 * @param {keyof typeof FIELDS} name
 * @param {string[]} texts
 */
const readings = (name, texts) => texts.map((text) => FIELDS[name].read(text, BOUNDS));

test("z has as many numbers as the space has dimensions, none of them beyond 10⁶", () => {
  assert.deepEqual(readZ("0.5,-1,2e3", 3), Float64Array.of(0.5, -1, 2000));
  for (const text of ["", "1,2", "1,2,3,4", "1,,3", "1,x,3", "NaN,0,0", "Infinity,0,0", "0,0,1000001"])
    assert.equal(readZ(text, 3), undefined, text);
});

test("a point is the index of one of the points", () => {
  assert.equal(readPoint("99", BOUNDS), 99);
  for (const text of ["100", "-1", "1.0", "007", "1e1", ""]) assert.equal(readPoint(text, BOUNDS), undefined, text);
});

test("hidden classes are a list without repetition", () => {
  assert.deepEqual(readHidden("3,1,3", BOUNDS), [3, 1]);
  assert.deepEqual(readHidden("", BOUNDS), []);
  assert.equal(readHidden("3,10", BOUNDS), undefined);
});

test("a viewport has a positive reach", () => {
  assert.deepEqual(readLook("1,-2,0.5"), { u: 1, v: -2, reach: 0.5 });
  assert.equal(writtenLook({ u: 1, v: -2, reach: 0.5 }), "1,-2,0.5");
  for (const text of [null, "", "1,2", "1,2,0", "1,2,-3", "1,2,1e-7", "2e6,0,1", "1,2,3,4"])
    assert.equal(readLook(text), null, String(text));
});

test("words are accepted only if the control has them", () => {
  assert.deepEqual(readings("colour", ["rate", "price", "__proto__", ""]), ["rate", undefined, undefined, undefined]);
  assert.deepEqual(readings("zones", ["none", "9", "10", "all"]), ["none", "9", undefined, "all"]);
});

test("numbers are checked against their range and rounded to their digits", () => {
  assert.deepEqual(readings("scale", ["0.5", "3", "3.01", "1.005", "1,2", ""]), [
    0.5,
    3,
    undefined,
    1,
    undefined,
    undefined,
  ]);
  assert.deepEqual(readings("seed", [`${LARGEST_SEED}`, `${LARGEST_SEED + 1}`, "1.6"]), [LARGEST_SEED, undefined, 2]);
});

test("a plane is named by dimensions that exist and differ", () => {
  const texts = ["pca", "3d", "0,2", "2,2", "0,3", "0,1,2", "0", "tsne"];
  // three dimensions of three are all of them: only "3d" names that space
  assert.deepEqual(readings("plane", texts), ["pca", "3d", "0,2", undefined, undefined, undefined, undefined, "tsne"]);
  assert.equal(FIELDS.plane.read("0,1,2", { ...BOUNDS, k: 4 }), "0,1,2");
  assert.equal(FIELDS.plane.read("pca", { ...BOUNDS, k: 2 }), undefined);
  assert.deepEqual(["3d", "0,1,2", "0,1", "pca"].map(isSpatial), [true, true, false, false]);
});

test("an orientation is two orthonormal directions", () => {
  assert.deepEqual(readings("turn", ["0.6,0.8,0,-0.8,0.6,0"]), [[0.6, 0.8, 0, -0.8, 0.6, 0]]);
  assert.deepEqual(readings("turn", ["1,0,0,1,0,0", "2,0,0,0,1,0", "1,0,0,0,1"]), [undefined, undefined, undefined]);
});

test("a shape has two corners or more, up to a limit", () => {
  assert.deepEqual(readings("shape", ["0,1,2,3"]), [
    [
      [0, 1],
      [2, 3],
    ],
  ]);
  const corners = (/** @type {number} */ n) => Array.from({ length: n }, (_, i) => `${i},0`).join(",");
  assert.equal(FIELDS.shape.read(corners(CORNERS), BOUNDS)?.length, CORNERS);
  assert.deepEqual(readings("shape", ["0,1", "0,1,2", corners(CORNERS + 1)]), [undefined, undefined, undefined]);
});

test("an end of a path is a point or a z, and is written as it is read", () => {
  for (const text of ["point7", "0.25,-1,3"]) {
    const end = FIELDS.from.read(text, BOUNDS);
    assert.ok(end);
    assert.equal(written("from", end), text);
  }
  assert.deepEqual(readings("from", ["point100", "point-1", "1,2"]), [undefined, undefined, undefined]);
});

test("every initial value is written as a text that is read as the same value", () => {
  const first = firstChoices(3);
  for (const name of /** @type {(keyof typeof FIELDS)[]} */ (Object.keys(FIELDS))) {
    const text = written(name, first[name]);
    if (text && name !== "posterior") assert.deepEqual(FIELDS[name].read(text, BOUNDS), first[name], String(name));
  }
  assert.equal(firstChoices(2).plane, "0,1");
  assert.equal(first.plane, "pca");
});
