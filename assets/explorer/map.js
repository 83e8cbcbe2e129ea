// The map: data points by Plotly, buffer zones, density and prior rings on a canvas beneath, the lens on an SVG above.
// All three share one coordinate system, read off Plotly's axes.

import { aggregatePosterior, densityImage } from "./density.js";
import { classColour, faded, rgb, theme } from "./palette.js";
import { ellipse } from "./projection.js";
import { measure } from "./timing.js";

const MARGIN = { l: 46, r: 8, t: 10, b: 40 };
const COLOUR_BAR = 84; // the right margin that a colour bar takes
const SETTLED = 140; // ms without a change of view after which zones are drawn afresh
const RINGS = [1, 2, 3];
const MARKER_OPACITY = 0.8;
const DENSITY_REACH = 4.5; // the density covers at least this many prior sigmas

export class LatentMap {
  constructor(root) {
    this.root = root;
    this.Plotly = null; // until `plot` hands it over, a canvas stands in
    this.canvas = root.querySelector(".er-zones");
    this.graph = root.querySelector(".er-plot");
    this.marker = root.querySelector(".er-marker");
    this.zone = root.querySelector(".er-zone");
    this.rings = [...root.querySelectorAll(".er-ring")];
    new ResizeObserver(() => this.resize()).observe(root);
  }

  // Draws everything for a model; `points` are { us, vs, labels, values }, `state` the chosen view.
  async show(frame, projection, points, state) {
    Object.assign(this, { frame, projection, points, state, grid: null });
    this.size = { width: this.root.clientWidth, height: this.root.clientHeight };
    this.home = homeRange(points, this.root, this.margin());
    await this.draw(this.home);
  }

  // New colours, a new theme: the same points, and the view stays where it is.
  async recolour() {
    if (this.frame) await this.draw(this.view);
  }

  // Plotly takes over from the canvas: axes, zoom and pan.
  async plot(Plotly) {
    this.Plotly = Plotly;
    this.webgl = hasWebGL();
    if (this.frame) await this.draw(this.view);
    performance.mark("elbo-room:plotted");
  }

  async draw(range) {
    if (this.Plotly) {
      await this.react(range);
      if (!this.listening) this.listen();
      this.drawn = null;
      this.syncView();
    } else {
      this.view = this.plainView(range);
      this.placeMarker();
      this.placeRingNames();
      this.drawZones();
    }
  }

  // The view that Plotly will take for this range.
  plainView({ x, y }) {
    const { l, r, t, b } = this.margin();
    const { clientWidth, clientHeight } = this.root;
    return { x: [...x], y: [...y], left: l, top: t, width: clientWidth - l - r, height: clientHeight - t - b };
  }

  margin() {
    return { ...MARGIN, r: this.state.colour === "class" ? MARGIN.r : COLOUR_BAR };
  }

  async react(range) {
    const colours = theme(this.root);
    await this.Plotly.react(this.graph, this.traces(), this.layout(range, colours), {
      displaylogo: false,
      displayModeBar: true,
      modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
      scrollZoom: true,
      doubleClick: false,
    });
  }

  traces() {
    const { us, vs, labels, values } = this.points;
    const { classes } = this.frame.meta;
    const byClass = classes.map(() => []);
    for (let i = 0; i < us.length; i++) byClass[labels[i]].push(i);
    const take = (array, indices) => Float32Array.from(indices, (i) => array[i]);
    return byClass.map((indices, c) => ({
      type: this.webgl ? "scattergl" : "scatter",
      mode: "markers",
      name: classes[c],
      x: take(us, indices),
      y: take(vs, indices),
      visible: !this.state.hidden.includes(c),
      marker: {
        size: markerSize(us.length, this.root.clientWidth),
        opacity: MARKER_OPACITY,
        line: { width: 0 },
        ...(values ? { color: take(values.array, indices), coloraxis: "coloraxis" } : { color: classColour(c, classes.length) }),
      },
      hoverinfo: "skip",
    }));
  }

