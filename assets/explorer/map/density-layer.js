// The density of the aggregate posterior beneath the zones, as an image. It is computed in pieces, once for a scene.

import { canvasOf } from "../core/dom.js";
import { aggregateLine, aggregating, densityImage } from "../math/density.js";
import { shownClasses } from "../math/grid-index.js";
import { rgb } from "../plot/palette.js";
import { extent } from "./view.js";
import { isSampled } from "./zones-in-view.js";

/** @import { DensityMode, Extent } from "../math/density.js" */
/** @import { MapProjection } from "../math/projection.js" */
/** @import { Context2D } from "../plot/chart.js" */
/** @import { Colours } from "../plot/palette.js" */
/** @import { View } from "./view.js" */
/** @import { ZonesScene } from "./zones.js" */

/**
 * The aggregate posterior on a grid over a box, computed from one point in `stride`.
 * @typedef {{ grid: Float32Array, box: Extent, stride: number }} Density
 */

const REACH = 4.5; // the grid covers at least this many standard deviations of the prior
const POINTS = 20_000; // points at most whose posteriors are summed
/** @type {[number, number]} */
const STRIP = [-0.5, 0.5]; // the range of v over which the points of a one-dimensional space are scattered

export class DensityLayer {
  constructor() {
    /** @type {ZonesScene | null} */
    this.scene = null;
    /** @type {Density | null} */
    this.density = null;
    /** @type {Generator<void, Density> | null} */
    this.summing = null; // the computation, while it goes on
    /** @type {{ key: string, picture: OffscreenCanvas } | null} */
    this.tinted = null; // the density as an image, for one mode and theme
  }

  /** @param {ZonesScene} scene */
  show(scene) {
    this.scene = scene;
    this.forget();
  }

  /** The density has to be computed again. */
  forget() {
    this.density = this.summing = this.tinted = null;
  }

  /**
   * Goes on with the computation for `ms`. Returns false where the density is needed and not yet there.
   * @param {number} ms
   */
  computeFor(ms) {
    const work = this.compute();
    const until = performance.now() + ms;
    while (!work.next().done) if (performance.now() > until) return false;
    return true;
  }

  /** Goes on with the computation where that was interrupted. */
  *compute() {
    const { scene } = this;
    if (!scene || !modeOf(scene) || this.density) return;
    this.summing ??= summed(scene);
    for (let step = this.summing.next(); ; step = this.summing.next()) {
      if (step.done) {
        this.density = step.value;
        this.summing = null;
        return;
      }
      yield;
    }
  }

  /**
   * Draws the density, where it is needed and there. Returns n where it is that of one point in n.
   * @param {Context2D} context
   * @param {View} view
   * @param {Colours} colours
   */
  draw(context, view, colours) {
    const { scene, density } = this;
    const mode = scene && modeOf(scene);
    if (!mode || !density) return 1;
    const { grid, box, stride } = density;
    const tints = { more: rgb(colours.accent), less: rgb(colours.text) };
    const key = `${mode} ${tints.more} ${tints.less}`;
    if (this.tinted?.key !== key) {
      const image = densityImage(grid, box, mode, tints, scene.projection.isLine);
      this.tinted = { key, picture: canvasOf(image) };
    }
    const [x0, y0] = view.toPixel(box[0], box[3]);
    const [x1, y1] = view.toPixel(box[1], box[2]);
    context.drawImage(this.tinted.picture, x0, y0, x1 - x0, y1 - y0);
    return stride;
  }
}

/**
 * Whether density, rings and zones are drawn beneath the points: with t-SNE there are none, and a turned space draws its own.
 * @param {Pick<MapProjection, "invertible" | "spatial">} projection
 */
export const isFlat = ({ invertible, spatial }) => invertible && !spatial;

/**
 * What is drawn of the density; null where there is nothing to draw.
 * @param {ZonesScene} scene
 * @returns {DensityMode | null}
 */
const modeOf = ({ projection, state: { density } }) => (isFlat(projection) && density !== "off" ? density : null);

/**
 * @param {ZonesScene} scene
 * @returns {Generator<void, Density>}
 */
function* summed({ projection: { isLine }, covariance, points: { us, vs, labels }, state }) {
  /** @type {Extent} */
  const box = [...extent(us, REACH), ...(isLine ? STRIP : extent(vs, REACH))];
  const stride = Math.ceil(us.length / POINTS);
  const shown = shownClasses(state.hidden);
  const counts = (/** @type {number} */ i) => isSampled(i, stride) && shown[labels[i]] === 1;
  const grid = isLine
    ? aggregateLine([us, vs], covariance, box, counts)
    : yield* aggregating([us, vs], covariance, box, counts);
  return { grid, box, stride };
}
