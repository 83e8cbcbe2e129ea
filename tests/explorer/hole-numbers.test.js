import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../assets/explorer/core/random.js";
import { HoleNumbers } from "../../assets/explorer/explore/hole-numbers.js";

/** As much of an element as the numbers need. */
const element = () =>
  /** @type {HTMLElement} */ (/** @type {unknown} */ ({ dataset: {}, innerHTML: "", addEventListener() {} }));

/** @param {number} ms */
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

test("numbers of holes are left when nobody looks and found when somebody does", async () => {
  const random = new Random(0);
  const arrays = { mu: random.normals(400), logvar: random.normals(400), labels: new Uint8Array(200) };
  const frame = /** @type {import("../../assets/explorer/data/frame.js").MapFrame} */ (
    /** @type {unknown} */ ({ count: 200, arrays, meta: { name: "a map", latent_dim: 2 } })
  );
  const root = element();
  const numbers = new HoleNumbers(root, element());
  numbers.movedAt = -Infinity; // the pointer rests
  numbers.show(frame, []);
  numbers.stop();
  await wait(30);
  assert.deepEqual([numbers.slices.work, root.dataset.ready], [null, undefined]);
  numbers.show(frame, []);
  while (root.dataset.ready !== "") await wait(10);
  const text = root.innerHTML;
  assert.match(text, /of the prior’s mass/);
  numbers.stop();
  numbers.show(frame, []);
  assert.equal(root.innerHTML, text); // not computed again
});
