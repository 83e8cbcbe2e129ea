import assert from "node:assert/strict";
import { test } from "node:test";
import { finished, pieces, Slices } from "../../assets/explorer/core/slices.js";
import { afterPaint, measure } from "../../assets/explorer/core/timing.js";

const painted = () => /** @type {Promise<void>} */ (new Promise((resolve) => afterPaint(resolve)));

/** @param {number} ms */
function work(ms) {
  for (const end = performance.now() + ms; performance.now() < end; );
}

test("long work is interrupted every few milliseconds and comes to its end", async () => {
  const slices = new Slices();
  let [done, others] = [0, 0];
  slices.run(
    pieces(() => {
      work(1);
      return ++done < 30;
    }),
  );
  assert.equal(done, 0); // not within the call
  while (slices.work) {
    await painted();
    others++;
  }
  assert.equal(done, 30);
  assert.ok(others >= 5, `${others}`); // 30 ms in slices of 4 ms
});

test("new work takes the place of what was going on, and stop ends it", async () => {
  const slices = new Slices();
  /** @type {string[]} */
  const told = [];
  const telling = (/** @type {string} */ name, more = true) =>
    pieces(() => {
      told.push(name);
      return more;
    });
  slices.run(telling("first"));
  slices.run(telling("second", false));
  while (slices.work) await painted();
  assert.deepEqual(told, ["second"]);
  slices.run(telling("third"));
  slices.stop();
  await painted();
  assert.deepEqual(told, ["second"]);
});

test("a generator that runs to its end at once returns its value", () => {
  function* counted() {
    yield 1;
    yield 2;
    return "three";
  }
  assert.equal(finished(counted()), "three");
  let left = 3;
  assert.equal([...pieces(() => --left > 0)].length, 2);
});

test("measures of a long session do not pile up", () => {
  for (let i = 0; i < 5300; i++) measure("elbo-room:decode", performance.now());
  const kept = performance.getEntriesByName("elbo-room:decode").length;
  assert.ok(kept > 0 && kept <= 500, `${kept}`);
});
