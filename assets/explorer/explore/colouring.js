// What colours the points of a map where it is not their class.

import { evenly } from "../core/random.js";

const ENDS_OF = 50_000; // points that the ends of a colour bar are read off, at most

// { array, title, low, high } of a colour that is named; the bar spans all but the outermost hundredth each side. Null of others.
export function colouring(colour, { arrays }, { rate, logVolume }) {
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
