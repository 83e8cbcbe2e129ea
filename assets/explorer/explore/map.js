// The map: points, axes, zoom and pan by Plotly, with canvases beneath (zones.js, and cloud.js for points that Plotly does
// not draw) and an SVG above (overlay.js) that follow Plotly's axes.

/** @import { State } from "./state.js" */
/** @import { Box, Ranges, Size } from "../plot/chart.js" */
/** @import { MapFrame } from "../data/frame.js" */
/** @import { Mark } from "../map/overlay.js" */
/** @import { FrameArrays } from "../data/frame.js" */
/** @import { Covariance, MapProjection } from "../math/projection.js" */
/** @import { PointValues } from "./colouring.js" */

import { find } from "../core/dom.js";
import { markerSize } from "../map/marker.js";
import { Overlay } from "../map/overlay.js";
import { homeRange, rangeOf, shownBy, View } from "../map/view.js";
import { Zones } from "../map/zones.js";
import { GridIndex, shownClasses } from "../math/grid-index.js";
import { theme } from "../plot/palette.js";
import { PointCloud } from "./cloud.js";
import { Manifold } from "./manifold.js";
import { layoutOf, tracesOf } from "./plotly-figure.js";

const MARGIN = { l: 46, r: 8, t: 10, b: 40 };
const COLOUR_BAR = 84; // the right margin that a colour bar takes
const PLOTLY_BEARS = 20_000; // points, at most, that Plotly draws

/** @typedef {{ l: number, r: number, t: number, b: number }} Margin around the axes, in px, as Plotly names them */

/** @typedef {[u: number, v: number, height: number]} Shown a part of the plane: its middle and its height */

/**
 * The data points at their places on the map.
 * @typedef {object} MapPoints
 * @property {Float32Array} us
 * @property {Float32Array} vs
 * @property {FrameArrays["labels"]} labels
 * @property {PointValues | null} values what colours them, where it is not their class
 */

/**
 * All that is to be drawn on the map.
 * @typedef {object} Scene
 * @property {MapFrame} frame
 * @property {MapProjection} projection
 * @property {MapPoints} points
 * @property {State} state
 * @property {(i: number) => Covariance} covariance of the posterior of point i, projected
 */

/** @typedef {Scene & { index: GridIndex }} IndexedScene with the points sorted into a grid */

