// The explorer: map, lens, sliders and controls over one state. Knows the frame and the page's element, nothing of Streamlit.

import { whole } from "../core/format.js";
import { Link } from "../core/link-hash.js";
import { topOf, watchTop } from "../core/page-top.js";
import { State } from "../core/state.js";
import { keepSwipesOff } from "../core/swipe.js";
import { afterPaint, calm, measure } from "../core/timing.js";
import { Frame } from "../data/frame.js";
import { Inset } from "../map/inset.js";
import { Pointer } from "../map/pointer.js";
import { perPoint, standardNormal } from "../math/gaussian.js";
import { NearestMean } from "../math/nearest-mean.js";
import { Projection } from "../math/projection.js";
import { AskedNetwork } from "../network/inference-client.js";
import { Legend } from "../widgets/legend.js";
import { complete, restrict } from "./capabilities.js";
import { colouring } from "./colouring.js";
import { Controls } from "./controls.js";
import { Description } from "./description.js";
import { fetchEmbedding, MOST as TSNE_MOST } from "./embedding.js";
import { HoleNumbers } from "./hole-numbers.js";
import { Layer } from "./layer.js";
import { Lens } from "./lens.js";
import { LatentMap } from "./map.js";
import { HTML } from "./parts.js";
import { Sliders } from "./sliders.js";
import { MOST as SPACE_MOST, Space } from "./space.js";
import { Tools } from "./tools.js";

