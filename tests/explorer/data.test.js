import assert from "node:assert/strict";
import { test } from "node:test";
import { expand } from "../../assets/explorer/data/half.js";

test("float16 numbers, by their bits", () => {
  // sign, 5 bits of exponent with bias 15, 10 bits of fraction
  const bits = Uint16Array.of(0x0000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0x0001, 0x0400, 0x7c00, 0xfc00, 0x8000);
  const third = (1024 + 0x155) / 4096; // the float16 number nearest to 1/3
  assert.deepEqual([...expand(bits)], [0, 1, -2, third, 65504, 2 ** -24, 2 ** -14, Infinity, -Infinity, -0]);
  assert.ok(Number.isNaN(expand(Uint16Array.of(0x7e00))[0]));
});
