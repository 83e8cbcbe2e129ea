// What Plotly draws of a scene: a trace of points for every class, axes, and a colour bar.

/** @import { Colours } from "../plot/palette.js" */
/** @import { Ranges } from "../plot/chart.js" */
/** @import { PointValues } from "./colouring.js" */
/** @import { Scene } from "./map.js" */

import { MARKER_OPACITY, markerSize } from "../map/marker.js";
import { classColour, colorscale, faded } from "../plot/palette.js";

/**
 * The points of every class; of hidden classes too, which are not visible.
 * @param {Scene} scene
 * @param {boolean} drawn false where Plotly draws the axes alone
 * @param {number} width of the map, in px
 */
export function tracesOf(scene, drawn, width) {
  const { us, vs, labels, values } = scene.points;
  const { classes } = scene.frame.meta;
  if (!drawn) return [axesAlone(values)];
  /** @type {number[][]} the points of every class */
  const byClass = classes.map(() => []);
  for (let i = 0; i < us.length; i++) byClass[labels[i]].push(i);
  /** @type {(array: Float32Array, indices: number[]) => Float32Array} */
  const take = (array, indices) => Float32Array.from(indices, (i) => array[i]);
  return byClass.map((indices, c) => ({
    type: "scattergl",
    mode: "markers",
    name: classes[c],
    x: take(us, indices),
    y: take(vs, indices),
    visible: !scene.state.hidden.includes(c),
    marker: {
      size: markerSize(us.length, width),
      opacity: MARKER_OPACITY,
      line: { width: 0 },
      ...(values
        ? { color: take(values.array, indices), coloraxis: "coloraxis" }
        : { color: classColour(c, classes.length) }),
    },
    hoverinfo: "skip",
  }));
}

/**
 * All of Plotly's layout but its size.
 * @param {Scene} scene
 * @param {Ranges} range
 * @param {Colours} colours
 */
export function layoutOf(scene, range, colours) {
  /** @type {(title: string, extra: object) => object} */
  const axis = (title, extra) => ({
    title: { text: title, standoff: 6 },
    gridcolor: faded(colours.text, 0.08),
    zerolinecolor: faded(colours.text, 0.25),
    linecolor: faded(colours.text, 0.25),
    tickfont: { size: 13 },
    ...extra,
  });
  const values = scene.points.values;
  return {
    xaxis: axis(scene.projection.labels[0], { range: [...range.x] }),
    yaxis: axis(scene.projection.labels[1], {
      range: [...range.y],
      scaleanchor: "x",
      showticklabels: !scene.projection.isLine,
    }),
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colours.font, color: colours.text, size: 14 },
    showlegend: false,
    modebar: {
      bgcolor: "rgba(0,0,0,0)",
      color: faded(colours.text, 0.6),
      activecolor: colours.text,
      orientation: "v",
    },
    coloraxis: values && {
      colorscale: colorscale(colours.background),
      cmin: values.low,
      cmax: values.high,
      colorbar: { title: { text: values.title, side: "right" }, thickness: 12, outlinewidth: 0, x: 1.01, len: 1 },
    },
    hovermode: false,
    dragmode: "pan",
    uirevision: true,
    autosize: false,
  };
}

/**
 * A trace without points, so that Plotly draws the axes, and the colour bar where `values` colour the points.
 * @param {PointValues | null} values
 */
function axesAlone(values) {
  const marker = values ? { color: [values.low], coloraxis: "coloraxis" } : {};
  return { type: "scatter", mode: "markers", x: [null], y: [null], marker, hoverinfo: "skip" };
}
