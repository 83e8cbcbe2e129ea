// Neighbours: the data points nearest to z in latent space, and those whose pixels are nearest to the image decoded there.

import { pieces, Slices } from "../../core/slices.js";
import { Nearest } from "../../math/neighbours.js";
import { classColour } from "../../plot/palette.js";
import { Picture } from "../../plot/picture.js";
import { pointName } from "../capabilities.js";

const COUNT = 12;
const NUMBERS = 100_000; // compared in a piece of work: under a millisecond

const HTML = `
<section><h3>in latent space <small>‖z − μ‖</small></h3><div class="er-latent er-found"></div></section>
<section class="er-by-pixels"><h3>in pixels <small>‖x̂(z) − x‖</small></h3><div class="er-pixel er-found"></div></section>
<p class="er-agree" role="status"></p>`;

export class Neighbours {
  constructor(explorer, root) {
    this.explorer = explorer;
    this.root = root;
    this.slices = new Slices();
    root.innerHTML = HTML;
    this.$ = (selector) => root.querySelector(selector);
  }

  load(frame) {
    const { meta, given } = frame;
    this.frame = frame;
    this.size = meta.image_shape.reduce((a, b) => a * b, 1);
    this.decoder = this.explorer.decoder;
    this.inPixels = Boolean(this.decoder && given.images && frame.count);
    this.$(".er-by-pixels").hidden = !this.inPixels;
    this.asked = null;
    this.wanted = null;
    this.query = null;
    this.isBusy = false;
    this.found = null;
    const count = Math.min(COUNT, frame.count);
    this.shelves = ["latent", "pixel"].map((name) => this.shelf(this.$(`.er-${name}`), count));
    if (!count) this.$(".er-agree").textContent = "No data are at hand for this model, so nothing is near.";
  }

  shelf(root, count) {
    const found = Array.from({ length: count }, () => {
      const button = document.createElement("button");
      button.innerHTML = "<canvas></canvas><span></span>";
      const entry = { button, picture: new Picture(button.firstChild, this.frame.meta.image_shape), index: -1 };
      button.addEventListener("click", (event) => this.explorer.pinPoint(entry.index, event.timeStamp));
      return entry;
    });
    root.replaceChildren(...found.map(({ button }) => button));
    return found;
  }

  opened() {
    this.asked = null;
  }

  closed() {
    this.slices.stop();
    this.decoder?.forget("neighbours");
    this.wanted = null;
    this.query = null;
    this.isBusy = false;
  }

  // One search at a time; when it is done, the newest z that has come since is next.
  show(z) {
    if (!this.frame?.count || (this.asked && z.every((v, d) => v === this.asked[d]))) return;
    this.asked = this.wanted = Float64Array.from(z);
    if (!this.isBusy) this.slices.run(pieces(() => this.search()));
    this.isBusy = true;
  }

  // A piece of the work; false where there is nothing to do, until the decoder answers or z is another.
  search() {
    if (this.query) return this.goOn();
    this.isBusy = this.wanted !== null;
    if (this.wanted) this.begin(this.wanted);
    return this.query !== null;
  }

  goOn() {
    const unfinished = this.query.find((nearest) => nearest.step(Math.max(1, Math.floor(NUMBERS / nearest.width))));
    if (unfinished) return true;
    this.present(this.query.map(({ found }) => found));
    this.query = null;
    return true;
  }

  // Begins the search for z: in pixels, once the decoder says what it looks like.
  begin(z) {
    this.wanted = null;
    const { arrays, meta } = this.frame;
    const latent = new Nearest(arrays.mu, meta.latent_dim, z, COUNT);
    if (!this.inPixels) this.query = [latent];
    else
      this.decoder.ask("neighbours", z, ({ pixels }, late) => {
        this.query = [latent, new Nearest(arrays.images, this.size, pixels.slice(), COUNT, { scale: 1 / 255 })];
        if (late) this.slices.run(pieces(() => this.search()));
      });
  }

  // `found` = those in latent space, then those in pixels.
  present(found) {
    found.forEach((entries, which) =>
      entries.forEach(({ index, squared }, i) => this.put(this.shelves[which][i], index, Math.sqrt(squared))),
    );
    this.found = found.map((entries) => entries.map(({ index }) => index));
    this.$(".er-agree").textContent = this.summary();
    this.root.dataset.found = this.found.map((indices) => indices.join(",")).join(" ");
    const { view } = this.explorer.map;
    if (view) this.place(view);
  }

  put(entry, index, distance) {
    const { arrays, meta, given } = this.frame;
    const name = meta.classes[arrays.labels[index]];
    entry.index = index;
    if (given.images) entry.picture.paint(arrays.images, 1 / 255, index * this.size);
    entry.button.style.setProperty("--colour", classColour(arrays.labels[index], meta.classes.length, meta.ordered));
    const away = distance.toFixed(distance < 0.1 ? 4 : 2);
    entry.button.lastChild.textContent = given.images ? away : `${pointName(this.frame, index)}: ${away}`;
    entry.button.ariaLabel = `data point ${index}, class ${name}, at distance ${away}`;
    entry.button.title = `class ${name}; a click puts the lens there`;
  }

  // "9 of 12 are class 3 in latent space, 7 of 12 in pixels; 4 are the same images."
  summary() {
    const { labels } = this.frame.arrays;
    const { classes } = this.frame.meta;
    const parts = this.found.map((indices, which) => {
      const counts = new Map();
      for (const i of indices) counts.set(labels[i], (counts.get(labels[i]) ?? 0) + 1);
      const [label, most] = [...counts].sort((a, b) => b[1] - a[1])[0];
      return `${most} of ${indices.length} are class ${classes[label]} in ${which ? "pixels" : "latent space"}`;
    });
    const [latent, pixel = null] = this.found;
    const same = pixel ? `; ${latent.filter((i) => pixel.includes(i)).length} images are among both` : "";
    return `${parts.join(", ")}${same}.`;
  }

  place(view) {
    if (!this.found) return;
    const { us, vs } = this.explorer.points;
    const circle = (i, kind) => {
      const [x, y] = view.toPixel(us[i], vs[i]);
      return `<circle class="er-near-${kind}" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${kind === "latent" ? 6 : 8.5}"/>`;
    };
    this.marks.innerHTML = this.found
      .flatMap((indices, which) => indices.map((i) => circle(i, which ? "pixel" : "latent")))
      .join("");
  }
}
