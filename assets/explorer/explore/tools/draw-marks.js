// One q(z|x) on the map, in the SVG above the points: its zone, its mean, a draw, and many draws. Small, since it moves
// with the hand.

import { ellipse } from "../../math/projection.js";

const HTML = `
<path class="er-drawn-many"/><ellipse class="er-drawn"/><line class="er-drawn-to"/>
<circle class="er-drawn-mean" r="4"/><circle class="er-drawn-z" r="5"/>`;

export class DrawMarks {
  // `posterior` = { mu, logvar, z, cloud: flat array of many z }, or null where nothing is drawn.
  show(marks, view, { projection, state }, posterior) {
    if (!marks.querySelector(".er-drawn")) marks.innerHTML = HTML;
    marks.style.display = posterior ? "" : "none";
    if (!posterior) return;
    const part = (name) => marks.querySelector(`.er-${name}`);
    const { mu, logvar, z, cloud } = posterior;
    const [x, y] = view.toPixel(...projection.project(mu));
    const { major, minor, angle } = ellipse(projection.covariance(logvar, 0));
    const radius = (sigma) => Math.max(1, sigma * view.pixelsPerUnit * state.scale).toFixed(2);
    set(part("drawn"), {
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${((-angle * 180) / Math.PI).toFixed(2)})`,
      rx: radius(major),
      ry: radius(minor),
    });
    set(part("drawn-mean"), { cx: x, cy: y });
    const [zx, zy] = view.toPixel(...projection.project(z));
    set(part("drawn-z"), { cx: zx, cy: zy });
    set(part("drawn-to"), { x1: x, y1: y, x2: zx, y2: zy });
    set(part("drawn-many"), { d: dots(cloud, mu.length, view, projection) });
  }
}

// Every draw as a point of one path: a round line of no length.
function dots(cloud, k, view, projection) {
  let path = "";
  for (let i = 0; i < cloud.length; i += k) {
    const [x, y] = view.toPixel(...projection.project(cloud, i));
    path += `M${x.toFixed(1)} ${y.toFixed(1)}h0`;
  }
  return path;
}

const set = (element, attributes) =>
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
