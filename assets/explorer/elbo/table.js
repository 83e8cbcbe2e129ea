// The gaps of all held-out images: a histogram, and the gap against class, rate or distortion. A click chooses the image.

import { short, signed, whole } from "../core/format.js";
import { disc, Plot, prepareCanvas } from "../plot/chart.js";
import { classColour, faded } from "../plot/palette.js";

const NEAR = 14; // px within which the pointer takes an image
const FLOOR = 1e-3; // nats: the least gap that a logarithmic axis shows
const BINS = 36;
const QUARTILES = [0.25, 0.5, 0.75];

const HTML = `
  <p class="eb-note eb-how">–</p>
  <canvas class="eb-histogram" role="img" aria-label="histogram of the gaps"></canvas>
  <div class="lv-choice eb-against" role="radiogroup" aria-label="gap against"><span>gap against</span><button role="radio" data-against="class">class</button><button role="radio" data-against="rate">rate</button><button role="radio" data-against="distortion">distortion</button></div>
  <canvas class="eb-scatter" role="img" aria-label="the gap of every image: a click chooses it"></canvas>
  <p class="eb-note eb-named">click a point to choose its image</p>`;

export class GapTable {
  // `choose(row, at)`: a click on an image.
  constructor(root, choose) {
    root.innerHTML = HTML;
    this.root = root;
    this.choose = choose;
    this.hover = null;
    this.$ = (selector) => root.querySelector(selector);
    [this.histogram, this.scatter] = root.querySelectorAll("canvas");
    this.scatter.addEventListener("pointermove", (event) => this.point([event.offsetX, event.offsetY]));
    this.scatter.addEventListener("pointerleave", () => this.point(null));
    this.scatter.addEventListener("click", (event) => {
      this.point([event.offsetX, event.offsetY]);
      if (this.near >= 0) choose(this.table.index[this.near], event.timeStamp);
    });
  }

  // Rows of the test set, as the server has computed them; `frame` is the explorer's, for labels and images.
  load(table, frame) {
    this.table = table?.arrays ?? null;
    this.exact = table?.meta.exact;
    this.frame = frame;
    for (const element of [this.histogram, this.scatter, this.$(".eb-against"), this.$(".eb-named")])
      element.hidden = !table;
    if (!table) {
      this.$(".eb-how").textContent =
        "The gaps of this model’s test images have not been computed. Do so with: python -m vae evidence, and the model’s folder.";
      return;
    }
    const { index, gap } = this.table;
    this.labels = Array.from(index, (row) => frame.arrays.labels[row]);
    this.logGap = Float64Array.from(gap, (value) => Math.log10(Math.max(FLOOR, value)));
    const sorted = Float64Array.from(gap).sort();
    this.span = [
      Math.log10(Math.max(FLOOR, sorted[Math.floor(0.001 * sorted.length)])) - 0.1,
      Math.log10(sorted.at(-1)) + 0.1,
    ];
    const mean = gap.reduce((a, b) => a + b, 0) / gap.length;
    this.$(".eb-how").innerHTML =
      `gap of <b>${whole(gap.length)}</b> test images under the encoder’s q: median <b>${sorted[sorted.length >> 1].toFixed(2)}</b>, mean <b>${mean.toFixed(2)}</b>, largest <b>${sorted.at(-1).toFixed(1)}</b> nats${this.gapsApart()}<br>${table.meta.how}${this.errors(table.meta)}`;
    this.root.dataset.rows = gap.length;
  }

  // Of gaps that are sampled: the median of their standard errors, and how many have none.
  errors({ exact }) {
    if (exact) return "";
    const known = Float64Array.from(this.table.gap_error.filter(Number.isFinite)).sort();
    const unknown = this.table.gap_error.length - known.length;
    if (!known.length) return "; no error of them is known";
    const without = unknown
      ? `; ${whole(unknown)} of them without one, where the sampling of ln p(x) gave no error`
      : "";
    return `; its standard error has median ${known[known.length >> 1].toFixed(2)} nats${without}`;
  }

