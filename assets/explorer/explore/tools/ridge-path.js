// The least-cost path through the aggregate posterior on the map. The density grid is cached until it is outdated.

import { extent } from "../../map/view.js";
import { aggregating, GRID } from "../../math/density.js";
import { alongPlane } from "../../math/interpolation.js";
import { ridge } from "../../math/ridge.js";

/** @import { MapFrame } from "../../data/frame.js" */
/** @import { ToolHost } from "../tool-host.js" */

const REACH = 4.5; // prior sigmas: the grid reaches at least as far as this

export class RidgePath {
  constructor() {
    /** @type {Float32Array | null} density in the cells of the grid */
    this.grid = null;
    /** @type {ToolHost["projection"] | null} the projection that `grid` belongs to */
    this.projection = null;
  }

  /** The points or the classes shown changed. */
  forget() {
    this.grid = null;
  }

  /**
   * z at every step of the path from a to b. A generator, which yields where the work can be interrupted.
   * @param {Pick<ToolHost, "points" | "projection" | "state">} host
   * @param {MapFrame} frame
   * @param {Float64Array} a
   * @param {Float64Array} b
   * @param {number} steps
   */
  *find({ points, projection, state }, frame, a, b, steps) {
    const { us, vs, labels } = points;
    const { logvar } = frame.arrays;
    const [u0, u1] = extent(us, REACH);
    const [v0, v1] = extent(vs, REACH);
    if (this.projection !== projection) this.grid = null;
    this.projection = projection;
    this.grid ??= yield* aggregating(
      [us, vs],
      (i) => projection.covariance(logvar, i),
      [u0, u1, v0, v1],
      (i) => !state.hidden.includes(labels[i]),
    );
    yield;
    const line = ridge(this.grid, GRID, [u0, u1, v0, v1], projection.project(a), projection.project(b));
    const path = alongPlane(projection, line, a, b, steps);
    return path;
  }
}
