// Suggested images: those with the largest gaps, and those whose posterior has two modes. A click chooses one. And the image
// of the point under the pointer.

import { find, findAll } from "../core/dom.js";
import { Picture } from "../plot/picture.js";

/** @import { Frame } from "../data/frame.js" */

/**
 * Rows of the frame in the two groups of suggested images.
 * @typedef {{ worst?: number[], split?: number[] }} Examples
 */

/** @type {["worst" | "split", string, string][]} */
const GROUPS = [
  ["worst", "worst fits", "the largest gaps of all test images"],
  ["split", "two modes", "the largest gaps among posteriors with more than one mode"],
];

export class ImageStrip {
  /**
   * @param {HTMLElement} root
   * @param {(row: number, at: number) => void} choose called when an image is clicked
   */
  constructor(root, choose) {
    this.root = root;
    root.addEventListener("click", ({ target, timeStamp }) => {
      const button = target instanceof Element ? target.closest("[data-row]") : null;
      if (button instanceof HTMLElement) choose(Number(button.dataset.row), timeStamp);
    });
  }

  /**
   * @param {Examples} found
   * @param {Frame} frame the explorer's
   * @param {Map<number, number>} gaps gap in nats of each row
   */
  load(found, frame, gaps) {
    this.root.replaceChildren(
      ...GROUPS.flatMap(([key, name, title]) => {
        const rows = found[key] ?? [];
        if (!rows.length) return [];
        const group = Object.assign(document.createElement("div"), { className: `eb-group eb-${key}`, title });
        group.append(Object.assign(document.createElement("span"), { textContent: name }));
        group.append(...rows.map((row) => thumbnail(row, frame, gaps.get(row) ?? NaN)));
        return [group];
      }),
    );
  }

  /**
   * Marks the chosen image.
   * @param {number} image
   */
  show(image) {
    for (const button of findAll(this.root, "[data-row]"))
      button.setAttribute("aria-pressed", String(Number(button.dataset.row) === image));
  }
}

/**
 * @param {number} row
 * @param {Frame} frame
 * @param {number} gap
 */
function thumbnail(row, frame, gap) {
  const button = document.createElement("button");
  button.dataset.row = String(row);
  button.title = `test image ${frame.arrays.index[row]}, class ${frame.meta.classes[frame.arrays.labels[row]]}: gap ${gap.toFixed(2)} nats`;
  button.setAttribute("aria-label", button.title);
  const canvas = document.createElement("canvas");
  button.append(canvas);
  paintRow(canvas, frame, row);
  return button;
}

export class Peek {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Frame | null} */ this.frame = null;
    this.row = -1;
  }

  /** @param {Frame} frame */
  load(frame) {
    this.frame = frame;
    this.row = -1;
  }

  /**
   * Shows the image of a row at a pixel of the map; nothing where `row` is −1.
   * @param {number} row
   * @param {number} [x]
   * @param {number} [y]
   */
  show(row, x, y) {
    const { root, frame } = this;
    root.hidden = row < 0;
    if (row < 0 || !frame) return;
    if (this.row !== row) paintRow(find(root, "canvas", HTMLCanvasElement), frame, row);
    this.row = row;
    find(root, "span").textContent = `test image ${frame.arrays.index[row]}`;
    root.style.setProperty("--x", `${x}px`);
    root.style.setProperty("--y", `${y}px`);
  }
}

/**
 * Paints the held-out image of a row of the explorer's frame.
 * @param {HTMLCanvasElement} canvas
 * @param {Frame} frame
 * @param {number} row
 */
function paintRow(canvas, frame, row) {
  const { image_shape: shape } = frame.meta;
  new Picture(canvas, shape).paint(frame.arrays.images, 1 / 255, row * shape.reduce((a, b) => a * b, 1));
}
