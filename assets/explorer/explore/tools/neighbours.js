// Neighbours: the data points whose mu is nearest to z, and those whose pixels are nearest to the image decoded at z.

import { find } from "../../core/dom.js";
import { pieces, Slices } from "../../core/slices.js";
import { Nearest } from "../../math/neighbours.js";
import { classColour } from "../../plot/palette.js";
import { Picture } from "../../plot/picture.js";
import { pointName } from "../capabilities.js";

/** @import { MapFrame } from "../../data/frame.js" */
/** @import { View } from "../../map/view.js" */
/** @import { InferenceClient } from "../../network/inference-client.js" */
/** @import { ToolHost } from "../tool-host.js" */
/** @import { Tool } from "./tool.js" */

/**
 * What this tool uses of its host.
 * @typedef {Pick<ToolHost, "decoder" | "map" | "pinPoint" | "points">} NeighboursHost
 */

/**
 * A place for a neighbour in the panel; `index` is the data point shown there, −1 for none.
 * @typedef {{ button: HTMLButtonElement, picture: Picture, distance: HTMLElement, index: number }} Place
 */

const COUNT = 12;
const NUMBERS = 100_000; // compared in one piece of work, which takes less than a millisecond

const HTML = `
<section><h3>in latent space <small>‖z − μ‖</small></h3><div class="er-latent er-found" data-control="neighbours"></div></section>
<section class="er-by-pixels"><h3>in pixels <small>‖x̂(z) − x‖</small></h3><div class="er-pixel er-found" data-control="neighbours"></div></section>
<p class="er-agree" role="status"></p>`;

/** @implements {Tool} */
export class Neighbours {
  /**
   * @param {NeighboursHost} host
   * @param {HTMLElement} root
   */
  constructor(host, root) {
    this.host = host;
    this.root = root;
    this.slices = new Slices();
    /** @type {InferenceClient<"decode"> | null} */
    this.decoder = null;
    this.size = 0; // numbers of an image
    this.inPixels = false; // images are compared too
    /** @type {Float64Array | null} the z of the newest search */
    this.searched = null;
    /** @type {Float64Array | null} the z of the next search */
    this.wanted = null;
    /** @type {Nearest[] | null} the search that is running: in latent space, then in pixels */
    this.query = null;
    this.isSearching = false;
    /** @type {number[][] | null} the data points found in latent space, then those in pixels */
    this.found = null;
    /** @type {Place[][]} */
    this.shelves = [];
    // The casts: these are set before any other method runs, `marks` by explore/tools.js and the others by `load`.
    /** @type {SVGElement} */
    this.marks = /** @type {never} */ (null);
    /** @type {MapFrame} */
    this.frame = /** @type {never} */ (null);
    root.innerHTML = HTML;
    this.agree = find(root, ".er-agree");
  }

  /** @param {MapFrame} frame */
  load(frame) {
    const { meta, given } = frame;
    this.frame = frame;
    this.size = meta.image_shape.reduce((a, b) => a * b, 1);
    this.decoder = this.host.decoder;
    this.inPixels = Boolean(this.decoder && given.images && frame.count);
    find(this.root, ".er-by-pixels").hidden = !this.inPixels;
    this.searched = null;
    this.wanted = null;
    this.query = null;
    this.isSearching = false;
    this.found = null;
    const count = Math.min(COUNT, frame.count);
    this.shelves = ["latent", "pixel"].map((name) => this.shelf(find(this.root, `.er-${name}`), count));
    if (!count) this.agree.textContent = "No data are at hand for this model, so nothing is near.";
  }

  /**
   * Fills `root` with `count` empty places.
   * @param {HTMLElement} root
   * @param {number} count
   */
  shelf(root, count) {
    const found = Array.from({ length: count }, () => {
      const button = document.createElement("button");
      button.innerHTML = "<canvas></canvas><span></span>";
      const picture = new Picture(find(button, "canvas", HTMLCanvasElement), this.frame.meta.image_shape);
      /** @type {Place} */
      const place = { button, picture, distance: find(button, "span"), index: -1 };
      button.addEventListener("click", (event) => this.host.pinPoint(place.index, event.timeStamp));
      return place;
    });
    root.replaceChildren(...found.map(({ button }) => button));
    return found;
  }

  opened() {
    this.searched = null;
  }

  isBusy() {
    return this.isSearching;
  }

  closed() {
    this.slices.stop();
    this.decoder?.forget("neighbours");
    this.wanted = null;
    this.query = null;
    this.isSearching = false;
  }

