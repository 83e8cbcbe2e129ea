// The explorer: map, lens, sliders and controls over one state. It works on a frame and a page's element, and does not
// depend on Streamlit.

/** @import { Description as ViewDescription } from "../core/view.js" */
/** @import { MapFrame } from "../data/frame.js" */
/** @import { UnderLens } from "./description.js" */
/** @import { Ranges } from "../plot/chart.js" */
/** @import { Embedding } from "./embedding.js" */
/** @import { MapProjection } from "../math/projection.js" */
/** @import { NetworkKind } from "../network/network.js" */
/** @import { MapPoints, Scene, Shown } from "./map.js" */
/** @import { CameraPlace } from "./motion.js" */
/** @import { StateValues } from "./state.js" */

import { find } from "../core/dom.js";
import { whole } from "../core/format.js";
import { Page } from "../core/page.js";
import { afterPaint, calm, measure } from "../core/timing.js";
import { descriptionOf } from "../core/view.js";
import { Frame } from "../data/frame.js";
import { Inset } from "../map/inset.js";
import { perPoint, standardNormal } from "../math/gaussian.js";
import { NearestMean } from "../math/nearest-mean.js";
import { Projection } from "../math/projection.js";
import { InferenceClient } from "../network/inference-client.js";
import { Legend } from "../widgets/legend.js";
import { complete, restrict } from "./capabilities.js";
import { colouring } from "./colouring.js";
import { ExploreControls } from "./controls.js";
import { Description } from "./description.js";
import { fetchEmbedding, MOST as TSNE_MOST } from "./embedding.js";
import { isSpatial } from "./fields.js";
import { HoleNumbers } from "./hole-numbers.js";
import { connectInputs } from "./input.js";
import { Layer } from "./layer.js";
import { Lens } from "./lens.js";
import { LatentMap } from "./map.js";
import { wayTo } from "./motion.js";
import { HTML } from "./parts.js";
import { Sliders } from "./sliders.js";
import { MOST as SPACE_MOST, Space } from "./space.js";
import { State, valuesOf } from "./state.js";
import { Tools } from "./tools.js";

const OF_THE_LENS = ["z", "point", "zeta"]; // fields that are in the link only while the lens is pinned
const OF_A_PATH = ["tool", "path", "from", "to", "plane", "turn", "hidden"];
const SNAP = 9; // px within which a click takes the data point itself

/** @typedef {ReturnType<typeof perPoint>} PointCosts rate and ln of the posterior's volume (nats) of every data point */

/**
 * Which data point is shown beside the lens, and why that one.
 * @typedef {{ index: number, which: "chosen" | "pointed at" | "nearest in z" }} Beside
 */

