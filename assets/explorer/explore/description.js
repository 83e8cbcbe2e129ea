// The picture under the lens in words, for people who do not see it: made once the lens rests, and read out by a screen
// reader where keys moved the lens.

/** @import { FrameArrays } from "../data/frame.js" */

import { signed } from "../core/format.js";
import { Slices } from "../core/slices.js";
import { shownClasses } from "../math/grid-index.js";
import { Nearest } from "../math/neighbours.js";

const REST = 350; // ms after which the lens counts as resting
const AROUND = 10; // nearest data points of which the classes are counted
const SHOWN = 4; // coordinates of z that are read out
const PIECE = 50_000; // numbers compared between two interruptions

/**
 * What is under the lens.
 * @typedef {object} UnderLens
 * @property {Float64Array} z
 * @property {Float32Array} means of the data points, row by row
 * @property {FrameArrays["labels"]} labels of the data points
 * @property {number[]} hidden classes
 * @property {string[]} classes names of all classes
 * @property {boolean} decoded the picture is z decoded, and not a data point
 */

export class Description {
  /**
   * @param {HTMLCanvasElement} picture that of the lens
   * @param {HTMLElement} voice screen readers read it out when it changes
   */
  constructor(picture, voice) {
    this.picture = picture;
    this.voice = voice;
    /** The next description is read out. */
    this.aloud = false;
    this.slices = new Slices();
    /** @type {number | undefined} */
    this.timer = undefined;
  }

  /**
   * Describes what is under the lens, once that rests.
   * @param {() => UnderLens} read called then
   */
  later(read) {
    this.stop();
    this.timer = setTimeout(() => this.slices.run(this.describe(read())), REST);
  }

  /**
   * Searches the data around z in pieces, for there may be a million of them.
   * @param {UnderLens} under
   */
  *describe(under) {
    const { means, labels, hidden } = under;
    const z = under.z.slice(); // the lens may move on meanwhile
    const nearest = new Nearest(means, z.length, z, AROUND, { labels, shown: shownClasses(hidden) });
    while (nearest.step(Math.ceil(PIECE / z.length))) yield;
    const text = inWords({ ...under, z }, classesOf(nearest.found, labels));
    this.picture.ariaLabel = text;
    if (this.aloud) this.voice.textContent = text;
    this.aloud = false;
  }

  stop() {
    clearTimeout(this.timer);
    this.slices.stop();
  }

  /** Has the next description read out: keys move the lens. */
  speak() {
    this.aloud = true;
  }
}

/**
 * @param {UnderLens} under
 * @param {[label: number, count: number][]} near
 */
function inWords({ z, classes, decoded }, near) {
  const numbers = Array.from(z.subarray(0, SHOWN), (v) => signed(v));
  const at = `z = (${numbers.join(", ")}${z.length > SHOWN ? ", …" : ""})`;
  const what = decoded ? `Image decoded at ${at}` : `Image of the data point nearest to ${at}`;
  if (!near.length) return `${what}. No data are shown.`;
  const classCounts = near.map(([label, count]) => `${count} of class ${classes[label]}`).join(", ");
  return `${what}, ${Math.hypot(...z).toFixed(1)} σ from the middle. Nearest in z: ${classCounts}.`;
}

/**
 * Of every class how many of the points found belong to it, the most frequent first.
 * @param {{ index: number }[]} found
 * @param {ArrayLike<number>} labels
 * @returns {[label: number, count: number][]}
 */
function classesOf(found, labels) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const { index } of found) counts.set(labels[index], (counts.get(labels[index]) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
