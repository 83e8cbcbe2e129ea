// The numbers of a selection: points of each class, mean distortion, rate and elbo, and the mean rate of each dimension.

import { find } from "../../core/dom.js";
import { rounded, signed, whole } from "../../core/format.js";
import { subscript } from "../../math/projection.js";
import { classColour } from "../../plot/palette.js";

/** @import { MapFrame } from "../../data/frame.js" */

/**
 * What `summary` of math/selection.js returns: points of each class, and means in nats.
 * @typedef {{ byClass: number[], ratePerDim: Float64Array, distortion: number, rate: number }} Summary
 */

/**
 * @param {HTMLElement} root the panel of the tool
 * @param {MapFrame} frame
 * @param {number} selected points
 * @param {Summary} summary
 */
export function showNumbers(root, { meta, count, given }, selected, { byClass, ratePerDim, distortion, rate }) {
  find(root, ".er-counted").textContent = `${whole(selected)} of ${whole(count)} ${given.images ? "images" : "points"}`;
  showClasses(find(root, ".er-class-counts"), meta, byClass);
  find(root, ".er-mean-distortion").textContent = signed(distortion);
  find(root, ".er-mean-rate").textContent = signed(rate);
  find(root, ".er-mean-elbo").textContent = signed(-rounded(distortion, 2) - rounded(rate, 2)); // the sum of what is printed
  const most = Math.max(...ratePerDim, 1e-9);
  find(root, ".er-rates").replaceChildren(
    ...Array.from(ratePerDim, (value, d) => {
      const row = document.createElement("span");
      row.innerHTML = `<i style="width:${(100 * value) / most}%"></i><b>${subscript("z", d + 1)}</b> ${value.toFixed(2)} nats`;
      return row;
    }),
  );
}

/**
 * One bar, with a part for each class that has points.
 * @param {HTMLElement} root
 * @param {MapFrame["meta"]} meta
 * @param {number[]} byClass
 */
function showClasses(root, { classes }, byClass) {
  const counts = byClass.map((count, c) => ({ count, c })).filter(({ count }) => count);
  root.setAttribute("aria-label", counts.map(({ count, c }) => `class ${classes[c]}: ${count}`).join(", "));
  root.replaceChildren(
    ...counts.map(({ count, c }) => {
      const bar = document.createElement("span");
      bar.style.flexGrow = String(count);
      bar.style.setProperty("--class", classColour(c, classes.length));
      bar.title = `class ${classes[c]}: ${whole(count)}`;
      bar.dataset.count = String(count);
      bar.append(Object.assign(document.createElement("b"), { textContent: classes[c] }), ` ${whole(count)}`);
      return bar;
    }),
  );
}
