// The base class of all views: a root element that ends where the window does, repaints on request, a link in the address bar
// that follows the state, and the interface by which others drive the view.

import { ControlLocks } from "./control-locks.js";
import { finderIn } from "./dom.js";
import { glide } from "./glide.js";
import { Link } from "./link-hash.js";
import { topOf, watchTop } from "./page-top.js";
import { keepSwipesOff } from "./swipe.js";
import { descriptionOf, hashOf } from "./view.js";

/** @import { Description, View } from "./view.js" */

const BELOW = 10; // px that stay free beneath the view
const GRABS = /** @type {const} */ (["pointerdown", "wheel", "keydown"]); // by which a person takes over from a motion

/**
 * Subclasses override `paint`, `describe`, `go` and, where they wait for anything, `isBusy`.
 * @implements {View}
 */
export class Page {
  /**
   * @param {HTMLElement} root
   * @param {...string} classes added to the root
   */
  constructor(root, ...classes) {
    this.root = root;
    root.classList.add("er", "page", ...classes);
    this.$ = finderIn(root);
    this.destroyed = false;
    this.lookDirty = false;
    this.hearsKeys = true;
    /** @type {number | undefined} px from the top of the document to the root */
    this.top = undefined;
    /** @type {number | null} the animation frame that is requested */
    this.request = null;
    /** @type {AbortController | null} of the page's event listeners */
    this.listener = null;
    /** @type {AbortController | null} of the motion to another state, while it lasts */
    this.motion = null;
    /** @type {ResizeObserver | null} */
    this.sizes = null;
    keepSwipesOff(root);
    this.above = watchTop(root, () => {
      if (topOf(root) !== this.top) this.fill();
    });
    this.locks = new ControlLocks(root);
    this.link = new Link(root, {
      hash: () => this.hash(),
      follow: (hash) => this.followLink(hash),
    });
    for (const type of GRABS) root.addEventListener(type, () => this.motion?.abort(), { capture: true, passive: true });
  }

  // --- what others may ask of a view -----------------------------------------------------------------------------------

  /** @returns {Description} */
  describe() {
    return {};
  }

  /**
   * @param {Description} state
   * @param {{ ms?: number }} [options]
   */
  async apply(state, { ms = 0 } = {}) {
    this.motion?.abort();
    const motion = new AbortController();
    this.motion = motion;
    const step = this.go(state);
    if (step) await glide(ms, (share) => step(share), motion.signal);
    if (this.motion === motion) this.motion = null;
    await this.settled();
  }

  /**
   * Goes to a state. What does not move is there on return; what moves is at `share` of its way when the returned function
   * is called, and there at 1. Returns null where the view is not open yet.
   * @param {Description} _state
   * @returns {((share: number) => void) | null}
   */
  go(_state) {
    return null;
  }

  async settled() {
    const waits = () => this.motion || (!this.isPlaying() && (this.request !== null || this.isBusy()));
    while (!this.destroyed && waits()) await frame();
    await frame(); // what was painted last is on the screen
  }

  /** Whether the view waits for something that it is going to paint: an answer, a network, a formula. */
  isBusy() {
    return false;
  }

  /** Whether an animation plays that a person has started: it paints in every frame, and `settled` does not wait for it. */
  isPlaying() {
    return false;
  }

  controlNames() {
    return this.locks.all();
  }

  /** @param {string[]} names */
  lock(names) {
    this.locks.set("locked", names);
  }

  /** @param {string[]} names */
  hide(names) {
    this.locks.set("hidden", names);
  }

  /** @param {boolean} on */
  keys(on) {
    this.hearsKeys = on;
  }

  hash() {
    return hashOf(this.describe());
  }

  /** @param {string} hash */
  followLink(hash) {
    void this.apply(descriptionOf(hash));
  }

  /**
   * Whether a control is locked or hidden, so that shortcuts of the page must not do what it does.
   * @param {string} name
   */
  isTaken(name) {
    return this.locks.names.locked.has(name) || this.locks.names.hidden.has(name);
  }

  // --- what views have in common ---------------------------------------------------------------------------------------

  /**
   * Listens to the keyboard, wherever the focus is, while the view is to do so.
   * @param {(event: KeyboardEvent) => void} handle
   * @param {AddEventListenerOptions} options
   */
  listenToKeys(handle, options) {
    document.addEventListener("keydown", (event) => this.hearsKeys && handle(event), options);
  }

  /**
   * Paints one frame of the display.
   * @param {number} _now ms
   */
  paint(_now) {}

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
    this.motion?.abort();
    if (this.request !== null) cancelAnimationFrame(this.request);
    this.listener?.abort();
    this.sizes?.disconnect();
    this.above.disconnect();
    this.locks.disconnect();
    this.link.close();
  }
}

/** Resolves in the next frame of the display, after its painting. */
const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
