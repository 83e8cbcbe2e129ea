// What colours the points of a map where it is not their class.

/** @import { PointCosts } from "./explorer.js" */
/** @import { MapFrame } from "../data/frame.js" */

import { evenly } from "../core/random.js";

const ENDS_OF = 50_000; // points, at most, that the ends of a colour bar are estimated from

/**
 * A number for every point, shown as its colour; the colour bar goes from `low` to `high`.
 * @typedef {{ array: Float32Array, title: string, low: number, high: number }} PointValues
 */

/**
 * The values of a colour that is a number; the bar leaves out the outermost hundredth at each end. Null for the class.
 * @param {string} colour
 * @param {MapFrame} frame
 * @param {PointCosts} costs
 * @returns {PointValues | null}
 */
export function colouring(colour, { arrays }, { rate, logVolume }) {
  /** @type {Record<string, [Float32Array, string]>} */
  const choices = {
    rate: [rate, "rate, nats"],
    distortion: [arrays.distortion, "distortion, nats"],
    volume: [logVolume, "ln posterior volume, Σ ln σ"],
  };
  if (!(colour in choices)) return null;
  const [array, title] = choices[colour];
  const sorted = Float32Array.from(evenly(array.length, ENDS_OF), (i) => array[i]).sort();
  return {
    array,
    title,
    low: sorted[Math.floor(0.01 * (sorted.length - 1))],
    high: sorted[Math.ceil(0.99 * (sorted.length - 1))],
  };
}
