import assert from "node:assert/strict";
import { test } from "node:test";
import { Bins, dots, HIDDEN } from "../../assets/explorer/math/bins.js";

const RED_AND_BLUE = [255, 0, 0, 0, 0, 255];

/** @type {(us: number[], vs: number[], codes: number[]) => import("../../assets/explorer/math/bins.js").CodedPoints} */
const coded = (us, vs, codes) => ({ us: Float32Array.from(us), vs: Float32Array.from(vs), codes });

/** @param {number} pixel */
const rgba = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255, pixel >>> 24];

test("points are counted in the cells that they fall into, those outside nowhere", () => {
  const points = coded([0.1, 0.9, 1.5, -0.1, 2], [0.5, 0.5, 1.5, 0.5, 0.5], [0, 1, 1, 0, 0]);
  const bins = new Bins();
  bins.clear(2, 2);
  bins.add(points, 0, 5, [1, 0], [1, 0], RED_AND_BLUE);
  assert.deepEqual([...bins.counts], [2, 0, 0, 1]); // −0.1 and 2 are beyond the columns [0, 2)
  assert.equal(bins.total, 3);
  assert.deepEqual([...bins.sums.slice(0, 3)], [255, 0, 255]);
  bins.clear(2, 2);
  assert.deepEqual([bins.total, ...bins.counts], [0, 0, 0, 0, 0]);
});

test("hidden points do not count", () => {
  const bins = new Bins();
  bins.clear(1, 1);
  bins.add(coded([0.5, 0.5], [0.5, 0.5], [0, 1]), 0, 2, [1, 0], [1, 0], [HIDDEN, 0, 0, 0, 0, 255]);
  assert.equal(bins.total, 1);
});

test("a cell has the mean colour of its points and an opacity by the logarithm of their number", () => {
  const bins = new Bins();
  bins.clear(2, 1);
  bins.add(coded([0.5, 0.5, 0.5, 1.5], [0, 0, 0, 0], [0, 1, 1, 0]), 0, 4, [1, 0], [1, 0], RED_AND_BLUE);
  const pixels = new Uint32Array(8);
  bins.paint(pixels, 4, 2, 2); // cells of 2 × 2 pixels
  assert.deepEqual(rgba(pixels[0]), [85, 0, 170, Math.floor(0.97 * 255)]); // the fullest cell: opacity 0.97
  assert.equal(pixels[5], pixels[0]);
  const half = Math.floor((255 * 0.97 * Math.log(2)) / Math.log(4)); // ln(1 + 1) / ln(1 + 3)
  assert.deepEqual(rgba(pixels[2]), [255, 0, 0, half]);
});

test("a dot is a disc around its point, clipped at the edges, and later dots cover earlier ones", () => {
  const pixels = new Uint32Array(36);
  const points = coded([2.5, 6, 2.5], [2.5, 6, 2.5], [0, 0, 1]);
  dots(pixels, 6, 6, points, 0, 2, [1, 0], [1, 0], RED_AND_BLUE, 5, 1);
  const row = (/** @type {number} */ y) => Array.from(pixels.slice(6 * y, 6 * y + 6), (p) => (p ? "#" : ".")).join("");
  // the second is centred on the corner (6, 6): its upper left quarter is left
  assert.deepEqual([0, 1, 2, 3, 4, 5].map(row), [".###..", "#####.", "#####.", "#####.", ".###.#", "....##"]);
  dots(pixels, 6, 6, points, 2, 3, [1, 0], [1, 0], RED_AND_BLUE, 5, 1);
  assert.deepEqual(rgba(pixels[14]), [0, 0, 255, 255]);
});
