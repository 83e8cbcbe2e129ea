// Three charts, one above the other: elbo, distortion and rate over the images seen. Changes of settings are marked on all
// three.

import { count, short, signed } from "../core/format.js";
import { line, Plot, prepareCanvas, range, settled, spaced } from "../plot/chart.js";
import { faded, theme } from "../plot/palette.js";
import { smoothed } from "./history.js";

/** @import { Range } from "../plot/chart.js" */
/** @import { BoundTerms, LiveSetting } from "./protocol.js" */
/** @import { History, Pass, Position, TrainPoint } from "./history.js" */

const MARGIN = { left: 46, right: 10, top: 6, bottom: 22 };
const GAP = 26; // px between panels: room for the title of the next one
const SPAN = 0.012; // share of the run that is smoothed over
/** @type {(keyof BoundTerms)[]} */
const PANELS = ["elbo", "distortion", "rate"];
/** @type {Record<LiveSetting, string>} */
const LETTERS = { beta: "β", lr: "lr", sigma: "σₚ" };

/** @typedef {{ name: string, history: History }} ChartRun */

export class Curves {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {number | null} px from the left */
    this.hover = null;
    /** @type {ChartRun[]} */
    this.runs = [];
    canvas.addEventListener("pointermove", (event) => this.point(event.offsetX));
    canvas.addEventListener("pointerleave", () => this.point(null));
  }

  /** @param {ChartRun[]} runs the steered one first */
  show(runs) {
    this.runs = runs;
    this.draw();
  }

  /** @param {number | null} x */
  point(x) {
    this.hover = x;
    if (this.runs.length) this.draw();
  }

  draw() {
    const { context, width, height } = prepareCanvas(this.canvas);
    if (width < 80 || height < 120) return;
    const colours = theme(this.canvas);
    const panel = (height - MARGIN.top - MARGIN.bottom - PANELS.length * GAP + 8) / PANELS.length;
    /** @type {Range} */
    const x = [
      0,
      Math.max(1, ...this.runs.flatMap(({ history }) => history.passes.map((pass) => pass.train.at(-1)?.images ?? 0))),
    ];
    PANELS.forEach((name, i) => {
      const box = {
        left: MARGIN.left,
        width: width - MARGIN.left - MARGIN.right,
        top: MARGIN.top + GAP - 8 + i * (panel + GAP),
        height: panel,
      };
      const plot = new Plot(context, box, { x, y: this.yRange(name) }, colours);
      const last = i === PANELS.length - 1;
      if (this.isEmpty) {
        drawEmpty(plot, name);
        return;
      }
      plot.axes({ xName: last ? "images seen" : undefined, xFormat: count, yCount: panel > 90 ? 5 : 3 });
      plot.clipped(() => this.drawRuns(plot, name));
      this.drawChanges(plot, i === 0);
      this.drawTitle(plot, name);
    });
  }

  get isEmpty() {
    return this.runs.every(({ history }) =>
      history.passes.every(({ train, validation }) => !train.length && !validation.length),
    );
  }

  /** @param {keyof BoundTerms} name */
  yRange(name) {
    const values = (/** @type {Pass} */ { train, validation }) =>
      [...settled(means(train, name)), ...settled(validation)].map((point) => point[name]);
    return range(this.runs.flatMap(({ history }) => history.passes.flatMap(values)));
  }

  /**
   * @param {Plot} plot
   * @param {keyof BoundTerms} name
   */
  drawRuns(plot, name) {
    const { accent, text } = plot.colours;
    const { context } = plot;
    this.runs.forEach(({ history }, r) => {
      const colour = r === 0 ? accent : text;
      for (const pass of history.earlier) this.drawTrain(plot, pass, name, faded(text, 0.28));
      const { train, validation } = history.current;
      if (r === 0)
        plot.path(
          train.length,
          (i) => train[i].images,
          (i) => train[i][name],
          faded(colour, 0.22),
          1,
        );
      this.drawTrain(plot, history.current, name, faded(colour, 0.95), r);
      context.setLineDash([]);
      plot.dots(
        validation.length,
        (i) => validation[i].images,
        (i) => validation[i][name],
        faded(r === 0 && this.runs.length > 1 ? accent : text, 0.85),
        2.4,
      );
    });
  }

  /**
   * The training curve of one pass of run r, smoothed.
   * @param {Plot} plot
   * @param {Pass} pass
   * @param {keyof BoundTerms} name
   * @param {string} colour
   */
  drawTrain(plot, { train }, name, colour, r = 0) {
    const points = means(train, name);
    plot.context.setLineDash(r === 0 ? [] : [6, 4]);
    plot.path(
      points.length,
      (i) => points[i].images,
      (i) => points[i][name],
      colour,
      1.9,
    );
    plot.context.setLineDash([]);
  }

  /**
   * A vertical line at every change of a setting; with its new value where `named`.
   * @param {Plot} plot
   * @param {boolean} named
   */
  drawChanges(plot, named) {
    const { context, box, colours } = plot;
    const { changes } = this.runs[0].history.current;
    context.strokeStyle = faded(colours.text, 0.4);
    context.lineWidth = 1;
    context.setLineDash([2, 3]);
    for (const change of spaced(changes, (c) => plot.x(c.images), 2)) {
      const x = Math.round(plot.x(change.images)) + 0.5;
      line(context, x, box.top, x, box.top + box.height);
    }
    context.setLineDash([]);
    if (!named) return;
    for (const change of spaced(changes, (c) => plot.x(c.images), 56)) {
      const text = Object.entries(change.changed)
        .map(([key, [, to]]) => `${LETTERS[/** @type {LiveSetting} */ (key)] ?? key} ${short(to)}`)
        .join(", ");
      const x = Math.min(plot.x(change.images) + 3, box.left + box.width - 44);
      plot.label(text, x, box.top + box.height - 8, { font: "11px" });
    }
  }

  /**
   * The title of a panel, and the numbers at the pointer, or the latest ones.
   * @param {Plot} plot
   * @param {keyof BoundTerms} name
   */
  drawTitle(plot, name) {
    const { box, colours } = plot;
    const { train, validation } = this.runs[0].history.current;
    const title = plot.label(`${name}, nats per image`, box.left, box.top - 9, { font: "600 12.5px" });
    const points = means(train, name);
    const at = this.hover === null ? Infinity : plot.at(this.hover);
    const here = lastBefore(train, at);
    const there = lastBefore(validation, at);
    const right = box.left + box.width;
    const [lead, tail] =
      name === PANELS[0] && box.width > 3 * title ? ["training, smoothed ", "validation "] : ["", ""];
    const tested = there < 0 ? "" : `● ${tail}${signed(validation[there][name], 1)}`;
    const beside = tested === "" ? 0 : plot.label(tested, right, box.top - 9, { align: "right" }) + 12;
    if (here >= 0)
      plot.label(lead + signed(points[here][name], 1), right - beside, box.top - 9, {
        align: "right",
        colour: colours.accent,
        font: "600 12px",
      });
    if (this.hover === null || here < 0) return;
    plot.context.strokeStyle = faded(colours.text, 0.55);
    line(plot.context, plot.x(train[here].images), box.top, plot.x(train[here].images), box.top + box.height);
    if (name === PANELS.at(-1)) {
      const text = `${count(train[here].images)} images, step ${count(train[here].step)}`;
      const left = plot.x(train[here].images) < box.left + box.width / 2;
      plot.label(text, plot.x(train[here].images) + (left ? 6 : -6), box.top + 9, { align: left ? "left" : "right" });
    }
  }
}

/**
 * One term of the bound at every point of a training curve, smoothed.
 * @template {keyof BoundTerms} Name
 * @param {TrainPoint[]} train
 * @param {Name} name
 */
function means(train, name) {
  const values = smoothed(train, name, SPAN);
  return train.map(({ images }, i) => ({ images, [name]: values[i] }));
}

/**
 * @param {Plot} plot
 * @param {string} name
 */
function drawEmpty(plot, name) {
  const { context, box, colours } = plot;
  plot.label(`${name}, nats per image`, box.left, box.top - 9, { font: "600 12.5px" });
  context.strokeStyle = faded(colours.text, 0.2);
  context.lineWidth = 1;
  line(context, box.left, box.top + box.height, box.left + box.width, box.top + box.height);
}

/**
 * Index of the last point at or before `images`; of the first point where all are later; −1 where there are no points.
 * @param {Position[]} points
 * @param {number} images
 */
function lastBefore(points, images) {
  let i = points.length - 1;
  while (i > 0 && points[i].images > images) i--;
  return i;
}
