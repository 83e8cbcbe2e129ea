import assert from "node:assert/strict";
import { test } from "node:test";
import { evenly, evenShare, Random } from "../../assets/explorer/core/random.js";

test("the bits are those of xoshiro128**", () => {
  const random = new Random(0);
  random.state = Int32Array.of(1, 2, 3, 4);
  // by hand: rotl(2 · 5, 7) · 9 = 1280 · 9 = 11520; then s = [7, 0, 1026, rotl(4 ^ 2, 11) = 12288], of which s[1] = 0
  // gives 0; then s = [12295, 1029, 1025, 25165824 = rotl(12288, 11)], of which s[1] gives rotl(5145, 7) · 9 = 5927040
  assert.deepEqual([random.bits(), random.bits(), random.bits()], [11520, 0, 5927040]);
});

test("the same seed gives the same draws, another seed others", () => {
  assert.deepEqual(new Random(7).normals(5), new Random(7).normals(5));
  assert.notDeepEqual(new Random(7).normals(5), new Random(8).normals(5));
});

test("uniform draws lie in [0, 1) with mean 1/2 and variance 1/12", () => {
  const random = new Random(1);
  const drawn = Array.from({ length: 100_000 }, () => random.uniform());
  const mean = drawn.reduce((a, b) => a + b) / drawn.length;
  const variance = drawn.reduce((a, b) => a + (b - mean) ** 2, 0) / drawn.length;
  assert.ok(drawn.every((v) => v >= 0 && v < 1));
  assert.ok(Math.abs(mean - 1 / 2) < 0.004); // four standard errors: 4 · √(1/12 / 10⁵)
  assert.ok(Math.abs(variance - 1 / 12) < 0.001); // likewise: the variance of (u − ½)² is 1/180
});

test("shares are multiples of the golden ratio, without their whole part", () => {
  const golden = (Math.sqrt(5) - 1) / 2;
  // the integer multiplier is 8 below golden · 2³²: 1000 of them are off by 8000 / 2³²
  for (const i of [0, 1, 2, 1000]) assert.ok(Math.abs(evenShare(i) - ((i * golden) % 1)) < 2e-6, String(i));
});

test("of many items one is chosen from each of equal stretches, in order", () => {
  const chosen = [...evenly(1003, 10)];
  assert.equal(chosen.length, 10);
  chosen.forEach((at, i) => {
    assert.ok(at >= Math.floor(i * 100.3) && at < Math.floor((i + 1) * 100.3), `${i}: ${at}`);
  });
  assert.deepEqual([...evenly(3, 10)], [0, 1, 2]);
  assert.deepEqual([...evenly(0, 10)], []);
});
