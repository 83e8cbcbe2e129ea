import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { boxWithin, CanvasChart } from "../../assets/explorer/plot/canvas-chart.js";
import { Plot } from "../../assets/explorer/plot/chart.js";

const MARGIN = { left: 40, right: 10, top: 20, bottom: 24 };
const BOX = { left: 40, top: 20, width: 150, height: 56 };
const COLOURS = { text: "black", background: "white", accent: "teal", font: "sans-serif" };

/** @typedef {[name: string, ...given: unknown[]]} Call */

/** A context of a canvas that records which methods were called, and with what. */
function recorder() {
  /** @type {Call[]} */
  const calls = [];
  /** @type {Record<string, unknown>} */
  const known = { measureText: (/** @type {string} */ text) => ({ width: 7 * text.length }) };
  const proxy = new Proxy(known, {
    get: (target, name) =>
      target[String(name)] ?? ((/** @type {unknown[]} */ ...given) => void calls.push([String(name), ...given])),
  });
  const context = /** @type {CanvasRenderingContext2D} */ (/** @type {unknown} */ (proxy));
  return { context, calls, named: (/** @type {string} */ name) => calls.filter(([method]) => method === name) };
}

/** @param {number} width */
function fakeCanvas(width, height = 100) {
  const canvas = Object.assign(new EventTarget(), { clientWidth: width, clientHeight: height, width: 0, height: 0 });
  const { context, calls } = recorder();
  return Object.assign(canvas, { getContext: () => context, calls });
}

let themes = 0;

/** @extends {CanvasChart<unknown, typeof COLOURS>} */
class Recorded extends CanvasChart {
  /** @type {({ data: unknown } & object)[]} */
  painted = [];

  readColours() {
    themes++;
    return COLOURS;
  }

  /**
   * @param {CanvasRenderingContext2D} _context
   * @param {unknown} data
   * @param {object} frame
   */
  paint(_context, data, frame) {
    this.painted.push({ data, ...frame });
  }
}

/** @typedef {ReturnType<typeof fakeCanvas>} FakeCanvas */

const make = (/** @type {FakeCanvas} */ canvas, options = {}) =>
  new Recorded(/** @type {HTMLCanvasElement} */ (/** @type {unknown} */ (canvas)), { margin: MARGIN, ...options });

beforeEach(() => {
  themes = 0;
  Object.assign(globalThis, { window: { devicePixelRatio: 2 } });
});

test("the box is what the margin leaves of the canvas", () => {
  assert.deepEqual(boxWithin({ width: 200, height: 100 }, MARGIN), BOX);
});

test("a chart paints the data that are shown in the box of its canvas", () => {
  const canvas = fakeCanvas(200);
  const chart = make(canvas);
  chart.draw();
  assert.deepEqual(chart.painted, [], "nothing is shown yet");
  chart.show("some data");
  assert.deepEqual(chart.painted, [{ data: "some data", width: 200, height: 100, box: BOX, colours: COLOURS }]);
  assert.deepEqual([canvas.width, canvas.height], [400, 200], "as many pixels as its element covers on the screen");
});

test("a canvas that is too small stays empty until it is large enough", () => {
  const canvas = fakeCanvas(99);
  const chart = make(canvas, { least: { width: 100, height: 80 } });
  chart.show(1);
  assert.equal(chart.painted.length, 0);
  canvas.clientWidth = 100;
  chart.draw();
  assert.equal(chart.painted.length, 1);
  canvas.clientHeight = 79;
  chart.draw();
  assert.equal(chart.painted.length, 1);
});

test("a chart that was cleared stays empty", () => {
  const canvas = fakeCanvas(200);
  const chart = make(canvas);
  chart.show(0);
  assert.equal(chart.painted.length, 1, "0 is something to show");
  chart.clear();
  chart.draw();
  chart.retheme();
  assert.equal(chart.painted.length, 1);
  assert.equal(canvas.calls.at(-1)?.[0], "clearRect");
});

test("the colours are read once, and again when the theme has changed", () => {
  const chart = make(fakeCanvas(200));
  chart.show(1);
  chart.show(2);
  assert.equal(themes, 1);
  chart.retheme();
  assert.equal(themes, 2);
  assert.equal(chart.painted.at(-1)?.data, 2, "drawn at once");
});

test("a chart that hovers is painted again where the pointer moves", () => {
  const at = (/** @type {string} */ type, /** @type {number[]} */ ...[offsetX, offsetY]) =>
    Object.assign(new Event(type), { offsetX, offsetY });
  const canvas = fakeCanvas(200);
  const chart = make(canvas, { hovers: true });
  chart.show(1);
  canvas.dispatchEvent(at("pointermove", 12, 34));
  assert.deepEqual(chart.hover, [12, 34]);
  canvas.dispatchEvent(at("pointerleave"));
  assert.equal(chart.hover, null);
  assert.equal(chart.painted.length, 3);

  const still = fakeCanvas(200);
  const other = make(still);
  other.show(1);
  still.dispatchEvent(at("pointermove", 12, 34));
  assert.equal(other.painted.length, 1);
});

test("a plot draws at the pixels of its values", () => {
  const { context, named } = recorder();
  const plot = new Plot(context, BOX, { x: [0, 10], y: [-1, 1] }, COLOURS);
  assert.deepEqual([plot.right, plot.bottom], [190, 76]);
  assert.deepEqual([plot.x(0), plot.x(10), plot.y(1), plot.y(-1)], [40, 190, 20, 76]);
  assert.equal(plot.at(plot.x(7)), 7);
  plot.horizontal(0);
  plot.vertical(5);
  assert.deepEqual(named("moveTo"), [
    ["moveTo", 40, 48],
    ["moveTo", 115, 20],
  ]);
  assert.deepEqual(named("lineTo"), [
    ["lineTo", 190, 48],
    ["lineTo", 115, 76],
  ]);
  plot.dot(5, 0, "red", 3);
  assert.deepEqual(named("arc"), [["arc", 115, 48, 3, 0, 2 * Math.PI]]);
  assert.equal(plot.title("rate, nats"), 70);
  assert.deepEqual(named("fillText"), [["fillText", "rate, nats", 4, 9]]);
});
