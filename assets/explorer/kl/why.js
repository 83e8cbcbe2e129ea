// Why buffer zones: the same two images in three models, and what lies on the straight line between them.

import { Camera } from "../map/camera.js";
import { Series } from "../network/series.js";
import { disc } from "../plot/chart.js";
import { classColour } from "../plot/palette.js";
import { Picture } from "../plot/picture.js";
import { PathMap } from "./map.js";
import { Model } from "./model.js";
import { betaText } from "./numbers.js";

const STEPS = 9; // images along the line, both ends among them

export class Why {
  // `on` are the hands on the maps, as a pane takes them.
  constructor(root, on) {
    root.replaceChildren();
    this.columns = ["an autoencoder", "", "collapse"].map((name) => {
      const column = document.createElement("div");
      column.className = "kl-column";
      column.innerHTML = `<h3>β = <b></b> <small></small></h3><div></div><div class="kl-line" role="img" aria-label="images decoded along the line between the pair"></div><p class="kl-zones"></p>`;
      root.append(column);
      const pane = new PathMap(column.querySelector("div"), new Camera(), {}, on);
      return { name, column, pane };
    });
  }

  load(path, colours) {
    this.path = path;
    this.colours = colours;
    for (const column of this.columns) column.shown = null;
    const last = path.collapse === null ? path.stops - 1 : path.positions.findIndex((at) => at >= path.collapse);
    this.fixed = [path.positions[0], null, path.positions[last]];
    const shape = path.frame.meta.image_shape;
    for (const column of this.columns) {
      column.model?.close();
      column.model = new Model(path);
      column.pane.show(path, column.model);
      column.pane.decorate = (context, view) => this.drawLine(context, view, column.model, column.pane.state.pair);
      const canvases = Array.from({ length: STEPS }, () => document.createElement("canvas"));
      const line = column.column.querySelector(".kl-line");
      line.replaceChildren(...canvases);
      const pictures = canvases.map((canvas) => new Picture(canvas, shape));
      column.series = new Series(
        line,
        STEPS,
        (i) => this.between(column, i / (STEPS - 1)),
        (i, { pixels }) => pictures[i].paint(pixels),
      );
    }
    this.ends = [0, 1].map(() => new Float64Array(path.k));
    this.z = new Float64Array(path.k);
  }

  get panes() {
    return this.columns.map(({ pane }) => pane);
  }

  // The slider moves the middle column.
  to(position) {
    this.columns.forEach(({ model, pane }, i) => {
      const at = this.fixed[i] ?? position;
      if (at !== model.position) pane.plane.expire();
      model.to(at);
    });
  }

  // Numbers and images that are not shown yet and whose decoders have arrived.
  show() {
    this.columns.forEach((column, i) => {
      const { model, pane } = column;
      const key = `${model.position} ${pane.state.pair}`;
      if (column.shown === key || !model.prepare()) return;
      this.write(column, i);
      model.decoder.askAll("line", column.series.renew(), Infinity);
      column.shown = key;
    });
  }

  write({ column, name, model }, i) {
    const middle =
      this.path.place(model.position).t === 0 ? "where the slider stands" : "where the slider stands, interpolated";
    column.querySelector("h3 b").textContent = betaText(this.path.betaAt(model.position));
    column.querySelector("h3 small").textContent = i === 1 ? middle : name;
    column.querySelector(".kl-zones").textContent = zoneFacts(this.path, model.position);
  }

  // z on the line between the means of the pair; overwritten by the next call.
  between({ model, pane }, share) {
    const [a, b] = this.ends.map((end, e) => model.mean(pane.state.pair[e], end));
    for (let d = 0; d < a.length; d++) this.z[d] = a[d] + share * (b[d] - a[d]);
    return this.z;
  }

  drawLine(context, view, model, pair) {
    const { text, background } = this.colours();
    const { labels } = this.path.frame.arrays;
    const [a, b] = pair.map((i) => view.toPixel(model.us[i], model.vs[i]));
    for (const [colour, width] of [
      [background, 5],
      [text, 2],
    ]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: width });
      context.beginPath();
      context.moveTo(...a);
      context.lineTo(...b);
      context.stroke();
    }
    for (let i = 0; i < STEPS; i++) {
      const share = i / (STEPS - 1);
      const end = i === 0 || i === STEPS - 1;
      const fill = end ? classColour(labels[pair[i ? 1 : 0]], this.path.classes.length, this.path.ordered) : text;
      disc(
        context,
        a[0] + share * (b[0] - a[0]),
        a[1] + share * (b[1] - a[1]),
        end ? 7 : 3,
        fill,
        end ? text : background,
        1.5,
      );
    }
  }

  retheme() {
    for (const { pane } of this.columns) pane.retheme();
  }

  destroy() {
    for (const { pane, model } of this.columns) {
      pane.destroy();
      model?.close();
    }
  }
}

// Two images of different classes, drawn afresh.
export function anotherPair({ frame, count }) {
  const { labels } = frame.arrays;
  const draw = () => Math.floor(Math.random() * count);
  const a = draw();
  for (let tries = 0; tries < 1000; tries++) {
    const b = draw();
    if (labels[b] !== labels[a]) return [a, b];
  }
  return [a, (a + 1) % count];
}

// How much of the prior is empty and how far zones overlap, where the file says so.
function zoneFacts(path, position) {
  const { stop, t } = path.place(position);
  const [a, b] = [path.up[stop], path.up[Math.min(stop + 1, path.stops - 1)]];
  if (!("hole_share" in a && "overlap" in a && "hole_share" in b && "overlap" in b)) return "";
  const say = (key) => `${(100 * (a[key] + t * (b[key] - a[key]))).toFixed(1)} %`;
  const error = (key) => (t === 0 && key in a ? ` ± ${(100 * a[key]).toFixed(1)}` : "");
  const about = t === 0 ? "" : "≈ ";
  return `holes ${about}${say("hole_share")}${error("hole_share_se")} of the prior · overlap with the nearest zone ${about}${say("overlap")}${error("overlap_se")}`;
}
