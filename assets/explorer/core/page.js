// The base class of the pages beside the map: a root element that ends where the window does, repaints on request, and
// a link in the address bar that follows the state.

import { finderIn } from "./dom.js";
import { Link } from "./link-hash.js";
import { topOf, watchTop } from "./page-top.js";
import { keepSwipesOff } from "./swipe.js";

const BELOW = 10; // px that stay free beneath the view

/** Subclasses override `paint`, `hash` and `followLink`. */
export class Page {
  /**
   * @param {HTMLElement} root
   * @param {...string} classes added to the root
   */
  constructor(root, ...classes) {
    this.root = root;
    root.classList.add("er", "lv", ...classes);
    this.$ = finderIn(root);
    this.destroyed = false;
    this.lookDirty = false;
    /** @type {number | undefined} px from the top of the document to the root */
    this.top = undefined;
    /** @type {number | null} the animation frame that is requested */
    this.request = null;
    /** @type {AbortController | null} of the page's event listeners */
    this.listener = null;
    /** @type {ResizeObserver | null} */
    this.sizes = null;
    keepSwipesOff(root);
    this.above = watchTop(root, () => {
      if (topOf(root) !== this.top) this.fill();
    });
    this.link = new Link(root, { hash: () => this.hash(), follow: (hash) => this.followLink(hash) });
  }

  /**
   * Paints one frame of the display.
   * @param {number} _now ms
   */
  paint(_now) {}

  /** The state as the part of the address after "#". */
  hash() {
    return "";
  }

  /**
   * Shows what a link says.
   * @param {string} _hash
   */
  followLink(_hash) {}

  /** Sets the height of the root so that it ends where the window does. */
  fill() {
    this.top = topOf(this.root);
    this.root.style.setProperty("--er-top", `${this.top + BELOW}px`);
  }

  /**
   * Calls `resized` when the size of one of the canvases changes, so that it can be drawn at its new size.
   * @param {Iterable<Element>} canvases
   * @param {ResizeObserverCallback} resized
   */
  watchSizes(canvases, resized) {
    this.sizes = new ResizeObserver(resized);
    for (const canvas of canvases) this.sizes.observe(canvas);
  }

  /**
   * Moves the viewport of the map by `move`, saves the link and requests a repaint.
   * @param {() => void} move
   */
  look(move) {
    move();
    this.lookDirty = true;
    this.link.save();
    this.wake();
  }

  /** Requests a repaint. */
  wake() {
    if (!this.destroyed) this.request ??= requestAnimationFrame((now) => this.tick(now));
  }

  /** @param {number} now ms */
  tick(now) {
    this.request = null;
    if (!this.root.isConnected) return this.destroy(); // another page has replaced this one
    this.paint(now);
  }

  destroy() {
    this.destroyed = true;
    if (this.request !== null) cancelAnimationFrame(this.request);
    this.listener?.abort();
    this.sizes?.disconnect();
    this.above.disconnect();
    this.link.close();
  }
}
