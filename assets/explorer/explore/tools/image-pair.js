// A button with the image of a data point over its reconstruction.

import { classColour } from "../../plot/palette.js";
import { Picture } from "../../plot/picture.js";
import { pointName } from "../capabilities.js";

/** @import { MapFrame } from "../../data/frame.js" */

/**
 * @param {MapFrame} frame
 * @param {number} i the data point
 * @param {{ name: string, value: string } | null} cost shown below, in nats; null where the frame has none
 * @param {boolean} isDecoded with a picture for the reconstruction, which is painted later
 */
export function imagePair(frame, i, cost, isDecoded) {
  const { meta, arrays, given } = frame;
  const size = meta.image_shape.reduce((a, b) => a * b, 1);
  const button = document.createElement("button");
  button.className = "er-pair";
  button.dataset.point = String(i);
  button.title = `class ${meta.classes[arrays.labels[i]]}, ${pointName(frame, i)}${cost ? `: ${cost.name} ${cost.value} nats` : ""}`;
  button.ariaLabel = `${button.title}; the image and its reconstruction`;
  const picture = () => {
    const canvas = document.createElement("canvas");
    button.append(canvas);
    return new Picture(canvas, meta.image_shape);
  };
  if (given.images) picture().paint(arrays.images, 1 / 255, i * size);
  const reconstruction = isDecoded ? picture() : null;
  if (!button.firstChild) button.append(named(frame, i));
  if (cost) button.append(Object.assign(document.createElement("small"), { textContent: cost.value }));
  return { button, reconstruction };
}

/**
 * The class and the name of a data point, in place of an image.
 * @param {MapFrame} frame
 * @param {number} i
 */
function named(frame, i) {
  const dot = document.createElement("i");
  dot.style.background = classColour(frame.arrays.labels[i], frame.meta.classes.length);
  const name = document.createElement("span");
  name.append(dot, pointName(frame, i));
  return name;
}