export class LatentMap {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {PlotlyLibrary | null} until `plot` sets it, a canvas draws the points */
    this.Plotly = null;
    this.graph = /** @type {PlotlyGraph} */ (find(root, ".er-plot"));
    /** @type {(view: View) => void} called with every view */
    this.onView = () => {};
    /** @type {(shown: Shown | null) => void} called when a user has moved the map; null where all of it is shown */
    this.onMoved = () => {};
    this.manifold = new Manifold(find(root, ".er-tiles"), root);
    /** @type {Record<string, string>} the parts of the note below the map */
    this.notes = {};
    /** @type {(about: string, text: string) => void} */
    const say = (about, text) => this.say(about, text);
    this.zones = new Zones(find(root, ".er-zones", HTMLCanvasElement), say);
    this.cloud = new PointCloud(find(root, ".er-cloud", HTMLCanvasElement), root, say);
    this.overlay = new Overlay(root);
    this.webgl = false;
    /** The handlers of Plotly's events are set. */
    this.listening = false;
    /** How many moves of the axes by the program, not by a user, are going on. */
    this.placing = 0;
    /** How many changes Plotly is working on. */
    this.plotting = 0;
    /** @type {object | null} Plotly's configuration, made once: it starts again with any other object */
    this.config = null;
    /** @type {Margin | null} the margins that Plotly has made larger than they were set */
    this.expanded = null;
    /** @type {Mark | null} */
    this.marked = null;
    /** @type {Shown | null} null where all of the map is shown */
    this.shown = null;
    /** @type {Size} of the map when it was drawn last */
    this.size = { width: 0, height: 0 };
    // All of these are null until `show` was called, which the casts hide: what may run before looks for them first.
    /** @type {IndexedScene} */
    this.scene = /** @type {never} */ (null);
    /** @type {View} */
    this.view = /** @type {never} */ (null);
    /** @type {Ranges} at which all of the map is shown */
    this.home = /** @type {never} */ (null);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(root);
  }

  destroy() {
    this.sizes.disconnect();
    this.zones.stop();
    this.cloud.stop();
    this.manifold.stop();
  }

  /** Whether something of the map is still to be drawn. */
  get isBusy() {
    const { zones } = this.root.dataset;
    return this.plotting > 0 || zones === "in part" || this.cloud.isBusy || this.manifold.isBusy;
  }

  /**
   * Waits for a change by Plotly.
   * @param {Promise<unknown> | undefined} change
   */
  async during(change) {
    this.plotting++;
    try {
      await change;
    } finally {
      this.plotting--;
    }
  }

  /**
   * Draws a scene.
   * @param {Scene} scene
   * @param {number[] | null} [shown] a part of the plane, as a link has it; null for all of it
   */
  async show(scene, shown = null) {
    const { us, vs, labels } = scene.points;
    this.scene = { ...scene, index: new GridIndex(us, vs, labels) };
    this.marked = null;
    this.size = this.measured();
    this.shown = /** @type {Shown | null} */ (shown); // links have three numbers
    await this.draw();
  }

  /**
   * Shows another part of the plane; null for all of it.
   * @param {Shown | null} shown
   * @param {boolean} [always] also where it is shown already, because all points have moved
   */
  async look(shown, always = false) {
    if ((shown === this.shown && !always) || !this.view) return;
    this.shown = shown;
    if (this.Plotly) await this.place(this.range());
    else this.setView(new View(this.range(), this.rectangle()));
  }

  /**
   * The ranges at which all of these points are shown.
   * @param {Pick<MapPoints, "us" | "vs">} points
   */
  homeOf(points) {
    return homeRange(points, this.rectangle());
  }

  /** Draws the same points and the same part of the plane in other colours; a colour bar may leave another size for it. */
  async recolour() {
    if (this.scene) await this.draw();
  }

  /** The ranges of both axes: what is to be shown, in the aspect ratio of the map. */
  range() {
    const rectangle = this.rectangle();
    this.home = homeRange(this.scene.points, rectangle);
    return this.shown ? rangeOf(this.shown, rectangle) : this.home;
  }

  /**
   * Has Plotly draw axes and points, and zoom and pan, from now on.
   * @param {PlotlyLibrary} Plotly
   */
  async plot(Plotly) {
    this.Plotly = Plotly;
    this.webgl = hasWebGL();
    this.say("webgl", this.webgl ? "" : "This browser has no WebGL: the points are drawn without it");
    if (this.scene) await this.draw();
    performance.mark("elbo-room:plotted");
  }

  async draw() {
    this.expanded = null;
    let range = this.range();
    if (this.Plotly) range = await this.react(this.Plotly, range);
    if (this.Plotly && !this.listening) this.listen();
    this.manifold.show(this.scene);
    this.zones.show(this.scene);
    this.cloud.show(this.scene, !this.drawsPoints);
    this.setView(this.Plotly ? this.plotted() : new View(range, this.rectangle()));
  }

  /**
   * Shows a view on everything that Plotly does not draw.
   * @param {View} view
   */
  setView(view) {
    this.view = view;
    this.offerWhole(view);
    if (this.marked) this.overlay.show(view, this.scene, this.marked);
    this.overlay.nameRings(view, this.scene.projection.isLine, !this.scene.projection.invertible);
    this.manifold.follow(view);
    this.zones.follow(view);
    this.cloud.follow(view);
    this.onView(view);
  }

  /** Whether Plotly draws the points, and not the canvas. */
  get drawsPoints() {
    return Boolean(this.Plotly && this.webgl && this.scene.points.us.length <= PLOTLY_BEARS);
  }

  /**
   * Sets one part of the note below the map; what draws on the map has a part each.
   * @param {string} about
   * @param {string} text
   */
  say(about, text) {
    if ((this.notes[about] ?? "") === text) return;
    this.notes[about] = text;
    find(this.root, ".er-note").textContent = Object.values(this.notes).filter(Boolean).join(" · ");
  }

  /** The view that Plotly's axes have now. */
  plotted() {
    const { xaxis, yaxis, _size: size } = this.graph._fullLayout;
    return new View({ x: xaxis.range, y: yaxis.range }, { left: size.l, top: size.t, width: size.w, height: size.h });
  }

  /** @returns {Margin} */
  margin() {
    return { ...MARGIN, r: this.scene.state.colour === "class" ? MARGIN.r : COLOUR_BAR };
  }

  /** @returns {Size} */
  measured() {
    return { width: this.root.clientWidth, height: this.root.clientHeight };
  }

  /**
   * Where the axes are within the map.
   * @returns {Box}
   */
  rectangle() {
    const { l, r, t, b } = this.expanded ?? this.margin();
    const { width, height } = this.measured();
    return { left: l, top: t, width: Math.max(50, width - l - r), height: Math.max(50, height - t - b) };
  }

  /**
   * Has Plotly draw the scene.
   * @param {PlotlyLibrary} Plotly
   * @param {Ranges} range
   * @returns {Promise<Ranges>} the ranges at which it is shown
   */
  async react(Plotly, range) {
    const colours = theme(this.root);
    this.config ??= this.configuration(Plotly);
    const { width, height } = this.measured();
    const traces = tracesOf(this.scene, this.drawsPoints, width);
    const layout = layoutOf(this.scene, range, colours);
    const figure = { ...layout, margin: this.margin(), width, height };
    await this.during(Plotly.react(this.graph, traces, figure, this.config));
    const { l, r, t, b } = this.graph._fullLayout._size;
    const margin = this.margin();
    if (margin.l === l && margin.r === r && margin.t === t && margin.b === b) return range;
    this.expanded = { l, r, t, b }; // the labels of a colour bar take more room than was left for them
    range = this.range();
    await this.place(range);
    return range;
  }

  /**
   * Moves Plotly's axes, without calling `onMoved`.
   * @param {Ranges} ranges
   * @param {Partial<Size>} [size]
   */
  async place({ x, y }, size = {}) {
    this.placing++;
    await this.during(this.Plotly?.relayout(this.graph, { ...size, "xaxis.range": [...x], "yaxis.range": [...y] }));
    this.placing--;
  }

  /** @param {PlotlyLibrary} Plotly */
  configuration(Plotly) {
    return {
      displaylogo: false,
      displayModeBar: true,
      modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", this.homeButton(Plotly)]],
      scrollZoom: true,
      doubleClick: false,
    };
  }

  /**
   * Plotly's own button would go back to the view at which the map was opened, which a link may have chosen.
   * @param {PlotlyLibrary} Plotly
   */
  homeButton(Plotly) {
    return { name: "home", title: "Reset axes", icon: Plotly.Icons.home, click: () => this.setRange(this.home) };
  }

  listen() {
    this.listening = true;
    for (const event of /** @type {const} */ (["plotly_relayouting", "plotly_relayout"]))
      this.graph.on(event, () => {
        this.setView(this.plotted());
        if (this.placing) return;
        this.shown = shownBy(this.view, this.home);
        this.onMoved(this.shown);
      });
  }

  /** Shows and hides classes as the state says. */
  async filter() {
    const { frame, state } = this.scene;
    const visible = frame.meta.classes.map((_, c) => !state.hidden.includes(c));
    if (this.drawsPoints) await this.during(this.Plotly?.restyle(this.graph, { visible }));
    this.zones.forgetDensity();
    this.zones.draw(this.view);
    this.cloud.filter();
  }

  /** Draws zones and density as the state says. */
  redrawZones() {
    this.zones.draw(this.view);
  }

  /** Draws the map at another size: the same middle and height of the view, or all of the map. */
  resize() {
    const size = this.measured();
    if (!this.view || !size.width || (size.width === this.size.width && size.height === this.size.height)) return;
    this.size = size;
    if (!this.Plotly) return this.draw();
    this.place(this.range(), size);
  }

  /** Shows all of the map again; false where it was shown already. */
  reset() {
    if (!this.isMoved) return false;
    this.setRange(this.home);
    return true;
  }

  /**
   * Shows the button for all of the map in the upper right corner of the axes, where not all of it is shown.
   * @param {View} view
   */
  offerWhole({ left, width }) {
    const button = find(this.root, ".er-whole");
    button.hidden = !this.isMoved;
    button.style.right = `${this.measured().width - left - width + 6}px`;
  }

  get isMoved() {
    return Boolean(this.Plotly && shownBy(this.view, this.home));
  }

  /** @param {Ranges} ranges */
  setRange({ x, y }) {
    this.Plotly?.relayout(this.graph, { "xaxis.range": [...x], "yaxis.range": [...y] });
  }

  /**
   * The visible data point nearest to (u, v) on the map, or −1.
   * @param {number} u
   * @param {number} v
   */
  nearest(u, v) {
    const {
      index,
      frame: {
        meta: { classes },
      },
      state: { hidden },
    } = this.scene;
    return hidden.length === classes.length ? -1 : index.nearest(u, v, shownClasses(hidden));
  }

  /**
   * Sorts the points into a new grid after all of them have moved, while the view stays.
   * @param {boolean} looks whether another part of the plane is to be shown after this
   */
  moved(looks) {
    const { us, vs, labels } = this.scene.points;
    this.scene.index = new GridIndex(us, vs, labels);
    if (!this.view) return;
    this.home = homeRange(this.scene.points, this.rectangle());
    if (looks) return;
    this.shown = shownBy(this.view, this.home);
    this.onMoved(this.shown);
  }

  /**
   * The one visible data point whose marker lies under a pixel; −1 where there is none, or more than one.
   * @param {number} x
   * @param {number} y
   */
  markerAt(x, y) {
    const radius = this.drawsPoints
      ? markerSize(this.scene.points.us.length, this.root.clientWidth) / 2
      : this.cloud.markerRadius;
    const [u, v] = this.view.toData(x, y);
    return this.scene.index.only(u, v, radius / this.view.pixelsPerUnit, shownClasses(this.scene.state.hidden));
  }

  /**
   * Marks the lens at (u, v), and the buffer zone of the data point beside it where buffer zones are shown.
   * @param {number} u
   * @param {number} v
   * @param {number} nearest the data point, or −1
   * @param {boolean} ringed the point itself is marked too
   */
  mark(u, v, nearest, ringed) {
    this.marked = { u, v, nearest, ringed };
    if (this.view) this.overlay.show(this.view, this.scene, this.marked);
  }
}

function hasWebGL() {
  try {
    return Boolean(document.createElement("canvas").getContext("webgl"));
  } catch {
    return false;
  }
}
