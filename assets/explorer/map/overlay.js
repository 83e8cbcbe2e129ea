// The SVG above the points: the lens, the buffer zone of the nearest point, the names of the rings. All of it small, so
// that little has to be painted anew when the pointer moves.

import { ellipse } from "../math/projection.js";
import { classColour } from "../plot/palette.js";
import { RINGS } from "./zones.js";

export class Overlay {
  constructor(root) {
    this.marker = root.querySelector(".er-marker");
    this.zone = root.querySelector(".er-zone");
    this.point = root.querySelector(".er-point");
    this.rings = [...root.querySelectorAll(".er-ring")];
  }

  // The lens stands at (u, v); `nearest` is the data point whose zone is shown, or −1. With `ringed` there is a ring around
  // it: where the plane is not all of z, it need not be the one that is drawn nearest to the lens.
  show(view, scene, { u, v, nearest, ringed }) {
    const [x, y] = view.toPixel(u, v);
    const inside = view.contains(x, y);
    this.marker.style.display = inside ? "" : "none";
    if (inside) this.marker.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    const shown = nearest >= 0 && scene.state.zones !== "none";
    this.zone.style.display = shown ? "" : "none";
    if (shown) this.placeZone(view, scene, nearest);
    this.placePoint(view, scene.points, ringed ? nearest : -1);
  }

  placePoint(view, { us, vs }, i) {
    const [x, y] = i >= 0 ? view.toPixel(us[i], vs[i]) : [NaN, NaN];
    const inside = i >= 0 && view.contains(x, y);
    this.point.style.display = inside ? "" : "none";
    if (inside) this.point.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }

  placeZone(view, { frame, covariance, points, state }, i) {
    const { us, vs, labels } = points;
    const { major, minor, angle } = ellipse(covariance(i));
    const [x, y] = view.toPixel(us[i], vs[i]);
    const scale = view.pixelsPerUnit * state.scale;
    const colour = classColour(labels[i], frame.meta.classes.length, frame.meta.ordered);
    const degrees = (-angle * 180) / Math.PI;
    this.zone.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${degrees.toFixed(2)})`);
    this.zone.setAttribute("rx", Math.max(1, major * scale).toFixed(2));
    this.zone.setAttribute("ry", Math.max(1, minor * scale).toFixed(2));
    this.zone.setAttribute("fill", colour);
    this.zone.setAttribute("stroke", colour);
  }

  // The names stand on their rings, at half past ten; on a line, at its upper end.
  nameRings(view, isLine, hidden = false) {
    const [u, v] = view.toPixel(0, 0);
    this.rings.forEach((text, i) => {
      const away = RINGS[i] * view.pixelsPerUnit;
      const [x, y] = isLine ? [u - away, view.top + 14] : [u - away * Math.SQRT1_2, v - away * Math.SQRT1_2];
      text.textContent = `${RINGS[i]}σ`;
      text.setAttribute("x", x);
      text.setAttribute("y", y);
      text.style.display = !hidden && view.contains(x, y) ? "" : "none";
    });
  }
}
