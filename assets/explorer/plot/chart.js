// A small chart on a canvas: a rectangle with two axes. Light enough to be drawn anew ten times a second beside a lens.

import { short } from "../core/format.js";
import { faded } from "./palette.js";
import { ticks } from "./ticks.js";

// The canvas's context in CSS pixels, cleared; its size follows that of the element.
export function prepareCanvas(canvas) {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

// A filled circle with a seam around it.
export function disc(context, x, y, radius, fill, seam, width = 2) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(context, { fillStyle: fill, strokeStyle: seam, lineWidth: width });
  context.fill();
  context.stroke();
}

export class Plot {
  // `box` = { left, top, width, height } in pixels, `x` and `y` the ranges shown, `colours` the theme's.
  constructor(context, box, { x, y }, colours) {
    this.context = context;
    this.box = box;
    this.xRange = x;
    this.yRange = y;
    this.colours = colours;
  }

  x(value) {
    return this.box.left + ((value - this.xRange[0]) / (this.xRange[1] - this.xRange[0])) * this.box.width;
  }

  y(value) {
    return this.box.top + ((this.yRange[1] - value) / (this.yRange[1] - this.yRange[0])) * this.box.height;
  }

  // What x stands at a pixel.
  at(px) {
    return this.xRange[0] + ((px - this.box.left) / this.box.width) * (this.xRange[1] - this.xRange[0]);
  }

  // Grid and numbers; `name` stands at the end of the axis. `yAt` are the numbers upwards, where they are not even ones.
  axes({ xName, xFormat = short, yFormat = short, xCount = 5, yCount = 4, yAt = ticks(...this.yRange, yCount) }) {
    const { context, box, colours } = this;
    const { left, top, width, height } = box;
    context.font = `12px ${colours.font}`;
    context.lineWidth = 1;
    context.strokeStyle = faded(colours.text, 0.1);
    context.fillStyle = faded(colours.text, 0.72);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of yAt) {
      const y = Math.round(this.y(value)) + 0.5;
      line(context, left, y, left + width, y);
      context.fillText(yFormat(value), left - 5, y);
    }
    context.textBaseline = "top";
    context.textAlign = "center";
    const room = xName ? context.measureText(xName).width + 14 : 0;
    for (const value of ticks(...this.xRange, xCount)) {
      const x = Math.round(this.x(value)) + 0.5;
      line(context, x, top, x, top + height);
      if (xName !== undefined && x < left + width - room) context.fillText(xFormat(value), x, top + height + 5);
    }
    if (xName) {
      context.textAlign = "right";
      context.fillText(xName, left + width, top + height + 5);
    }
  }

  clipped(draw) {
    const { context, box } = this;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    draw(context);
    context.restore();
  }

  // A line through points given as two functions of the index.
  path(count, xAt, yAt, colour, width = 1.6) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.lineJoin = "round";
    context.beginPath();
    for (let i = 0; i < count; i++) context.lineTo(this.x(xAt(i)), this.y(yAt(i)));
    context.stroke();
  }

  dots(count, xAt, yAt, colour, radius = 2.2) {
    const { context } = this;
    context.fillStyle = colour;
    for (let i = 0; i < count; i++) {
      context.beginPath();
      context.arc(this.x(xAt(i)), this.y(yAt(i)), radius, 0, 2 * Math.PI);
      context.fill();
    }
  }

  // Text with a seam of the ground's colour, readable on top of lines; its width.
  label(text, x, y, { colour = this.colours.text, align = "left", baseline = "middle", font = "12px" } = {}) {
    const { context, colours } = this;
    Object.assign(context, {
      font: `${font} ${colours.font}`,
      textAlign: align,
      textBaseline: baseline,
      lineJoin: "round",
    });
    context.strokeStyle = colours.background;
    context.lineWidth = 3.5;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
    return context.measureText(text).width;
  }
}

// How wide a label is.
export function widthOf(context, { font: family }, text, font = "12px") {
  context.font = `${font} ${family}`;
  return context.measureText(text).width;
}

export function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

// The interval that holds all values, with some air; never so narrow that rounding shows.
export function range(values, air = 0.08) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(high >= low)) return [0, 1];
  const least = Math.max(0.2, 0.01 * Math.abs(low + high));
  const half = Math.max((high - low) * (0.5 + air), least / 2);
  return [(low + high) / 2 - half, (low + high) / 2 + half];
}

const START = 0.04; // share of a run that axes need not hold: a network falls far in its first steps

// The points after the start; all, where there are few.
export function settled(points) {
  const from = START * (points.at(-1)?.images ?? 0);
  return points.length < 8 ? points : points.filter(({ images }) => images >= from);
}

// Of marks that stand closer than `room` pixels the last is named.
export function spaced(marks, position, room) {
  return marks.filter((mark, i) => i === marks.length - 1 || position(marks[i + 1]) - position(mark) > room);
}