  // What the fitted images say of both gaps.
  gapsApart() {
    const { approximation, amortisation } = this.table;
    const fitted = Array.from(approximation.keys()).filter((i) => Number.isFinite(approximation[i]));
    if (!fitted.length) return "";
    const mean = (values) => fitted.reduce((sum, i) => sum + values[i], 0) / fitted.length;
    return `<br>of ${whole(fitted.length)} of them, on average: approximation <b>${mean(approximation).toFixed(2)}</b>, amortisation <b>${mean(amortisation).toFixed(2)}</b>`;
  }

  show(against, image, colours) {
    this.against = against;
    this.image = image;
    this.colours = colours;
    for (const button of this.root.querySelectorAll("[data-against]"))
      button.setAttribute("aria-checked", String(button.dataset.against === against));
    this.draw();
  }

  draw() {
    if (!this.table || !this.colours || !this.scatter.clientWidth) return;
    this.drawHistogram();
    this.drawScatter();
  }

  drawHistogram() {
    const { context, width, height } = prepareCanvas(this.histogram);
    const { colours, labels, logGap, span } = this;
    const { classes, ordered } = this.frame.meta;
    const counts = Array.from({ length: BINS }, () => new Array(classes.length).fill(0));
    logGap.forEach(
      (value, i) =>
        counts[Math.max(0, Math.min(BINS - 1, Math.floor(((value - span[0]) / (span[1] - span[0])) * BINS)))][
          labels[i]
        ]++,
    );
    const most = Math.max(...counts.map((bin) => bin.reduce((a, b) => a + b, 0)));
    const box = { left: 46, top: 18, width: width - 56, height: height - 40 };
    const plot = new Plot(context, box, { x: span, y: [0, most * 1.05] }, colours);
    plot.axes({ xCount: 0, yCount: 3, yFormat: whole });
    this.decades(plot, "gap, nats");
    plot.label("images", 4, 8, { font: "600 12.5px" });
    counts.forEach((bin, b) => {
      let below = 0;
      bin.forEach((count, c) => {
        if (!count) return;
        context.fillStyle = classColour(c, classes.length, ordered);
        const [x0, x1] = [b, b + 1].map((edge) => box.left + (edge * box.width) / BINS);
        context.fillRect(x0, plot.y(below + count), x1 - x0 - 0.8, plot.y(below) - plot.y(below + count));
        below += count;
      });
    });
    this.markNow(plot, (i) => [plot.x(logGap[i]), box.top]);
  }

  // Round numbers along the logarithmic axis of the gap.
  decades(plot, name) {
    const { context, box, colours } = plot;
    Object.assign(context, {
      font: `12px ${colours.font}`,
      fillStyle: faded(colours.text, 0.72),
      textAlign: "center",
      textBaseline: "top",
    });
    for (let power = Math.ceil(this.span[0]); power <= this.span[1]; power++) {
      const x = plot.x(power);
      if (x < box.left + box.width - 74) context.fillText(short(10 ** power), x, box.top + box.height + 5);
    }
    context.textAlign = "right";
    context.fillText(name, box.left + box.width, box.top + box.height + 5);
  }

  // The image that is chosen, where the table has it.
  markNow(plot, place) {
    const i = this.table.index.indexOf(this.image);
    if (i < 0) return;
    const { context, colours } = plot;
    disc(context, ...place(i), 6, faded(colours.background, 0.6), colours.text, 2.4);
  }

  // The horizontal place of image i: its class with a fixed scatter, or its rate or distortion.
  across(i) {
    if (this.against !== "class") return this.table[this.against][i];
    return this.labels[i] + 0.7 * (((i * 0.61803398875) % 1) - 0.5);
  }

