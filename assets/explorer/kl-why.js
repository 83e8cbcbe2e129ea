// Why buffer zones: the same two images in three models, and what lies on the straight line between them.

import { classColour } from "./palette.js";
import { Model } from "./kl-model.js";
import { PathMap } from "./kl-map.js";
import { Picture } from "./picture.js";

const STEPS = 9; // images along the line, both ends among them

export class Why {
  // `on` are the hands on the maps, as a pane takes them.
  constructor(root, camera, state, on) {
    Object.assign(this, { root, camera, state });
    root.innerHTML = "";
    this.columns = ["an autoencoder", "", "collapse"].map((name) => {
      const column = document.createElement("div");
      column.className = "kl-column";
      column.innerHTML = `<h3></h3><div></div><div class="kl-line"></div><p></p>`;
      root.append(column);
      const pane = new PathMap(column.querySelector("div"), camera, state, on);
      return { name, column, pane };
    });
  }

  load(path, colours) {
    Object.assign(this, { path, colours });
    const last = path.collapse === null ? path.stops - 1 : path.positions.findIndex((at) => at >= path.collapse);
    this.fixed = [path.positions[0], null, path.positions[last]];
    const shape = path.frame.meta.image_shape;
    for (const column of this.columns) {
      column.model = new Model(path);
      column.pane.show(path, column.model);
      column.pane.decorate = (context, view) => this.drawLine(context, view, column.model);
      const canvases = Array.from({ length: STEPS }, () => document.createElement("canvas"));
      column.column.querySelector(".kl-line").replaceChildren(...canvases);
      column.pictures = canvases.map((canvas) => new Picture(canvas, shape));
    }
    this.ends = [0, 1].map(() => new Float64Array(path.k));
    this.z = new Float64Array(path.k);
  }

  get panes() {
    return this.columns.map(({ pane }) => pane);
  }

  // Moves the middle column; true where decoders are still on their way.
  show(position, words) {
    let waiting = false;
    this.columns.forEach((column, i) => {
      const at = this.fixed[i] ?? position;
      const key = `${at} ${this.state.pair}`;
      column.model.to(at);
      if (column.shown === key) return;
      column.pane.dirty = true;
      column.pane.plane.expire();
      this.write(column, words(at), i);
      if (!column.model.prepare()) return (waiting = true);
      this.drawBetween(column);
      column.shown = key;
    });
    return waiting;
  }

  write({ column, name, model }, beta, i) {
    column.querySelector("h3").innerHTML = `β = <b></b> <small></small>`;
    column.querySelector("b").textContent = beta;
    column.querySelector("small").textContent = i === 1 ? "the slider’s" : name;
    const { stop, t } = this.path.place(model.position);
    const said = this.path.up[stop];
    const facts = [];
    if ("hole_share" in said) facts.push(`holes: ${percent(said.hole_share)} of the prior’s mass`);
    if ("overlap" in said) facts.push(`overlap with the nearest zone: ${percent(said.overlap)}`);
    column.querySelector("p").textContent = facts.length && t > 0 ? `${facts.join(" · ")} (at the stop before)` : facts.join(" · ");
  }

  drawBetween({ model, pictures }) {
    this.ends.forEach((end, e) => model.mean(this.state.pair[e], end));
    pictures.forEach((picture, i) => {
      const share = i / (STEPS - 1);
      for (let d = 0; d < this.z.length; d++) this.z[d] = this.ends[0][d] + share * (this.ends[1][d] - this.ends[0][d]);
      picture.paint(model.decoder.decode(this.z));
    });
  }

  drawLine(context, view, model) {
    const { text, background } = this.colours();
    const { labels } = this.path.frame.arrays;
    const [a, b] = this.state.pair.map((i) => view.toPixel(model.us[i], model.vs[i]));
    for (const [colour, width] of [[background, 5], [text, 2]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: width });
      context.beginPath();
      context.moveTo(...a);
      context.lineTo(...b);
      context.stroke();
    }
    for (let i = 0; i < STEPS; i++) {
      const share = i / (STEPS - 1);
      const end = i === 0 || i === STEPS - 1;
      context.beginPath();
      context.arc(a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), end ? 7 : 3, 0, 2 * Math.PI);
      context.fillStyle = end ? classColour(labels[this.state.pair[i ? 1 : 0]], this.path.classes.length) : text;
      Object.assign(context, { strokeStyle: end ? text : background, lineWidth: 1.5 });
      context.fill();
      context.stroke();
    }
  }

  retheme() {
    for (const { pane } of this.columns) pane.retheme();
  }

  destroy() {
    for (const { pane } of this.columns) pane.destroy();
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

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