export class Explorer extends Page {
  /** @param {HTMLElement} root */
  constructor(root) {
    super(root);
    /** @type {InferenceClient<any>[]} those of the open model */
    this.networks = [];
    /** @type {string | null} address of the model that is open, or on its way */
    this.url = null;
    /** @type {(() => string | Promise<string>) | null} gives the address of the encoder's frame */
    this.encoderAddress = null;
    /** @type {Promise<InferenceClient<"encode">> | null} */
    this.encoding = null;
    /** @type {string | null | undefined} address of the t-SNE map; none where the server cannot make it */
    this.tsneAddress = null;
    /** @type {InferenceClient<"decode"> | null} */
    this.decoder = null;
    /** @type {Embedding | null} the newest t-SNE map */
    this.embedding = null;
    /** @type {{ index: number, z: Float64Array } | null} the data point under the pointer, and the z when it was pointed at */
    this.pointed = null;
    /** @type {ViewDescription | null} where to go once a model is open */
    this.awaited = null;
    /** A model is being loaded. */
    this.isLoading = false;
    /** Plotly is being loaded. */
    this.isPlotting = false;
    /** The t-SNE map is being made. */
    this.isEmbedding = false;
    /** @type {{ startedAt: number, handledAt: number } | null} times, in ms, of the first input that is not painted yet */
    this.input = null;
    /** The open tool handles new input just before a frame is painted. */
    this.isPreparing = false;
    // All of these are null until a model is open, which the casts hide: what may run before looks at `frame` first.
    /** @type {MapFrame} that of the open model */
    this.frame = /** @type {never} */ (null);
    /** @type {State} */
    this.state = /** @type {never} */ (null);
    /** @type {MapProjection} of the map shown */
    this.projection = /** @type {never} */ (null);
    /** @type {MapPoints} */
    this.points = /** @type {never} */ (null);
    /** @type {PointCosts} */
    this.costs = /** @type {never} */ (null);
    /** @type {NearestMean} */
    this.means = /** @type {never} */ (null);
    /** @type {ExploreControls} */
    this.controls = /** @type {never} */ (null);
    /** @type {Legend} */
    this.legend = /** @type {never} */ (null);
    root.innerHTML = HTML;
    this.listener = new AbortController();
    this.map = new LatentMap(find(root, ".er-map"));
    this.holes = new HoleNumbers(find(root, ".er-holes"), find(root, ".er-map"));
    this.lens = new Lens(find(root, ".er-side"));
    this.description = new Description(find(root, ".er-decoded", HTMLCanvasElement), find(root, ".er-voice"));
    this.sliders = new Sliders(find(root, ".er-sliders"), (d, value, at) => this.slide(d, value, at));
    this.tools = new Tools(this, {
      tabs: find(root, ".er-tabs"),
      panels: find(root, ".er-panels"),
      marks: find(root, ".er-marks", SVGGElement),
      layer: new Layer(find(root, ".er-layer", HTMLCanvasElement)),
    });
    this.inset = new Inset(find(root, ".er-map"), () => [find(root, ".er-decoded", HTMLCanvasElement)]);
    this.space = new Space(this, find(root, ".er-space", HTMLCanvasElement), find(root, ".er-wire", SVGPathElement));
    this.map.onView = (view) => {
      this.space.draw(view);
      this.tools.follow(view);
    };
    this.map.onMoved = (shown) => {
      if (this.showsPlane) this.state.set({ view: shown });
    };
    connectInputs(this);
  }