  layout(range, colours) {
    const axis = (title, extra) => ({
      title: { text: title, standoff: 6 },
      gridcolor: faded(colours.text, 0.08),
      zerolinecolor: faded(colours.text, 0.25),
      linecolor: faded(colours.text, 0.25),
      tickfont: { size: 13 },
      ...extra,
    });
    const values = this.points.values;
    return {
      xaxis: axis(this.projection.labels[0], { range: [...range.x] }),
      yaxis: axis(this.projection.labels[1], {
        range: [...range.y],
        scaleanchor: "x",
        showticklabels: Boolean(this.projection.rows[1]),
      }),
      margin: this.margin(),
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: colours.font, color: colours.text, size: 14 },
      showlegend: false,
      modebar: { bgcolor: "rgba(0,0,0,0)", color: faded(colours.text, 0.4), activecolor: colours.text, orientation: "v" },
      coloraxis: values && {
        colorscale: "Viridis", cmin: values.low, cmax: values.high,
        colorbar: { title: { text: values.title, side: "right" }, thickness: 12, outlinewidth: 0, x: 1.01, len: 1 },
      },
      hovermode: false,
      dragmode: "pan",
      uirevision: true,
      autosize: false,
      width: this.root.clientWidth,
      height: this.root.clientHeight,
    };
  }

  listen() {
    this.listening = true;
    this.graph.on("plotly_relayouting", () => this.syncView());
    this.graph.on("plotly_relayout", () => this.syncView());
  }

  // Shows and hides classes as the state says.
  async filter() {
    this.grid = null;
    if (this.Plotly) await this.Plotly.restyle(this.graph, {
        visible: this.frame.meta.classes.map((_, c) => !this.state.hidden.includes(c)),
      });
    this.drawZones();
  }

  // Takes over Plotly's axes, after whatever moved them.
  syncView() {
    const { xaxis, yaxis, _size: size } = this.graph._fullLayout;
    this.view = { x: [...xaxis.range], y: [...yaxis.range], left: size.l, top: size.t, width: size.w, height: size.h };
    this.placeMarker();
    this.placeRingNames();
    this.refreshZones();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.root;
    if (!this.view || !width || (width === this.size.width && height === this.size.height)) return;
    const { x, y } = this.view;
    const size = { width, height };
    this.size = size;
    const aspect = (size.width - this.margin().l - this.margin().r) / (size.height - MARGIN.t - MARGIN.b);
    const [middle, half] = [(x[0] + x[1]) / 2, ((y[1] - y[0]) / 2) * aspect];
    this.home = homeRange(this.points, this.root, this.margin());
    if (!this.Plotly) return this.draw(this.home);
    this.Plotly.relayout(this.graph, { ...size, "xaxis.range": [middle - half, middle + half], "yaxis.range": y });
  }

  reset() {
    this.setRange(this.home);
  }

  setRange({ x, y }) {
    this.Plotly?.relayout(this.graph, { "xaxis.range": [...x], "yaxis.range": [...y] });
  }

  // Scales the view by `factor` about a spot given in pixels of the map.
  zoom(factor, px, py) {
    const [u, v] = this.toData(px, py);
    const about = ([a, b], centre) => [centre + (a - centre) * factor, centre + (b - centre) * factor];
    this.setRange({ x: about(this.view.x, u), y: about(this.view.y, v) });
  }

  toPixel(u, v) {
    const { x, y, left, top, width, height } = this.view;
    return [left + ((u - x[0]) / (x[1] - x[0])) * width, top + ((y[1] - v) / (y[1] - y[0])) * height];
  }

  toData(px, py) {
    const { x, y, left, top, width, height } = this.view;
    return [x[0] + ((px - left) / width) * (x[1] - x[0]), y[1] - ((py - top) / height) * (y[1] - y[0])];
  }

  get pixelsPerUnit() {
    return this.view.width / (this.view.x[1] - this.view.x[0]);
  }

  contains(px, py) {
    if (!this.view) return false;
    const { left, top, width, height } = this.view;
    return px >= left && px <= left + width && py >= top && py <= top + height;
  }

  isVisible(i) {
    return !this.state.hidden.includes(this.points.labels[i]);
  }

  // The visible data point nearest to (u, v) on the map, or −1; brute force, 10,000 points take some 30 µs.
  nearest(u, v) {
    const { us, vs, labels } = this.points;
    const { hidden } = this.state;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < us.length; i++) {
      const d = (us[i] - u) ** 2 + (vs[i] - v) ** 2;
      if (d < least && !hidden.includes(labels[i])) [best, least] = [i, d];
    }
    return best;
  }

  // Marks the lens at (u, v), and the buffer zone of data point `nearest` where zones follow the pointer.
  mark(u, v, nearest) {
    this.marked = { u, v, nearest };
    this.placeMarker();
  }

  placeMarker() {
    if (!this.marked || !this.view) return;
    const { u, v, nearest } = this.marked;
    const [x, y] = this.toPixel(u, v);
    const inside = this.contains(x, y);
    this.marker.style.display = inside ? "" : "none";
    if (inside) this.marker.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    const shown = nearest >= 0 && this.state.zones !== "none";
    this.zone.style.display = shown ? "" : "none";
    if (shown) this.placeZone(nearest);
  }

  placeZone(i) {
    const { us, vs, labels } = this.points;
    const { major, minor, angle } = ellipse(this.projection.covariance(this.frame.arrays.logvar, i));
    const [x, y] = this.toPixel(us[i], vs[i]);
    const scale = this.pixelsPerUnit * this.state.scale;
    const colour = classColour(labels[i], this.frame.meta.classes.length);
    const degrees = (-angle * 180) / Math.PI;
    this.zone.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${degrees.toFixed(2)})`);
    this.zone.setAttribute("rx", Math.max(1, major * scale).toFixed(2));
    this.zone.setAttribute("ry", Math.max(1, minor * scale).toFixed(2));
    this.zone.setAttribute("fill", colour);
    this.zone.setAttribute("stroke", colour);
  }

  // While the view moves, the drawn zones move with it as a picture; once it rests they are drawn afresh.
  refreshZones() {
    clearTimeout(this.timer);
    if (this.drawn && this.drawTime > 6) {
      this.moveZones();
      this.timer = setTimeout(() => this.drawZones(), SETTLED);
    } else this.drawZones();
  }

  moveZones() {
    const { x, y, width, height, left, top } = this.drawn;
    const scale = (x[1] - x[0]) / (this.view.x[1] - this.view.x[0]);
    const dx = ((x[0] - this.view.x[0]) / (this.view.x[1] - this.view.x[0])) * width;
    const dy = ((this.view.y[1] - y[1]) / (this.view.y[1] - this.view.y[0])) * height;
    this.canvas.style.transformOrigin = `${left}px ${top}px`;
    this.canvas.style.transform = `translate(${dx}px, ${dy}px) scale(${scale})`;
  }

  drawZones() {
    if (!this.view) return;
    const start = performance.now();
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.root;
    this.canvas.width = clientWidth * ratio;
    this.canvas.height = clientHeight * ratio;
    this.canvas.style.transform = "";
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.beginPath();
    context.rect(this.view.left, this.view.top, this.view.width, this.view.height);
    context.clip();
    const colours = theme(this.root);
    if (this.state.density !== "off") this.drawDensity(context, colours);
    this.drawRings(context, colours);
    this.drawEllipses(context);
    if (!this.Plotly) this.drawPoints(context);
    this.root.dataset.density = this.state.density;
    this.drawn = this.view;
    this.drawTime = performance.now() - start;
    measure("elbo-room:zones", start);
  }

  drawDensity(context, colours) {
    const { us, vs } = this.points;
    const box = densityBox(us, vs);
    this.grid ??= aggregatePosterior(
      [us, vs],
      (i) => this.projection.covariance(this.frame.arrays.logvar, i),
      box,
      (i) => this.isVisible(i),
    );
    const tints = { more: rgb(colours.accent), less: rgb(colours.text) };
    const image = densityImage(this.grid, box, this.state.density, tints);
    const small = new OffscreenCanvas(image.width, image.height);
    small.getContext("2d").putImageData(image, 0, 0);
    const [x0, y0] = this.toPixel(box[0], box[3]);
    const [x1, y1] = this.toPixel(box[1], box[2]);
    context.drawImage(small, x0, y0, x1 - x0, y1 - y0);
  }

  drawRings(context, colours) {
    const [x, y] = this.toPixel(0, 0);
    context.strokeStyle = faded(colours.text, 0.5);
    context.setLineDash([5, 5]);
    for (const r of RINGS) {
      context.beginPath();
      context.arc(x, y, r * this.pixelsPerUnit, 0, 2 * Math.PI);
      context.stroke();
    }
    context.setLineDash([]);
  }

  // The names of the rings stand above the points, at half past ten.
  placeRingNames() {
    const [x, y] = this.toPixel(0, 0);
    this.rings.forEach((text, i) => {
      const away = RINGS[i] * this.pixelsPerUnit * Math.SQRT1_2;
      text.textContent = `${RINGS[i]}σ`;
      text.setAttribute("x", x - away);
      text.setAttribute("y", y - away);
      text.style.display = this.contains(x - away, y - away) ? "" : "none";
    });
  }

  // The points, until Plotly draws them.
  drawPoints(context) {
    const { us, vs, labels } = this.points;
    const { classes } = this.frame.meta;
    const size = markerSize(us.length, this.root.clientWidth);
    const colours = classes.map((_, c) => faded(classColour(c, classes.length), MARKER_OPACITY));
    for (let i = 0; i < us.length; i++) {
      if (!this.isVisible(i)) continue;
      const [x, y] = this.toPixel(us[i], vs[i]);
      context.fillStyle = colours[labels[i]];
      context.fillRect(x - size / 2, y - size / 2, size, size);
    }
  }

  drawEllipses(context) {
    const { zones, scale } = this.state;
    if (zones === "none" || zones === "pointer") return;
    const { us, vs, labels } = this.points;
    const { classes } = this.frame.meta;
    const only = zones === "all" ? -1 : Number(zones);
    const pixels = this.pixelsPerUnit * scale;
    const fills = classes.map((_, c) => faded(classColour(c, classes.length), only < 0 ? 0.1 : 0.14));
    const strokes = classes.map((_, c) => faded(classColour(c, classes.length), only < 0 ? 0.42 : 0.5));
    context.lineWidth = 0.8;
    for (let i = 0; i < us.length; i++) {
      if ((only >= 0 && labels[i] !== only) || !this.isVisible(i)) continue;
      const { major, minor, angle } = ellipse(this.projection.covariance(this.frame.arrays.logvar, i));
      const [x, y] = this.toPixel(us[i], vs[i]);
      context.beginPath();
      context.ellipse(x, y, major * pixels, Math.max(0.4, minor * pixels), -angle, 0, 2 * Math.PI);
      context.fillStyle = fills[labels[i]];
      context.fill();
      context.strokeStyle = strokes[labels[i]];
      context.stroke();
    }
  }

}

// px; a small map gets smaller points
const markerSize = (n, width) => (n > 2000 ? 4.5 : 7) * (width < 600 ? 0.7 : 1);

// The view that holds every point and the 3-σ ring, in the aspect of the window.
function homeRange({ us, vs }, root, margin) {
  const width = Math.max(50, root.clientWidth - margin.l - margin.r);
  const height = Math.max(50, root.clientHeight - margin.t - margin.b);
  const [u0, u1] = extent(us, 3.2);
  const [v0, v1] = extent(vs, 3.2);
  const unit = Math.max((u1 - u0) / width, (v1 - v0) / height);
  const around = (a, b, pixels) => [(a + b - unit * pixels) / 2, (a + b + unit * pixels) / 2];
  return { x: around(u0, u1, width), y: around(v0, v1, height) };
}

function densityBox(us, vs) {
  return [...extent(us, DENSITY_REACH), ...extent(vs, DENSITY_REACH)];
}

// The smallest interval that holds all values and ±least, with a little air.
function extent(values, least) {
  let [low, high] = [-least, least];
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  const air = (high - low) * 0.02;
  return [low - air, high + air];
}

function hasWebGL() {
  try {
    return Boolean(document.createElement("canvas").getContext("webgl"));
  } catch {
    return false;
  }
}
