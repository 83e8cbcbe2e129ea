// The posterior q(z|x) of a drawing on the map: its zone, its mean, one draw and many draws. An SVG, because it is updated
// with every move of the pointer.

import { find } from "../../core/dom.js";
import { ellipse } from "../../math/projection.js";

/** @import { View } from "../../map/view.js" */
/** @import { Projection } from "../../math/projection.js" */
/** @import { ToolHost } from "../tool-host.js" */

/**
 * A posterior with draws from it; `cloud` holds many draws one after the other, and may be empty.
 * @typedef {{ mu: Float32Array, logvar: Float32Array, z: Float64Array, cloud: Float64Array }} Drawn
 */

const HTML = `
<path class="er-drawn-many"/><ellipse class="er-drawn"/><line class="er-drawn-to"/>
<circle class="er-drawn-mean" r="4"/><circle class="er-drawn-z" r="5"/>`;

export class DrawMarks {
  /**
   * @param {SVGElement} marks the group to draw in
   * @param {View} view
   * @param {Pick<ToolHost, "projection" | "state">} host
   * @param {Drawn | null} posterior null hides the marks
   */
  show(marks, view, { projection, state }, posterior) {
    if (!marks.querySelector(".er-drawn")) marks.innerHTML = HTML;
    marks.style.display = posterior ? "" : "none";
    if (!posterior) return;
    /**
     * @param {string} name
     * @param {Record<string, string | number>} attributes
     */
    const set = (name, attributes) => {
      const part = find(marks, `.er-${name}`, SVGElement);
      for (const [attribute, value] of Object.entries(attributes)) part.setAttribute(attribute, String(value));
    };
    const { mu, logvar, z, cloud } = posterior;
    const [x, y] = view.toPixel(...projection.project(mu));
    const { major, minor, angle } = ellipse(projection.covariance(logvar, 0));
    /** @param {number} sigma */
    const radius = (sigma) => Math.max(1, sigma * view.pixelsPerUnit * state.scale).toFixed(2);
    set("drawn", {
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${((-angle * 180) / Math.PI).toFixed(2)})`,
      rx: radius(major),
      ry: radius(minor),
    });
    set("drawn-mean", { cx: x, cy: y });
    const [zx, zy] = view.toPixel(...projection.project(z));
    set("drawn-z", { cx: zx, cy: zy });
    set("drawn-to", { x1: x, y1: y, x2: zx, y2: zy });
    set("drawn-many", { d: dots(cloud, mu.length, view, projection) });
  }
}

/**
 * All draws as one path: each dot is a line of length zero with round ends.
 * @param {Float64Array} cloud
 * @param {number} k latent dimensions
 * @param {View} view
 * @param {Pick<Projection, "project">} projection
 */
function dots(cloud, k, view, projection) {
  let path = "";
  for (let i = 0; i < cloud.length; i += k) {
    const [x, y] = view.toPixel(...projection.project(cloud, i));
    path += `M${x.toFixed(1)} ${y.toFixed(1)}h0`;
  }
  return path;
}