  /**
   * Opens the model of the frame at `url`. While an earlier call is still waiting for its frame, a later one replaces it.
   * @param {string} url
   * @param {(() => string | Promise<string>) | null} encoder gives the address of its encoder's frame, once that is
   *   needed; null where there is no encoder
   */
  async load(url, encoder) {
    if (url === this.url) {
      if (this.frame) this.link.arrive();
      return;
    }
    this.url = url;
    this.awaited = null;
    this.isLoading = true;
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
    } finally {
      if (url === this.url || !this.url) this.isLoading = false;
    }
  }

  /** The model's encoder, fetched when something is first to be encoded; only where there is an `encoderAddress`. */
  encoder() {
    if (!this.encoderAddress) throw new Error("These latents have no encoder.");
    this.encoding ??= Promise.resolve(this.encoderAddress())
      .then((url) => Frame.fetch(url))
      .then((frame) => this.network("encode", frame));
    const { encoding } = this;
    encoding.catch(() => {
      if (this.encoding === encoding) this.encoding = null; // so that it can be requested again
    });
    return encoding;
  }

  /**
   * One of the open model's networks; it is closed when another model is opened.
   * @template {NetworkKind} Kind
   * @param {Kind} kind
   * @param {Frame} frame
   */
  network(kind, frame) {
    const network = new InferenceClient(kind, frame);
    this.networks.push(network);
    return network;
  }

  /** @param {Frame} loaded */
  async open(loaded) {
    const { latent_dim: k, classes } = loaded.meta;
    const hash = this.link.begin();
    const before = this.frame ? this.state : null;
    const frame = complete(loaded);
    this.frame = frame;
    for (const [part, there] of Object.entries(frame.given)) this.root.classList.toggle(`er-without-${part}`, !there);
    this.costs = perPoint(frame.arrays.mu, frame.arrays.logvar, frame.count, k);
    this.means?.stop();
    this.means = new NearestMean(frame.arrays.mu, k, frame.arrays.labels, () => this.schedule(performance.now()));
    for (const network of this.networks.splice(0)) network.close();
    this.decoder = frame.given.decoder ? this.network("decode", frame) : null;
    const keeps = hash === null && before && !this.awaited;
    const values = this.valuesOf(this.awaited ?? descriptionOf(hash ?? ""));
    const state = new State(
      keeps ? restrict({ ...values, ...keepChoices(before, classes.length) }, frame.given) : values,
    );
    this.awaited = null;
    this.state = state;
    this.lens.load(frame, this.costs, this.decoder);
    this.map.manifold.load(frame, this.decoder);
    this.sliders.load(k, frame.meta.rate_per_dim);
    this.tools.load();
    this.root.classList.toggle("er-many", k > 4);
    this.controls = new ExploreControls(find(this.root, ".er-controls"), state);
    this.controls.load(frame.meta, { ...frame.given, ...this.offers, count: frame.count });
    this.legend = new Legend(find(this.root, ".er-legend"), state);
    this.legend.load(classes);
    state.subscribe((changed, at) => this.changed(changed, at));
    this.findNeighbours();
    this.project();
    await this.map.show(this.scene(), this.showsPlane ? state.view : null);
    this.countHoles();
    this.link.save();
    this.show();
    this.tools.open(state.tool);
    this.say(frame.count ? "" : "No held-out images are at hand for this model, so the map shows the prior only.");
    performance.mark("elbo-room:interactive");
    this.root.dataset.ready = frame.meta.name;
  }

  /**
   * The values that a description stands for, without what the open model cannot show.
   * @param {ViewDescription} description
   */
  valuesOf(description) {
    const { meta, count, given } = this.frame;
    const bounds = { k: meta.latent_dim, classes: meta.classes.length, count };
    const values = restrict(valuesOf(description, bounds), given);
    const refusal = isSpatial(values.plane) ? this.refusal("3d") : "";
    this.map.say("3d", refusal);
    return refusal ? { ...values, plane: "pca", turn: null } : values;
  }

  // --- the interface of a view -------------------------------------------------------------------------------------

  describe() {
    return this.frame ? this.state.describe() : (this.awaited ?? {});
  }

  /** @param {ViewDescription} description */
  go(description) {
    if (!this.frame) {
      this.awaited = description;
      return null;
    }
    const { state } = this;
    this.tools.tell("halt");
    this.controls.reset();
    const to = this.valuesOf(description);
    const { first, at } = wayTo(state, to, this.cameraNow(), (values) => this.cameraOf(values));
    const { z, t } = state;
    if (Object.keys(first).length) state.set(first);
    this.link.save();
    const path = OF_A_PATH.some((name) => name in first) ? null : this.tools.pathBetween([z, t], [to.z, to.t]);
    /** @param {number} share */
    const patch = (share) => {
      const moved = at?.(share) ?? {};
      return path && share < 1 && moved.z && moved.t !== undefined ? { ...moved, z: path(moved.t) } : moved;
    };
    return at && ((/** @type {number} */ share) => this.state === state && state.set(patch(share)));
  }

  isBusy() {
    const { map, tools, means, holes, networks } = this;
    return (
      this.isLoading ||
      this.isPlotting ||
      this.isEmbedding ||
      map.isBusy ||
      tools.isBusy ||
      Boolean(means?.search) ||
      (this.frame && this.state.density === "holes" && Boolean(holes.slices.work)) ||
      networks.some(isComputing)
    );
  }

  destroy() {
    super.destroy();
    this.means?.stop();
    this.holes.stop();
    this.description.stop();
    this.map.destroy();
    this.tools.destroy();
    for (const network of this.networks.splice(0)) network.close();
  }

  /**
   * Where the camera is.
   * @returns {CameraPlace}
   */
  cameraNow() {
    return { view: placeOf(this.map.view), turn: this.space.shown?.turns ?? null };
  }

  /**
   * Where the camera will be, on the same plane.
   * @param {StateValues} to
   * @returns {CameraPlace}
   */
  cameraOf({ view, turn }) {
    const { map, space } = this;
    if (!space.shown) return { view: view ?? placeOf(map.home), turn: null };
    const goal = turn ?? space.firstTurns;
    return { view: view ?? placeOf(map.homeOf(space.placesAt(goal))), turn: goal };
  }

  /**
   * Shows a message over the map; none for "".
   * @param {string} message
   */
  say(message) {
    const element = find(this.root, ".er-message");
    element.textContent = message;
    element.hidden = !message;
  }

  /** Chooses the projection that the state names, and puts all points at their places on it. */
  project() {
    const { meta, arrays, count } = this.frame;
    const k = meta.latent_dim;
    const { plane, colour, turn } = this.state;
    if (k === 1) this.projection = Projection.line();
    else if (plane === "tsne" && this.embedding?.mu === arrays.mu) this.projection = this.embedding;
    else if (isSpatial(plane)) this.projection = this.space.begin(this.frame, plane, turn);
    else if (!plane.includes(",")) this.projection = Projection.pca(arrays.pca, meta.pca_shares, k);
    else {
      const [i, j] = plane.split(",").map(Number);
      this.projection = Projection.axes(k, i, j);
    }
    const [us, vs] = this.projection.projectAll(arrays.mu, count);
    this.points = { us, vs, labels: arrays.labels, values: colouring(colour, this.frame, this.costs) };
    this.pointed = null;
    if (this.space.shown) this.space.project(us, vs);
    this.barControls();
  }

  /** Disables the controls of what cannot be drawn on the map shown. */
  barControls() {
    const { invertible, spatial } = this.projection;
    if (invertible === false)
      this.controls.bar(["zones", "scale", "density", "manifold"], "not on a t-SNE map: it has no way back to z");
    else this.controls.bar(spatial ? ["density", "manifold"] : [], "on a plane only");
  }

  /** The largest number of points for which the map has each view that is no plane; 0 where it has none of that kind. */
  get offers() {
    return { tsne: this.tsneAddress ? TSNE_MOST : 0, "3d": this.frame.meta.latent_dim > 2 ? SPACE_MOST : 0 };
  }

  /**
   * Why this map cannot have a view that a link asks for; "" where it can.
   * @param {"tsne" | "3d"} view
   */
  refusal(view) {
    const most = this.offers[view];
    if (most && this.frame.count <= most) return "";
    const name = { tsne: "t-SNE", "3d": "3-D" }[view];
    return `${most ? `${name} is for at most ${whole(most)} points` : `There is no ${name} of this map`}: its principal plane is shown`;
  }

  /**
   * Moves the points to their places after the three-dimensional view has been turned.
   * @param {boolean} looks whether the state names the view as well
   */
  turned(looks) {
    const { space, map, points, state } = this;
    if (!space.shown) return;
    space.turnTo(state.turn);
    space.project(points.us, points.vs);
    this.pointed = null;
    map.moved(looks);
    if (looks) return;
    space.draw(map.view);
    this.tools.follow(map.view);
  }

  /** Whether the map shows the plane that the state names: the t-SNE map may not have arrived yet. */
  get showsPlane() {
    return this.state.plane !== "tsne" || !this.projection.invertible;
  }

  /** Requests the t-SNE map where the state wants it and it is not there yet; the principal plane is shown meanwhile. */
  async findNeighbours() {
    const { frame, state, tsneAddress } = this;
    this.isEmbedding = false;
    if (state.plane !== "tsne") return this.map.say("tsne", "");
    const refusal = this.refusal("tsne");
    if (refusal || !tsneAddress) return this.map.say("tsne", refusal);
    const wanted = () => !this.destroyed && this.frame === frame && this.state === state && state.plane === "tsne";
    this.isEmbedding = true;
    try {
      if (this.embedding?.mu !== frame.arrays.mu) {
        /** @param {number} share */
        const progressed = (share) =>
          this.map.say("tsne", `t-SNE is being made: ${Math.round(100 * share)} %; the principal plane meanwhile`);
        const found = await fetchEmbedding(tsneAddress, frame, progressed, wanted);
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
      if (wanted()) this.map.say("tsne", error instanceof Error ? error.message : String(error));
    } finally {
      if (!this.destroyed && (wanted() || state.plane !== "tsne")) this.isEmbedding = false;
    }
  }

  /** @returns {Scene} */
  scene() {
    const { frame, projection, points, state } = this;
    return { frame, projection, points, state, covariance: (i) => projection.covariance(frame.arrays.logvar, i) };
  }

  // --- changes of the state ----------------------------------------------------------------------------------------

  /**
   * Shows what has changed in the state.
   * @param {Set<string>} changed names of the fields
   * @param {number} at when the input came, in ms
   */
  changed(changed, at) {
    const { state, map } = this;
    /** @param {string[]} names */
    const has = (...names) => names.some((name) => changed.has(name));
    if (has("plane")) {
      this.findNeighbours();
      this.project();
      map.show(this.scene(), this.showsPlane ? state.view : null);
    } else this.changeMap(has);
    if (has("hidden")) this.legend.show();
    if (has("colour", "plane", "zones", "scale", "density", "manifold")) this.controls.show();
    if (has("tool")) this.tools.open(state.tool);
    else this.tools.tell("changed", changed, at);
    this.countHoles();
    if ([...changed].some((name) => name !== "view")) this.schedule(at);
    if (state.pinned || [...changed].some((name) => !OF_THE_LENS.includes(name))) this.link.save();
  }

  /**
   * Shows on the map what has changed while its plane is the same.
   * @param {(...names: string[]) => boolean} has whether any of these fields has changed
   */
  changeMap(has) {
    const { state, map } = this;
    if (has("turn")) this.turned(has("view"));
    if (has("view") && this.showsPlane) map.look(/** @type {Shown | null} */ (state.view), has("turn")); // links have three numbers
    if (has("colour")) {
      this.points.values = colouring(state.colour, this.frame, this.costs);
      map.recolour();
    }
    if (has("hidden")) map.filter();
    else if (has("zones", "density", "scale")) map.redrawZones();
    if (has("manifold")) map.manifold.show(map.scene);
    if (has("colour", "hidden", "zones", "density", "scale", "manifold")) this.space.draw(map.view);
  }

  /** Estimates the share of holes while the state shows them. */
  countHoles() {
    if (this.state.density === "holes") this.holes.show(this.frame, this.state.hidden);
    else this.holes.stop();
  }

  // --- z -----------------------------------------------------------------------------------------------------------

  /**
   * Moves z to a pixel of the map; a pinned lens follows a finger only.
   * @param {number} x
   * @param {number} y
   * @param {number} at
   */
  hover(x, y, at, finger = false) {
    if (!this.frame || (this.state.pinned && !finger)) return;
    const { state, map, showsAllOfZ } = this;
    const z = this.lifted(...map.view.toData(x, y));
    const index = showsAllOfZ ? -1 : map.markerAt(x, y);
    this.pointed = index < 0 ? null : { index, z };
    state.set({ z }, at);
  }

  /**
   * The z that a place of the map stands for; on a t-SNE map, where no place stands for a z, the mean of the visible point
   * that is drawn nearest to it.
   * @param {number} u
   * @param {number} v
   */
  lifted(u, v) {
    const { projection, map, state } = this;
    const z = state.z.slice();
    const nearest = projection.invertible ? -1 : map.nearest(u, v);
    if (projection.invertible) projection.lift(z, u, v);
    else if (nearest >= 0) z.set(this.meanOf(nearest));
    return z;
  }

  /** @param {number} i */
  meanOf(i) {
    const k = this.state.z.length;
    return this.frame.arrays.mu.subarray(i * k, (i + 1) * k);
  }

  /**
   * Pins the lens at a pixel of the map, or releases it where it is pinned there.
   * @param {number} x
   * @param {number} y
   * @param {number} at
   * @param {boolean} snap a data point near the pixel is taken itself
   */
  click(x, y, at, snap) {
    if (!this.frame) return;
    const { state, map } = this;
    if (snap && state.pinned && this.isAtMarker(x, y)) return this.release(at);
    const [u, v] = map.view.toData(x, y);
    const nearest = snap ? map.nearest(u, v) : -1;
    if (nearest >= 0 && this.distance(nearest, x, y) < SNAP) return this.pinPoint(nearest, at);
    state.set({ z: this.lifted(u, v), pinned: true }, at);
  }

  /**
   * Lets the lens follow the pointer again.
   * @param {number} at
   */
  release(at) {
    this.state.set({ pinned: false, point: -1, zeta: false }, at);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  isAtMarker(x, y) {
    const [mx, my] = this.map.view.toPixel(...this.projection.project(this.state.z));
    return Math.hypot(mx - x, my - y) < SNAP + 3;
  }

  /**
   * How far data point i is drawn from a pixel of the map, in px.
   * @param {number} i
   * @param {number} x
   * @param {number} y
   */
  distance(i, x, y) {
    const [px, py] = this.map.view.toPixel(this.points.us[i], this.points.vs[i]);
    return Math.hypot(px - x, py - y);
  }

  /**
   * Pins the lens at the mean of data point i.
   * @param {number} i
   * @param {number} at
   */
  pinPoint(i, at) {
    this.state.set({ z: Float64Array.from(this.meanOf(i)), pinned: true, point: i }, at);
  }

  /**
   * Sets one dimension of z.
   * @param {number} d
   * @param {number} value
   * @param {number} at
   */
  slide(d, value, at) {
    const z = this.state.z.slice();
    z[d] = value;
    this.state.set({ z, pinned: true }, at);
  }

  /**
   * Pins the lens at z.
   * @param {ArrayLike<number>} z
   * @param {number} at when the input came, in ms
   * @param {number} [point] the data point to be shown beside it; −1 for the nearest
   */
  moveTo(z, at, point = -1) {
    this.state.set({ z: Float64Array.from(z), pinned: true, point }, at);
  }

  /**
   * Moves z to a draw mu + sigma·zeta from the posterior of the data point beside the lens.
   * @param {number} at
   */
  drawPosterior(at) {
    const i = this.nearestPoint();
    if (i < 0) return;
    const { mu, logvar } = this.frame.arrays;
    const k = this.state.z.length;
    const z = standardNormal(k).map((e, d) => mu[i * k + d] + Math.exp(0.5 * logvar[i * k + d]) * e);
    this.state.set({ z, pinned: true, point: i, zeta: true }, at);
  }

  /** Shows the noise that z was drawn with, where it is a draw from the posterior of a data point. */
  showZeta() {
    const { z, point, zeta } = this.state;
    const { mu, logvar } = this.frame.arrays;
    /**
     * @param {number} v
     * @param {number} d
     */
    const noise = (v, d) => (v - mu[point * z.length + d]) * Math.exp(-0.5 * logvar[point * z.length + d]);
    const shown = Array.from(z.subarray(0, 6), noise).map((e) => (e < 0 ? "−" : "") + Math.abs(e).toFixed(2));
    find(this.root, ".er-zeta").textContent =
      zeta && point >= 0 ? `ζ = (${shown.join(", ")}${z.length > 6 ? ", …" : ""})` : "";
  }

  // --- the data point beside the lens ------------------------------------------------------------------------------

  /** Whether the map shows every dimension of z, at true distances. */
  get showsAllOfZ() {
    return this.frame.meta.latent_dim === 2 && this.projection.invertible;
  }

  /** The data point under the pointer, while z is still where it was when the pointer came there; or −1. */
  get pointedAt() {
    const { pointed, state, points } = this;
    const holds =
      pointed &&
      !state.pinned &&
      !state.hidden.includes(points.labels[pointed.index]) &&
      pointed.z.every((v, d) => v === state.z[d]);
    return holds ? pointed.index : -1;
  }

  /**
   * The data point that is shown beside the lens, or −1: the one that was chosen (by a click, by a link, or for draws
   * from its posterior), the one under the pointer, or the one whose mean is nearest to z.
   * @param {(z: Float64Array, hidden: number[]) => number} [search] finds the last of them
   * @returns {Beside}
   */
  beside(search = (z, hidden) => this.means.now(z, hidden)) {
    const { state, pointedAt, showsAllOfZ } = this;
    if (state.point >= 0) return { index: state.point, which: "chosen" };
    if (pointedAt >= 0) return { index: pointedAt, which: "pointed at" };
    const index = showsAllOfZ ? this.map.nearest(...this.projection.project(state.z)) : search(state.z, state.hidden);
    return { index, which: "nearest in z" };
  }

  /** The data point beside the lens, searched for at once; or −1. */
  nearestPoint() {
    return this.beside().index;
  }

  // --- painting ----------------------------------------------------------------------------------------------------

  /**
   * Paints once before the next frame of the browser, however many inputs arrive until then; the time is measured from the
   * first of them.
   * @param {number} startedAt when the input came, in ms
   */
  schedule(startedAt) {
    if (this.isPreparing) return; // the frame is about to be painted
    const handledAt = performance.now(); // browsers hold pointer events back until a frame begins: without that delay
    this.input ??= { startedAt, handledAt };
    this.wake();
  }

  paint() {
    const { input } = this;
    this.input = null;
    if (!this.frame) return;
    this.show();
    if (!input) return;
    afterPaint(() => {
      measure("elbo-room:input-to-paint", input.startedAt);
      measure("elbo-room:handled-to-paint", input.handledAt);
    });
  }

  /** Paints the lens, the data point beside it, and everything else that depends on z. */
  show() {
    this.isPreparing = true;
    this.tools.tell("prepare");
    this.isPreparing = false;
    const { z, pinned } = this.state;
    this.lens.show(z, pinned);
    const { index: nearest, which } = this.beside((at, hidden) => this.means.soon(at, hidden));
    this.lens.showPoint(nearest, which, z);
    this.map.mark(...this.projection.project(z), nearest, !this.showsAllOfZ);
    this.map.manifold.leave(z);
    this.space.mark(this.map.view, nearest);
    this.sliders.show(z);
    this.showZeta();
    this.tools.tell("show", z, nearest);
    this.root.classList.toggle("er-pinned", pinned);
    this.description.later(() => this.underLens());
  }

  /**
   * What is under the lens, for its description.
   * @returns {UnderLens}
   */
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

  /**
   * Hands Plotly to the map while the pointer rests: its start takes longer than a frame, and would delay the lens.
   * @param {() => Promise<PlotlyLibrary>} plotly
   */
  async plotWith(plotly) {
    this.isPlotting = true;
    await calm(this.root);
    await this.decoder?.firstAnswer; // which comes from a worker where the network is large
    try {
      await this.map.plot(await plotly());
    } catch (error) {
      this.say("The map's axes could not be loaded, so it cannot be zoomed. Reload the page.");
      console.error(error);
    } finally {
      this.isPlotting = false;
    }
  }

  /** Draws everything again that is drawn in the page's colours, which have changed. */
  retheme() {
    this.map.manifold.retheme();
    this.map.recolour();
    this.tools.tell("retheme");
    this.tools.repaint();
  }
}

/**
 * The fields of the state that stay as they are when another model is opened.
 * @param {State} state
 * @param {number} classes how many the other model has
 */
function keepChoices(state, classes) {
  const { colour, scale, density, manifold, zones, tool, path, source, seed, temperature, by, order, mode } = state;
  const { drawing, ink, noise, many } = state;
  const known = ["none", "pointer", "all"].includes(zones) || Number(zones) < classes;
  const ofTools = { tool, path, source, seed, temperature, by, order, mode, drawing, ink, noise, many };
  return { colour, scale, density, manifold, zones: known ? zones : "pointer", ...ofTools };
}

/**
 * The middle of a view, and its height.
 * @param {Ranges} view
 */
const placeOf = ({ x, y }) => [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, y[1] - y[0]];

/** Whether a network has still to answer. @param {InferenceClient<NetworkKind>} network */
const isComputing = ({ asked, waiting, series }) => asked !== null || waiting.size > 0 || series.size > 0;