  /**
   * Searches run one at a time; the next one is for the newest z that was shown meanwhile.
   * @param {Float64Array} z
   */
  show(z) {
    const { searched } = this;
    if (!this.frame.count || (searched && z.every((v, d) => v === searched[d]))) return;
    this.searched = this.wanted = Float64Array.from(z);
    if (!this.isSearching) this.slices.run(pieces(() => this.search()));
    this.isSearching = true;
  }

  /** Does one piece of the work; false where nothing is left until the decoder answers or z changes. */
  search() {
    if (this.query) return this.goOn(this.query);
    this.isSearching = this.wanted !== null;
    if (this.wanted) this.begin(this.wanted);
    return this.query !== null;
  }

  /** @param {Nearest[]} query */
  goOn(query) {
    const unfinished = query.find((nearest) => nearest.step(Math.max(1, Math.floor(NUMBERS / nearest.width))));
    if (unfinished) return true;
    this.present(query.map(({ found }) => found));
    this.query = null;
    return true;
  }

  /**
   * Begins the search for z; the search in pixels needs the decoded image first.
   * @param {Float64Array} z
   */
  begin(z) {
    this.wanted = null;
    const { arrays, meta } = this.frame;
    const latent = new Nearest(arrays.mu, meta.latent_dim, z, COUNT);
    if (!this.inPixels) this.query = [latent];
    else
      this.decoder?.ask("neighbours", z, ({ pixels }, late) => {
        this.query = [latent, new Nearest(arrays.images, this.size, pixels.slice(), COUNT, { scale: 1 / 255 })];
        if (late) this.slices.run(pieces(() => this.search()));
      });
  }

  /** @param {Nearest["found"][]} results of the search in latent space, then of that in pixels */
  present(results) {
    results.forEach((entries, which) => {
      entries.forEach(({ index, squared }, i) => {
        this.put(this.shelves[which][i], index, Math.sqrt(squared));
      });
    });
    const found = results.map((entries) => entries.map(({ index }) => index));
    this.found = found;
    this.agree.textContent = this.summary(found);
    this.root.dataset.found = found.map((indices) => indices.join(",")).join(" ");
    const { view } = this.host.map;
    if (view) this.place(view);
  }

  /**
   * Shows a data point in a place.
   * @param {Place} place
   * @param {number} index
   * @param {number} distance
   */
  put(place, index, distance) {
    const { arrays, meta, given } = this.frame;
    const name = meta.classes[arrays.labels[index]];
    place.index = index;
    if (given.images) place.picture.paint(arrays.images, 1 / 255, index * this.size);
    place.button.style.setProperty("--colour", classColour(arrays.labels[index], meta.classes.length));
    const away = distance.toFixed(distance < 0.1 ? 4 : 2);
    place.distance.textContent = given.images ? away : `${pointName(this.frame, index)}: ${away}`;
    place.button.ariaLabel = `data point ${index}, class ${name}, at distance ${away}`;
    place.button.title = `class ${name}; a click puts the lens there`;
  }

  /**
   * "9 of 12 are class 3 in latent space, 7 of 12 are class 3 in pixels; 4 images are among both."
   * @param {number[][]} found
   */
  summary(found) {
    const { labels } = this.frame.arrays;
    const { classes } = this.frame.meta;
    const parts = found.map((indices, which) => {
      /** @type {Map<number, number>} label → points found */
      const counts = new Map();
      for (const i of indices) counts.set(labels[i], (counts.get(labels[i]) ?? 0) + 1);
      const [label, most] = [...counts].sort((a, b) => b[1] - a[1])[0];
      return `${most} of ${indices.length} are class ${classes[label]} in ${which ? "pixels" : "latent space"}`;
    });
    const [latent, pixel = null] = found;
    const same = pixel ? `; ${latent.filter((i) => pixel.includes(i)).length} images are among both` : "";
    return `${parts.join(", ")}${same}.`;
  }

  /** @param {View} view */
  place(view) {
    if (!this.found) return;
    const { us, vs } = this.host.points;
    /**
     * @param {number} i
     * @param {"latent" | "pixel"} kind
     */
    const circle = (i, kind) => {
      const [x, y] = view.toPixel(us[i], vs[i]);
      return `<circle class="er-near-${kind}" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${kind === "latent" ? 6 : 8.5}"/>`;
    };
    this.marks.innerHTML = this.found
      .flatMap((indices, which) => indices.map((i) => circle(i, which ? "pixel" : "latent")))
      .join("");
  }
}