const SNAP = 9; // px within which a click takes the data point itself

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Explorer {
  constructor(root) {
    this.root = root;
    this.networks = []; // of the open model
    this.link = new Link(root, {
      hash: () => this.state.toHash(),
      follow: (hash) => this.frame && this.followLink(hash),
    });
    root.classList.add("er");
    root.innerHTML = HTML;
    keepSwipesOff(root);
    this.$ = (selector) => root.querySelector(selector);
    watchTop(root, () => root.style.setProperty("--er-top", `${topOf(root) + 10}px`));
    this.map = new LatentMap(this.$(".er-map"));
    this.holes = new HoleNumbers(this.$(".er-holes"), this.$(".er-map"));
    this.lens = new Lens(this.$(".er-side"));
    this.description = new Description(this.$(".er-decoded"), this.$(".er-voice"));
    this.sliders = new Sliders(this.$(".er-sliders"), (d, value, at) => this.slide(d, value, at));
    this.tools = new Tools(this, {
      tabs: this.$(".er-tabs"),
      panels: this.$(".er-panels"),
      marks: this.$(".er-marks"),
      layer: new Layer(this.$(".er-layer")),
    });
    this.inset = new Inset(this.$(".er-map"), () => [this.$(".er-decoded")]);
    this.space = new Space(this, this.$(".er-space"), this.$(".er-wire"));
    this.map.onView = (view) => {
      this.space.draw(view);
      this.tools.follow(view);
    };
    this.map.onMoved = (shown) => {
      if (!this.showsPlane) return;
      this.state.view = shown;
      this.link.save();
    };
    this.pointer = new Pointer(this.$(".er-map"), this.map, {
      hover: (x, y, at, finger) => this.tools.takes("hover", x, y, at) || this.hover(x, y, at, finger),
      click: (x, y, at, snap) => this.tools.takes("click", x, y, at, snap) || this.click(x, y, at, snap),
      press: (x, y, at) => this.tools.takes("press", x, y, at) || this.space.press(x, y),
      drag: (x, y, at) => (this.space.from ? this.space.drag(x, y, at) : this.tools.tell("drag", x, y, at)),
      drop: (x, y, at, cancelled) =>
        this.space.from ? this.space.drop(x, y, at, cancelled) : this.tools.tell("drop", x, y, at, cancelled),
      pinch: (factor, x, y, dx, dy) => this.pinch(factor, x, y, dx, dy),
      reset: () => this.map.reset(),
      touched: (x, y) => this.inset.show(x, y),
      lifted: () => this.inset.hide(),
    });
    this.connectButtons();
  }

  // Shows the model of the frame at `url`; `encoder` gives the address of its encoder's frame, once that is needed. A later
  // call wins over an earlier one that is still on its way.
  async load(url, encoder) {
    if (url === this.url) return this.frame && this.link.arrive();
    this.url = url;
    this.encoderAddress = encoder;
    this.encoding = null;
    try {
      const frame = await Frame.fetch(url);
      if (url === this.url) await this.open(frame);
    } catch (error) {
      if (url !== this.url) return;
      this.url = null;
      this.say("This model could not be loaded. Choose it again, or reload the page.");
      console.error(error);
    }
  }

  // The model's encoder, fetched when something is first to be encoded.
  encoder() {
    this.encoding ??= Promise.resolve(this.encoderAddress())
      .then((url) => Frame.fetch(url))
      .then((frame) => this.network("encode", frame));
    const asked = this.encoding;
    asked.catch(() => this.encoding === asked && (this.encoding = null)); // so that it can be asked for again
    return asked;
  }

  // One of the open model's networks.
  network(kind, frame) {
    const network = new AskedNetwork(kind, frame);
    this.networks.push(network);
    return network;
  }

  async open(frame) {
    const { latent_dim: k, classes } = frame.meta;
    const state = new State(k);
    const hash = this.link.begin();
    if (hash === null && this.frame) Object.assign(state, keepChoices(this.state, classes.length));
    else state.fromHash(hash ?? "", { classes: classes.length, count: frame.count });
    this.frame = frame;
    complete(frame);
    for (const [part, there] of Object.entries(frame.given)) this.root.classList.toggle(`er-without-${part}`, !there);
    this.costs = perPoint(frame.arrays.mu, frame.arrays.logvar, frame.count, k);
    this.means?.stop();
    this.means = new NearestMean(frame.arrays.mu, k, frame.arrays.labels, () => this.schedule(performance.now()));
    for (const network of this.networks.splice(0)) network.close();
    this.decoder = frame.given.decoder ? this.network("decode", frame) : null;
    this.lens.load(frame, this.costs, this.decoder);
    this.map.manifold.load(frame, this.decoder);
    this.sliders.load(k, frame.meta.rate_per_dim);
    this.tools.load();
    this.root.classList.toggle("er-many", k > 4);
    await this.adopt(state);
    this.say(frame.count ? "" : "No held-out images are at hand for this model, so the map shows the prior only.");
    performance.mark("elbo-room:interactive");
    this.root.dataset.ready = frame.meta.name;
  }

  // Shows the open model as `state` says.
  async adopt(state) {
    this.state = state;
    restrict(state, this.frame.given);
    const refusal = state.isSpatial ? this.refusal("3d") : "";
    if (refusal) state.plane = "pca";
    this.map.say("3d", refusal);
    this.controls = new Controls(this.$(".er-controls"), state);
    this.controls.load(this.frame.meta, { ...this.frame.given, ...this.offers, count: this.frame.count });
    this.legend = new Legend(this.$(".er-legend"), state);
    this.legend.load(this.frame.meta.classes);
    this.setZeta("");
    state.subscribe((changed, at) => this.changed(changed, at));
    this.findNeighbours();
    this.project();
    await this.map.show(this.scene(), this.showsPlane ? state.view : null);
    this.countHoles();
    this.link.save();
    this.show();
    this.tools.open(state.tool);
  }

  // Shows the open model as another link says.
  followLink(hash) {
    const state = new State(this.frame.meta.latent_dim);
    state.fromHash(hash, { classes: this.frame.meta.classes.length, count: this.frame.count });
    const changed = state.differences(this.state);
    this.adopt(state).then(() => this.tools.tell("changed", changed, performance.now()));
  }

  say(message) {
    const element = this.$(".er-message");
    element.textContent = message;
    element.hidden = !message;
  }

  project() {
    const { meta, arrays, count } = this.frame;
    const k = meta.latent_dim;
    const { plane, colour, isSpatial, turn } = this.state;
    if (k === 1) this.projection = Projection.line();
    else if (plane === "tsne" && this.embedding?.mu === arrays.mu) this.projection = this.embedding;
    else if (isSpatial) this.projection = this.space.begin(this.frame, plane, turn);
    else if (!plane.includes(",")) this.projection = Projection.pca(arrays.pca, meta.pca_shares, k);
    else this.projection = Projection.axes(k, ...plane.split(",").map(Number));
    const [us, vs] = this.projection.projectAll(arrays.mu, count);
    this.points = { us, vs, labels: arrays.labels, values: colouring(colour, this.frame, this.costs) };
    this.pointed = null;
    if (this.space.shown) this.space.project(us, vs);
    this.barControls();
  }

  // What there is nothing to draw of on the map shown.
  barControls() {
    const { invertible, spatial } = this.projection;
    if (invertible === false)
      this.controls.bar(["zones", "scale", "density", "manifold"], "not on a t-SNE map: it has no way back to z");
    else this.controls.bar(spatial ? ["density", "manifold"] : [], "on a plane only");
  }

  // To how many points the map can have views beside planes; to none where it cannot have them at all.
  get offers() {
    return { tsne: this.tsneAddress ? TSNE_MOST : 0, "3d": this.frame.meta.latent_dim > 2 ? SPACE_MOST : 0 };
  }

  // What is to be said of a view that a link asks for and this map cannot have; "" of any other.
  refusal(view) {
    const most = this.offers[view];
    if (most && this.frame.count <= most) return "";
    const name = { tsne: "t-SNE", "3d": "3-D" }[view];
    return `${most ? `${name} is for at most ${whole(most)} points` : `There is no ${name} of this map`}: its principal plane is shown`;
  }

  // The space has been turned in the hand.
  turned() {
    this.space.project(this.points.us, this.points.vs);
    this.pointed = null;
    this.map.moved();
    this.space.draw(this.map.view);
    this.tools.follow(this.map.view);
  }

  // Whether the map shows the plane that the state names: t-SNE may still be on its way.
  get showsPlane() {
    return this.state.plane !== "tsne" || !this.projection.invertible;
  }

  // Asks for the t-SNE map where the state wants it and it is not there yet; the principal plane is shown meanwhile.
  async findNeighbours() {
    const { frame, state } = this;
    if (state.plane !== "tsne") return this.map.say("tsne", "");
    if (this.refusal("tsne")) return this.map.say("tsne", this.refusal("tsne"));
    const wanted = () => this.frame === frame && this.state === state && state.plane === "tsne";
    try {
      if (this.embedding?.mu !== frame.arrays.mu) {
        const tell = (share) =>
          this.map.say("tsne", `t-SNE is being made: ${Math.round(100 * share)} %; the principal plane meanwhile`);
        const found = await fetchEmbedding(this.tsneAddress, frame, tell, wanted);
        if (!found || !wanted()) return;
        this.embedding = found;
        this.project();
        this.map.show(this.scene(), state.view);
        this.tools.tell("changed", new Set(["plane"]), performance.now());
        this.schedule(performance.now());
      }
      this.map.say(
        "tsne",
        "t-SNE has no inverse: the lens decodes the μ of the nearest point; zones, density and manifold are drawn on planes",
      );
    } catch (error) {
      if (wanted()) this.map.say("tsne", error.message);
    }
  }

  scene() {
    const { frame, projection, points, state } = this;
    return { frame, projection, points, state, covariance: (i) => projection.covariance(frame.arrays.logvar, i) };
  }

  // --- what the state's listeners do -------------------------------------------------------------------------------

  changed(changed, at) {
    if (changed.has("plane")) {
      this.findNeighbours();
      this.project();
      this.map.show(this.scene());
    } else if (changed.has("turn")) {
      this.turned();
    } else if (changed.has("colour")) {
      this.points.values = colouring(this.state.colour, this.frame, this.costs);
      this.map.recolour();
      this.space.draw(this.map.view);
    } else if (changed.has("hidden")) {
      this.legend.show();
      this.map.filter();
      this.space.draw(this.map.view);
    } else if (changed.has("zones") || changed.has("density") || changed.has("scale")) {
      this.map.redrawZones();
      this.space.draw(this.map.view);
    } else if (changed.has("manifold")) {
      this.map.manifold.show(this.map.scene);
    }
    if (changed.has("tool")) this.tools.open(this.state.tool);
    else this.tools.tell("changed", changed, at);
    this.countHoles();
    this.schedule(at);
    this.link.save();
  }

  countHoles() {
    if (this.state.density === "holes") this.holes.show(this.frame, this.state.hidden);
    else this.holes.stop();
  }

  // --- z -----------------------------------------------------------------------------------------------------------

  // A finger takes the lens along even where that is pinned; a mouse does not.
  hover(x, y, at, finger = false) {
    if (!this.frame || (this.state.pinned && !finger)) return;
    const { state, map, showsAllOfZ } = this;
    this.lift(...map.view.toData(x, y));
    const index = showsAllOfZ ? -1 : map.markerAt(x, y);
    this.pointed = index < 0 ? null : { index, z: state.z.slice() };
    if (state.pinned) state.set({ point: -1 }, at);
    else this.schedule(at);
  }

  // z goes to a spot of the map; where no spot stands for a z, to the mean of the visible point that is drawn nearest to it.
  lift(u, v) {
    const { projection, map, state } = this;
    if (projection.invertible) return projection.lift(state.z, u, v);
    const nearest = map.nearest(u, v);
    if (nearest >= 0) state.z.set(this.meanOf(nearest));
  }

  meanOf(i) {
    const k = this.state.z.length;
    return this.frame.arrays.mu.subarray(i * k, (i + 1) * k);
  }

  click(x, y, at, snap) {
    if (!this.frame) return;
    const { state, map } = this;
    if (snap && state.pinned && this.isAtMarker(x, y)) return state.set({ pinned: false, point: -1 }, at);
    const [u, v] = map.view.toData(x, y);
    const nearest = snap ? map.nearest(u, v) : -1;
    if (nearest >= 0 && this.distance(nearest, x, y) < SNAP) return this.pinPoint(nearest, at);
    this.lift(u, v);
    state.set({ pinned: true, point: -1 }, at);
  }

  isAtMarker(x, y) {
    const [mx, my] = this.map.view.toPixel(...this.projection.project(this.state.z));
    return Math.hypot(mx - x, my - y) < SNAP + 3;
  }

  distance(i, x, y) {
    const [px, py] = this.map.view.toPixel(this.points.us[i], this.points.vs[i]);
    return Math.hypot(px - x, py - y);
  }

  pinPoint(i, at) {
    this.state.z.set(this.meanOf(i));
    this.state.set({ pinned: true, point: i }, at);
  }

  slide(d, value, at) {
    this.state.z[d] = value;
    this.setZeta("");
    this.state.set({ pinned: true, point: -1 }, at);
  }

  pinch(factor, x, y, dx, dy) {
    const { view } = this.map;
    const perPixel = 1 / view.pixelsPerUnit;
    const [u, v] = view.toData(x, y);
    const range = ([a, b], centre, shift) => [
      centre + (a - shift - centre) * factor,
      centre + (b - shift - centre) * factor,
    ];
    this.map.setRange({ x: range(view.x, u, dx * perPixel), y: range(view.y, v, -dy * perPixel) });
  }

  connectButtons() {
    const on = (selector, action) =>
      this.$(selector).addEventListener("click", (event) => this.frame && action(event.timeStamp));
    on(".er-origin", (at) => this.moveTo(new Float64Array(this.state.z.length), at, ""));
    on(".er-draw-prior", (at) => this.moveTo(standardNormal(this.state.z.length), at, ""));
    on(".er-draw-posterior", (at) => this.drawPosterior(at));
    on(".er-share", () => this.share());
    on(".er-whole", () => this.map.reset());
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  // Escape releases the lens; on the map, arrows move it by a hundredth of the view, with Shift by a tenth.
  key(event) {
    if (!this.frame) return;
    if (event.key === "Escape" && this.state.pinned)
      return this.state.set({ pinned: false, point: -1 }, event.timeStamp);
    const [du, dv] = ARROWS[event.key] ?? [0, 0];
    if ((!du && !dv) || event.target !== this.$(".er-map")) return;
    event.preventDefault();
    this.description.speak();
    const { x, y } = this.map.view;
    const step = (event.shiftKey ? 0.1 : 0.01) * Math.min(x[1] - x[0], y[1] - y[0]);
    const [u, v] = this.projection.project(this.state.z);
    this.lift(u + du * step, v + dv * step);
    this.state.set({ pinned: true, point: -1 }, event.timeStamp);
  }

  moveTo(z, at, zeta, point = -1) {
    this.state.z.set(z);
    this.setZeta(zeta);
    this.state.set({ pinned: true, point }, at);
  }

  // z = mu + sigma·zeta of the data point beside the lens.
  drawPosterior(at) {
    const i = this.nearestPoint();
    if (i < 0) return;
    const { mu, logvar } = this.frame.arrays;
    const k = this.state.z.length;
    const zeta = standardNormal(k);
    const z = zeta.map((e, d) => mu[i * k + d] + Math.exp(0.5 * logvar[i * k + d]) * e);
    this.moveTo(z, at, zeta, i);
  }

  setZeta(zeta) {
    const shown = Array.from(zeta)
      .slice(0, 6)
      .map((e) => (e < 0 ? "−" : "") + Math.abs(e).toFixed(2));
    this.$(".er-zeta").textContent = zeta.length ? `ζ = (${shown.join(", ")}${zeta.length > 6 ? ", …" : ""})` : "";
  }

  // --- the data point beside the lens ------------------------------------------------------------------------------

  // Whether the map shows every dimension of z, at its true distances.
  get showsAllOfZ() {
    return this.frame.meta.latent_dim === 2 && this.projection.invertible;
  }

  // The data point that is pointed at, if the lens is still where it was then.
  get pointedAt() {
    const { pointed, state, points } = this;
    const holds =
      pointed &&
      !state.pinned &&
      !state.hidden.includes(points.labels[pointed.index]) &&
      pointed.z.every((v, d) => v === state.z[d]);
    return holds ? pointed.index : -1;
  }

  // The data point that is shown beside the lens, or −1, and which one that is: the one that was chosen (by a click, by a
  // link, or for draws of its posterior), the one that the hand points at, or the one whose mean is nearest to z.
  beside(search = (z, hidden) => this.means.now(z, hidden)) {
    const { state, pointedAt, showsAllOfZ } = this;
    if (state.point >= 0) return { index: state.point, which: "chosen" };
    if (pointedAt >= 0) return { index: pointedAt, which: "pointed at" };
    const index = showsAllOfZ ? this.map.nearest(...this.projection.project(state.z)) : search(state.z, state.hidden);
    return { index, which: "nearest in z" };
  }

  nearestPoint() {
    return this.beside().index;
  }

  // --- painting ----------------------------------------------------------------------------------------------------

  // Paints once before the next frame, however many inputs arrive until then.
  schedule(startedAt) {
    this.startedAt ??= startedAt;
    this.handledAt ??= performance.now(); // browsers hold pointer events back until a frame begins: that wait is not ours
    this.frameRequest ??= requestAnimationFrame(() => {
      this.frameRequest = null;
      const [started, handled] = [this.startedAt, this.handledAt];
      this.startedAt = this.handledAt = null;
      this.show();
      afterPaint(() => {
        measure("elbo-room:input-to-paint", started);
        measure("elbo-room:handled-to-paint", handled);
      });
    });
  }

  show() {
    this.tools.tell("prepare");
    const { z, pinned } = this.state;
    this.lens.show(z, pinned);
    const { index: nearest, which } = this.beside((...asked) => this.means.soon(...asked));
    this.lens.showPoint(nearest, which, z);
    this.map.mark(...this.projection.project(z), nearest, !this.showsAllOfZ);
    this.map.manifold.leave(z);
    this.space.mark(this.map.view, nearest);
    this.sliders.show(z);
    this.tools.tell("show", z, nearest);
    this.root.classList.toggle("er-pinned", pinned);
    this.description.later(() => this.underLens());
  }

  // What the lens looks at, for its description.
  underLens() {
    const {
      state,
      frame: { meta, arrays, given },
    } = this;
    return {
      z: state.z,
      means: arrays.mu,
      labels: arrays.labels,
      hidden: state.hidden,
      classes: meta.classes,
      decoded: given.decoder,
    };
  }

  // Hands Plotly to the map, once the hand rests: its start takes longer than a frame, and the lens must not wait.
  async plotWith(plotly) {
    await calm(this.root);
    await this.decoder?.firstAnswer; // which comes from a worker where the network is large
    try {
      await this.map.plot(await plotly());
    } catch (error) {
      this.say("The map's axes could not be loaded, so it cannot be zoomed. Reload the page.");
      console.error(error);
    }
  }

  // A new theme: everything drawn in the page's colours is drawn again.
  retheme() {
    this.map.manifold.retheme();
    this.map.recolour();
    this.tools.tell("retheme");
    this.tools.repaint();
  }

  // --- the address bar ---------------------------------------------------------------------------------------------

  async share() {
    const { pinned, point } = this.state;
    if (this.pointedAt >= 0) this.state.point = this.pointedAt;
    this.state.pinned = true; // the link keeps the spot under the lens, and the point beside it
    const link = `${location.href.split("#")[0]}#${this.state.toHash()}`;
    Object.assign(this.state, { pinned, point });
    const copied = await navigator.clipboard?.writeText(link).then(
      () => true,
      () => false,
    );
    const button = this.$(".er-share");
    button.textContent = copied ? "copied" : "copy the address bar";
    setTimeout(() => (button.textContent = "copy link"), 1500);
  }
}

// What stays chosen when another model is opened.
function keepChoices(
  { colour, scale, density, manifold, zones, tool, path, source, seed, temperature, by, order, mode },
  classes,
) {
  const known = ["none", "pointer", "all"].includes(zones) || Number(zones) < classes;
  const ofTools = { tool, path, source, seed, temperature, by, order, mode };
  return { colour, scale, density, manifold, zones: known ? zones : "pointer", ...ofTools };
}
