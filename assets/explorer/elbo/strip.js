// Images worth a look: those whose q fits worst, and those whose posterior has two modes. A click chooses one. And the image
// of the point under the pointer.

import { Picture } from "../plot/picture.js";

const GROUPS = [
  ["worst", "worst fits", "the largest gaps of all test images"],
  ["split", "two modes", "the largest gaps among posteriors with more than one mode"],
];

export class Strip {
  // `choose(row, at)`: a click on an image.
  constructor(root, choose) {
    this.root = root;
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-row]");
      if (button) choose(Number(button.dataset.row), event.timeStamp);
    });
  }

  // `found` = { worst: [rows], split: [rows] } of the explorer's frame, `gaps` a Map from row to gap.
  load(found, frame, gaps) {
    this.root.replaceChildren(
      ...GROUPS.filter(([key]) => found[key]?.length).map(([key, name, title]) => {
        const group = Object.assign(document.createElement("div"), { className: `eb-group eb-${key}`, title });
        group.append(Object.assign(document.createElement("span"), { textContent: name }));
        group.append(...found[key].map((row) => thumbnail(row, frame, gaps.get(row))));
        return group;
      }),
    );
  }

  show(image) {
    for (const button of this.root.querySelectorAll("[data-row]"))
      button.setAttribute("aria-pressed", String(Number(button.dataset.row) === image));
  }
}

function thumbnail(row, frame, gap) {
  const button = document.createElement("button");
  button.dataset.row = row;
  button.title = `test image ${frame.arrays.index[row]}, class ${frame.meta.classes[frame.arrays.labels[row]]}: gap ${gap.toFixed(2)} nats`;
  button.setAttribute("aria-label", button.title);
  const canvas = document.createElement("canvas");
  button.append(canvas);
  paintRow(canvas, frame, row);
  return button;
}

export class Peek {
  constructor(root) {
    this.root = root;
  }

  load(frame) {
    this.frame = frame;
    this.row = -1;
  }

  // The image of a row at a place on the plane; none of row −1.
  show(row, x, y) {
    const { root, frame } = this;
    root.hidden = row < 0;
    if (row < 0) return;
    if (this.row !== row) paintRow(root.querySelector("canvas"), frame, row);
    this.row = row;
    root.querySelector("span").textContent = `test image ${frame.arrays.index[row]}`;
    root.style.setProperty("--x", `${x}px`);
    root.style.setProperty("--y", `${y}px`);
  }
}

// The held-out image of a row of the explorer's frame.
function paintRow(canvas, frame, row) {
  const { image_shape: shape } = frame.meta;
  new Picture(canvas, shape).paint(frame.arrays.images, 1 / 255, row * shape.reduce((a, b) => a * b, 1));
}
