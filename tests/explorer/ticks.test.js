import assert from "node:assert/strict";
import { test } from "node:test";
import { niceStep, ticks } from "../../assets/explorer/plot/ticks.js";
import { LogScale } from "../../assets/explorer/widgets/scale.js";

test("steps are 1, 2 or 5 times a power of ten", () => {
  assert.deepEqual([0.11, 0.2, 0.3, 1, 4, 6].map(niceStep), [0.2, 0.2, 0.5, 1, 5, 10]);
});

test("ticks are the round numbers of a range, its ends included, without the noise of floating point", () => {
  assert.deepEqual(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticks(-0.31, 0.31, 6), [-0.2, 0, 0.2]);
  assert.deepEqual(ticks(0.1, 0.3, 2), [0.1, 0.2, 0.3]);
  assert.deepEqual(ticks(995, 1012, 4), [995, 1000, 1005, 1010]);
});

test("where there is no range there are no ticks", () => {
  for (const [low, high, count] of [
    [1, 1, 5],
    [2, 1, 5],
    [0, 1, 0],
    [NaN, 1, 5],
  ])
    assert.deepEqual(ticks(low, high, count), []);
});

test("positions of a logarithmic slider", () => {
  const scale = new LogScale(0.01, 100);
  assert.equal(scale.position(1), 0.5);
  assert.equal(scale.value(0.5), 1);
  assert.equal(scale.value(0.25), 0.1);
  assert.deepEqual([scale.position(1e-9), scale.position(1e9)], [0, 1]);
});

test("a slider with a zero has it at the left end, and the smallest value next to it", () => {
  const scale = new LogScale(0.01, 100, { zero: true, named: [1] });
  assert.deepEqual([scale.value(0), scale.value(0.02), scale.value(0.06)], [0, 0, 0.01]);
  assert.equal(scale.position(0), 0);
  assert.equal(scale.position(1), 0.06 + 0.94 / 2);
  assert.equal(scale.value(0.06 + 0.47 + 0.011), 1); // caught by the named value
  assert.notEqual(scale.value(0.06 + 0.47 + 0.013), 1);
});

test("arrow keys go from every value to the next one, over named values, up to the ends", () => {
  for (const scale of [
    new LogScale(0.001, 100, { zero: true, named: [0.01, 0.1, 1, 10, 100] }),
    new LogScale(1e-5, 0.1, { named: [1e-4, 1e-3, 1e-2] }),
  ])
    for (const direction of /** @type {const} */ ([1, -1])) {
      const passed = [direction > 0 ? scale.value(0) : scale.value(1)];
      for (;;) {
        const next = scale.next(passed[passed.length - 1], direction);
        if (next === passed[passed.length - 1]) break;
        assert.ok((next - passed[passed.length - 1]) * direction > 0);
        passed.push(next);
      }
      assert.equal(passed.at(-1), direction > 0 ? scale.value(1) : scale.value(0));
      for (const named of scale.named) assert.ok(passed.includes(named), `${named} is passed over`);
    }
});