  drawScatter() {
    const { context, width, height } = prepareCanvas(this.scatter);
    const { colours, labels, logGap, span, against } = this;
    const { classes, ordered } = this.frame.meta;
    const box = { left: 46, top: 18, width: width - 56, height: height - 40 };
    const values = against === "class" ? [-0.5, classes.length - 0.5] : spanOf(this.table[against]);
    const plot = (this.plot = new Plot(context, box, { x: values, y: span }, colours));
    plot.axes({
      xName: against === "class" ? undefined : `${against}, nats`,
      xCount: against === "class" ? 0 : 5,
      yCount: 0,
    });
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = faded(colours.text, 0.72);
    for (let power = Math.ceil(span[0]); power <= span[1]; power++)
      context.fillText(short(10 ** power), box.left - 5, plot.y(power));
    plot.label("gap, nats", 4, 8, { font: "600 12.5px" });
    const fills = classes.map((_, c) => faded(classColour(c, classes.length, ordered), 0.55));
    for (let i = 0; i < labels.length; i++) {
      context.fillStyle = fills[labels[i]];
      context.fillRect(plot.x(this.across(i)) - 1.5, plot.y(logGap[i]) - 1.5, 3, 3);
    }
    if (against === "class") this.drawClasses(plot, classes);
    this.markNow(plot, (i) => [plot.x(this.across(i)), plot.y(logGap[i])]);
    if (this.near >= 0)
      plot.dots(
        1,
        () => this.across(this.near),
        () => logGap[this.near],
        colours.text,
        4,
      );
  }

  // Names and quartiles of every class.
  drawClasses(plot, classes) {
    const { context, box, colours } = plot;
    classes.forEach((name, c) => {
      const mine = Float64Array.from(this.logGap.filter((_, i) => this.labels[i] === c)).sort();
      Object.assign(context, {
        textAlign: "center",
        textBaseline: "top",
        font: `12px ${colours.font}`,
        fillStyle: faded(colours.text, 0.8),
      });
      context.fillText(
        name.length > 4 && classes.length > 6 ? name.slice(0, 4) : name,
        plot.x(c),
        box.top + box.height + 5,
      );
      if (mine.length < 4) return;
      const [low, middle, high] = QUARTILES.map((share) => plot.y(mine[Math.floor(share * mine.length)]));
      const half = (plot.x(1) - plot.x(0)) * 0.3;
      Object.assign(context, { strokeStyle: colours.text, lineWidth: 1.4 });
      context.strokeRect(plot.x(c) - half, high, 2 * half, low - high);
      context.lineWidth = 2.6;
      context.beginPath();
      context.moveTo(plot.x(c) - half, middle);
      context.lineTo(plot.x(c) + half, middle);
      context.stroke();
    });
  }

  point(at) {
    if (!this.table || !this.plot) return;
    const before = this.near;
    this.near = at ? this.nearest(at) : -1;
    if (this.near === before) return;
    this.scatter.style.cursor = this.near >= 0 ? "pointer" : "";
    this.$(".eb-named").textContent = this.near >= 0 ? this.describe(this.near) : "click a point to choose its image";
    this.drawScatter();
  }

  nearest([x, y]) {
    let [best, least] = [-1, NEAR * NEAR];
    for (let i = 0; i < this.labels.length; i++) {
      const away = (this.plot.x(this.across(i)) - x) ** 2 + (this.plot.y(this.logGap[i]) - y) ** 2;
      if (away < least) [best, least] = [i, away];
    }
    return best;
  }

  describe(i) {
    const { gap, gap_error: errors, rate, distortion, index } = this.table;
    const { classes } = this.frame.meta;
    const error = this.exact || !Number.isFinite(errors[i]) ? "" : ` ± ${errors[i].toFixed(2)}`;
    return `test image ${this.frame.arrays.index[index[i]]}, class ${classes[this.labels[i]]}: gap ${signed(gap[i])}${error}, rate ${signed(rate[i])}, distortion ${signed(distortion[i])} nats`;
  }
}

function spanOf(values) {
  const [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  return [low - 0.02 * (high - low), high + 0.02 * (high - low)];
}

// The row of an image with a middling gap.
export function ordinary({ arrays: { index, gap } }) {
  const order = Array.from(gap.keys()).sort((a, b) => gap[a] - gap[b]);
  return index[order[order.length >> 1]];
}

// Rows of the worst fits and of those with two modes, the clearest first, read off the table.
export function examples({ arrays: { index, gap, modes } }, count) {
  const order = (rows) =>
    rows
      .sort((a, b) => gap[b] - gap[a])
      .slice(0, count)
      .map((i) => index[i]);
  const all = Array.from(gap.keys());
  return { worst: order([...all]), split: order(all.filter((i) => modes[i] > 1)) };
}
