// Three charts, one above the other: elbo, distortion and rate over the images seen. Changes of settings are marked on all
// three.

import { count, short, signed } from "../core/format.js";
import { CanvasChart } from "../plot/canvas-chart.js";
import { line, Plot, range, settled, spaced, TITLE } from "../plot/chart.js";
import { faded } from "../plot/palette.js";
import { smoothed } from "./history.js";

/** @import { ChartFrame } from "../plot/canvas-chart.js" */
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

/** @extends {CanvasChart<ChartRun[]>} the steered run first */
export class Curves extends CanvasChart {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super(canvas, { margin: MARGIN, least: { width: 80, height: 120 }, hovers: true });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ChartRun[]} runs
   * @param {ChartFrame} frame
   */
  paint(context, runs, { box: all, colours }) {
    const panel = (all.height - PANELS.length * GAP + 8) / PANELS.length;
    /** @type {Range} */
    const x = [
      0,
      Math.max(1, ...runs.flatMap(({ history }) => history.passes.map((pass) => pass.train.at(-1)?.images ?? 0))),
    ];
    PANELS.forEach((name, i) => {
      const box = { ...all, top: all.top + GAP - 8 + i * (panel + GAP), height: panel };
      const plot = new Plot(context, box, { x, y: yRange(runs, name) }, colours);
      const last = i === PANELS.length - 1;
      if (isEmpty(runs)) {
        drawEmpty(plot, name);
        return;
      }
      plot.axes({ xName: last ? "images seen" : undefined, xFormat: count, yCount: panel > 90 ? 5 : 3 });
      plot.clipped(() => this.drawRuns(plot, runs, name));
      this.drawChanges(plot, runs[0].history.current, i === 0);
      this.drawTitle(plot, runs[0].history.current, name);
    });
  }

  /**
   * @param {Plot} plot
   * @param {ChartRun[]} runs
   * @param {keyof BoundTerms} name
   */
  drawRuns(plot, runs, name) {
    const { accent, text } = plot.colours;
    const { context } = plot;
    runs.forEach(({ history }, r) => {
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
        faded(r === 0 && runs.length > 1 ? accent : text, 0.85),
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
   * @param {Pass} pass
   * @param {boolean} named
   */
  drawChanges(plot, { changes }, named) {
    const { context, box, colours } = plot;
    context.strokeStyle = faded(colours.text, 0.4);
    context.lineWidth = 1;
    context.setLineDash([2, 3]);
    for (const change of spaced(changes, (c) => plot.x(c.images), 2)) {
      const x = Math.round(plot.x(change.images)) + 0.5;
      line(context, x, box.top, x, plot.bottom);
    }
    context.setLineDash([]);
    if (!named) return;
    for (const change of spaced(changes, (c) => plot.x(c.images), 56)) {
      const text = Object.entries(change.changed)
        .map(([key, [, to]]) => `${LETTERS[/** @type {LiveSetting} */ (key)] ?? key} ${short(to)}`)
        .join(", ");
      const x = Math.min(plot.x(change.images) + 3, plot.right - 44);
      plot.label(text, x, plot.bottom - 8, { font: "11px" });
    }
  }

  /**
   * The title of a panel, and the numbers at the pointer, or the latest ones.
   * @param {Plot} plot
   * @param {Pass} pass
   * @param {keyof BoundTerms} name
   */
  drawTitle(plot, { train, validation }, name) {
    const { box, colours, right } = plot;
    const title = plot.label(`${name}, nats per image`, box.left, box.top - 9, { font: TITLE });
    const points = means(train, name);
    const at = this.hover ? plot.at(this.hover[0]) : Infinity;
    const here = lastBefore(train, at);
    const there = lastBefore(validation, at);
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
    if (!this.hover || here < 0) return;
    plot.context.strokeStyle = faded(colours.text, 0.55);
    plot.vertical(train[here].images);
    if (name === PANELS.at(-1)) {
      const text = `${count(train[here].images)} images, step ${count(train[here].step)}`;
      const left = plot.x(train[here].images) < box.left + box.width / 2;
      plot.label(text, plot.x(train[here].images) + (left ? 6 : -6), box.top + 9, { align: left ? "left" : "right" });
    }
  }
}

/** @param {ChartRun[]} runs */
const isEmpty = (runs) =>
  runs.every(({ history }) => history.passes.every(({ train, validation }) => !train.length && !validation.length));

/**
 * @param {ChartRun[]} runs
 * @param {keyof BoundTerms} name
 */
function yRange(runs, name) {
  const values = (/** @type {Pass} */ { train, validation }) =>
    [...settled(means(train, name)), ...settled(validation)].map((point) => point[name]);
  return range(runs.flatMap(({ history }) => history.passes.flatMap(values)));
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
  plot.label(`${name}, nats per image`, box.left, box.top - 9, { font: TITLE });
  context.strokeStyle = faded(colours.text, 0.2);
  context.lineWidth = 1;
  line(context, box.left, plot.bottom, plot.right, plot.bottom);
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
