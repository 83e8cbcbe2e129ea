import assert from "node:assert/strict";
import { test } from "node:test";
import { between, eased } from "../../assets/explorer/core/glide.js";
import { descriptionOf, hashOf } from "../../assets/explorer/core/view.js";

test("a description goes into a link and back", () => {
  const description = { beta: "0.5", z: "0.5,-1", run: "täglich & mehr" };
  assert.equal(hashOf({ beta: "0.5", z: "0.5,-1" }), "beta=0.5&z=0.5,-1");
  assert.deepEqual(descriptionOf(`#${hashOf(description)}`), description);
  assert.deepEqual(descriptionOf(""), {});
});

test("between two places are the numbers of a straight line, and at its end exactly the last", () => {
  assert.equal(between(1, 3, 0.25), 1.5);
  assert.equal(between(0.1, 0.3, 1), 0.3);
  assert.deepEqual(between([0, 10], [1, 20], 0.5), [0.5, 15]);
  assert.deepEqual(between(Float64Array.of(0.1), Float64Array.of(0.7), 1), Float64Array.of(0.7));
});

test("a motion is slow at both ends", () => {
  assert.deepEqual([0, 0.5, 1].map(eased), [0, 0.5, 1]);
  assert.ok(eased(0.1) < 0.05);
  assert.ok(eased(0.9) > 0.95);
});
