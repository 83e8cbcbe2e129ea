import assert from "node:assert/strict";
import { test } from "node:test";
import { bounded, quantised, strokesOfText, textOfStrokes } from "../../assets/explorer/widgets/strokes.js";

/** @import { PadPoint } from "../../assets/explorer/widgets/pad.js" */

const wave = (/** @type {number} */ points) =>
  Array.from({ length: points }, (_, i) =>
    quantised(/** @type {PadPoint} */ ([0.5 + 0.4 * Math.cos(i / 9), 0.5 + 0.4 * Math.sin(i / 7)])),
  );

test("strokes become text and come back to the last digit", () => {
  const drawings = [[wave(1)], [wave(40), wave(3)], [[quantised([-1.7, 1.9]), quantised([1.9, -1.9])]]];
  for (const strokes of drawings) assert.deepEqual(strokesOfText(textOfStrokes(strokes)), strokes);
  assert.match(textOfStrokes([wave(40), wave(3)]), /^[\w.-]+$/);
});

test("points are on a grid, and never far from the pad", () => {
  assert.deepEqual(quantised([0.25, 1 / 3]), [0.25, 171 / 512]);
  assert.deepEqual(quantised([1e9, -1e9]), [2, -2]);
});

test("a drawing that is too long for a link loses points, and its first strokes only where that is not enough", () => {
  const short = [wave(50)];
  assert.equal(bounded(short), short);
  const fewer = bounded([wave(9000)]);
  assert.equal(fewer.length, 1);
  const text = textOfStrokes(fewer);
  assert.ok(text.length <= 4000);
  assert.deepEqual(strokesOfText(text), fewer);
  const dots = bounded(Array.from({ length: 3000 }, (_, i) => [quantised([(i % 60) / 60, i / 3000])]));
  assert.ok(dots.length > 400);
  assert.deepEqual(dots.at(-1)?.[0], quantised([59 / 60, 2999 / 3000]));
});

test("what is no drawing is none", () => {
  for (const text of ["", "A", "AAA", "A!", "..", "AA.", "é", "g".repeat(9), `${"____A".repeat(2)}`, "AA".repeat(2001)])
    assert.equal(strokesOfText(text), undefined, text.slice(0, 20));
});
