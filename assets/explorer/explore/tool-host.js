// What tools can use of the explorer.

/** @import { Explorer } from "./explorer.js" */
/** @import { LatentMap } from "./map.js" */

export class ToolHost {
  #explorer;

  /** @param {Explorer} explorer */
  constructor(explorer) {
    this.#explorer = explorer;
  }

  get state() {
    return this.#explorer.state;
  }

  get decoder() {
    return this.#explorer.decoder;
  }

  get projection() {
    return this.#explorer.projection;
  }

  get points() {
    return this.#explorer.points;
  }

  get costs() {
    return this.#explorer.costs;
  }

  /** Whether the map shows the plane that the state names. */
  get showsPlane() {
    return this.#explorer.showsPlane;
  }

  /** @returns {Pick<LatentMap, "home" | "nearest" | "scene" | "setRange" | "view">} */
  get map() {
    return this.#explorer.map;
  }

  /** The model's encoder, which is fetched when it is first needed. */
  encoder() {
    return this.#explorer.encoder();
  }

  /**
   * Has the next frame painted.
   * @param {number} at when the input came, in ms
   */
  schedule(at) {
    this.#explorer.schedule(at);
  }

  /** Calls the open tool's `paint` again. */
  repaint() {
    this.#explorer.tools.repaint();
  }

  /** The data point beside the lens, or −1. */
  nearestPoint() {
    return this.#explorer.nearestPoint();
  }

  /**
   * How far data point i is drawn from a pixel of the map, in px.
   * @param {number} i
   * @param {number} x
   * @param {number} y
   */
  distance(i, x, y) {
    return this.#explorer.distance(i, x, y);
  }

  /**
   * A click on the map that the tool does not use itself.
   * @param {number} x
   * @param {number} y
   * @param {number} at
   * @param {boolean} snap a data point near the pixel is taken itself
   */
  click(x, y, at, snap) {
    this.#explorer.click(x, y, at, snap);
  }

  /**
   * Pins the lens at the mean of data point i.
   * @param {number} i
   * @param {number} at
   */
  pinPoint(i, at) {
    this.#explorer.pinPoint(i, at);
  }

  /**
   * Sets one dimension of z.
   * @param {number} d
   * @param {number} value
   * @param {number} at
   */
  slide(d, value, at) {
    this.#explorer.slide(d, value, at);
  }

  /**
   * Pins the lens at z.
   * @param {ArrayLike<number>} z
   * @param {number} at
   * @param {number} [point] the data point to be shown beside it; −1 for the nearest
   */
  moveTo(z, at, point) {
    this.#explorer.moveTo(z, at, point);
  }
}
