import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, duration, rounded, short, signed, whole } from "../../assets/explorer/core/format.js";

test("numbers have a minus sign of their own, not a hyphen", () => {
  assert.equal(signed(-1.234), "−1.23");
  assert.equal(signed(1.235, 1), "1.2");
  assert.equal(signed(-0), "0.00");
  assert.equal(short(-0.5), "−0.5");
});

test("three significant digits, and no decimals from 100 on", () => {
  assert.deepEqual([0, 0.012345, 1.2345, 99.96, 123.456, 1234.5].map(short), [
    "0",
    "0.0123",
    "1.23",
    "100",
    "123.456",
    "1234.5",
  ]);
});

test("very large and very small numbers have an exponent", () => {
  assert.deepEqual([123456, 0.00001234, 1e5, 1e-4].map(short), ["1.23e5", "1.23e−5", "1e5", "0.0001"]);
});

test("counts are whole up to ten thousand, then in thousands and millions", () => {
  assert.deepEqual([950, 9999, 10000, 12345, 4.56e6].map(count), ["950", "9,999", "10k", "12.3k", "4.56M"]);
  assert.equal(count(NaN), "NaN");
  assert.equal(whole(12345.6), "12,346");
});

test("durations are in the two largest units", () => {
  assert.deepEqual([0.4, 1, 59.4, 59.6, 605, 3600, 7384].map(duration), [
    "under 1 s",
    "1 s",
    "59 s",
    "1:00 min",
    "10:05 min",
    "1 h 0 min",
    "2 h 3 min",
  ]);
});

test("sizes are in MB or GB of 10⁶ and 10⁹ bytes", () => {
  assert.deepEqual([1.2e7, 9.99e8, 1.25e9, 0].map(bytes), ["12 MB", "999 MB", "1.3 GB", "0 MB"]);
});

test("a number is rounded to decimals as a number", () => assert.equal(rounded(1.2345, 2), 1.23));
