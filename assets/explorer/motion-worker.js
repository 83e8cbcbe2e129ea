// Draws points and zones in motion, away from the page's thread: it is told once what they are and where to draw, and then
// what to show, frame by frame.

import { Posteriors } from "./posteriors.js";
import { View } from "./view.js";

let canvas, context, posteriors;

self.onmessage = ({ data }) => {
  if (data.canvas) {
    canvas = data.canvas;
    context = canvas.getContext("2d");
  } else if (data.labels) posteriors = new Posteriors(data.labels, data.classes);
  else paint(data);
};

function paint({ size, ratio, view: { x, y, ...box }, shown, state }) {
  const [width, height] = size.map((pixels) => Math.round(pixels * ratio));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const view = new View({ x, y }, box);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, ...size);
  context.save();
  context.beginPath();
  context.rect(view.left, view.top, view.width, view.height);
  context.clip();
  if (shown[0].length) posteriors.draw(context, view, { shown, us: shown[0], vs: shown[1], count: shown[0].length }, state);
  context.restore();
  requestAnimationFrame(() => self.postMessage("painted"));
}
