// Mouse, pen and fingers on the map. A hover moves the lens, a click or tap pins it, two fingers zoom and pan. Dragging and
// the wheel are handled by Plotly, unless a drag is claimed. On a page that scrolls, a finger that swipes up or down scrolls
// it (swipe.js). A double tap shows all of the map again.

import { HOLD, isScrollable, Swipe } from "../core/swipe.js";

/** @import { Pixel, View } from "./view.js" */

/**
 * What becomes of a drag that begins with a press: true: it is claimed, and `drag` and `drop` are called; "across": the
 * same, but a finger's swipe up or down scrolls the page; anything falsy: it is not claimed.
 * @typedef {boolean | "across" | null | undefined | void} Claim
 */

/**
 * All x and y are pixels of the map; `at` is the time of the event or of the press, in ms. The handlers after `click` are
 * optional, but `drag` and `drop` must be there where `press` claims a drag.
 * @typedef {object} PointerHandlers
 * @property {(x: number, y: number, at: number, finger: boolean) => void} hover
 * @property {(x: number, y: number, at: number, still: boolean) => void} click `still`: the pointer has not been dragged
 * @property {(factor: number, x: number, y: number, dx: number, dy: number) => void} [pinch]
 * @property {(x: number, y: number, at: number, finger: boolean) => Claim} [press]
 * @property {(x: number, y: number, at: number) => void} [drag]
 * @property {(x: number, y: number, at: number, cancelled: boolean) => void} [drop]
 * @property {() => boolean} [reset] shows all of the map again; false where it was shown already
 * @property {(x: number, y: number) => void} [touched] a finger moves the lens from now on
 * @property {() => void} [lifted] it no longer does
 */

const CLICK = 5; // px a press may wander and still be a click
const TWICE = { ms: 350, px: 24 }; // how soon and how near a second tap makes a double tap
const RELEASES = /** @type {const} */ (["pointerup", "pointercancel"]);
const TOUCHES = /** @type {const} */ (["touchstart", "touchmove", "touchend"]);

export class Pointer {
  /**
   * @param {HTMLElement} root
   * @param {{ view?: View | null }} map
   * @param {PointerHandlers} on
   */
  constructor(root, map, on) {
    this.root = root;
    this.map = map;
    this.on = on;
    /** @type {Map<number, Pixel>} */
    this.fingers = new Map(); // pointer id → where it is
    /** @type {number | null} */
    this.claimed = null; // the id of the pointer whose drag is claimed
    /** @type {Swipe | null} */
    this.swipe = null;
    /** @type {Pixel | null} */
    this.pressed = null; // where the pointer went down
    /** @type {{ x: number, y: number, at: number } | null} */
    this.tapped = null; // the last tap
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.resting = undefined; // fires once a finger has rested on the map
    root.addEventListener("pointermove", (event) => this.move(event));
    root.addEventListener("pointerdown", (event) => this.down(event), true);
    this.released = (/** @type {PointerEvent} */ event) => this.up(event);
    this.dragged = (/** @type {PointerEvent} */ event) => event.pointerId === this.claimed && this.drag(event);
    root.addEventListener("mousedown", (event) => this.claimed !== null && event.stopPropagation(), true); // Plotly's drag begins there
    for (const type of TOUCHES)
      root.addEventListener(type, (event) => this.touch(event), { capture: true, passive: false });
  }

  /**
   * A finger moves the lens: Plotly must not drag the map with it, and the page must not scroll.
   * @param {TouchEvent} event
   */
  touch(event) {
    if (this.onPlot(event.target)) event.stopPropagation();
    if (event.type === "touchmove" && event.cancelable && this.holdsPage) event.preventDefault();
  }

  /** Whether the fingers on the map keep the page from scrolling. */
  get holdsPage() {
    return Boolean(this.swipe?.drags) || (this.fingers.size > 1 && Boolean(this.on.pinch));
  }

  /** @param {EventTarget | null} target */
  onPlot(target) {
    return (target instanceof Element && target.classList.contains("drag")) || target === this.root;
  }

  /**
   * The pixel of the map that an event is at.
   * @param {MouseEvent} event
   * @returns {Pixel}
   */
  at(event) {
    const box = this.root.getBoundingClientRect();
    return [event.clientX - box.left - this.root.clientLeft, event.clientY - box.top - this.root.clientTop];
  }

  /** @param {PointerEvent} event */
  down(event) {
    const touch = event.pointerType === "touch";
    if (this.claimed !== null && !(touch && this.fingers.size)) return;
    const [x, y] = this.at(event);
    if (!this.onPlot(event.target) || !this.map.view?.contains(x, y) || event.button !== 0) return;
    // Plotly covers the page while a button is down, so the release is listened for in the whole window.
    for (const type of RELEASES) window.addEventListener(type, this.released, true);
    this.pressed = [x, y];
    this.root.focus({ preventScroll: true }); // Plotly keeps the browser from doing so
    if (touch) this.fingers.set(event.pointerId, [x, y]);
    if (this.fingers.size > 1) return this.beginPinch(event);
    const claim = this.on.press?.(x, y, event.timeStamp, touch);
    if (touch) this.beginSwipe(event, claim);
    else if (event.pointerType === "pen") this.swipe = new Swipe(x, y, event.timeStamp, 0); // it never scrolls
    if (claim) this.claim(event);
  }

  /**
   * The first finger: until it drags, it may be about to scroll the page.
   * @param {PointerEvent} event
   * @param {Claim} claim
   */
  beginSwipe({ clientX, clientY, timeStamp }, claim) {
    const free = claim === true || !isScrollable(this.root);
    this.swipe = new Swipe(clientX, clientY, timeStamp, free ? 0 : HOLD);
    const spot = this.pressed;
    if (claim || !spot) return;
    const look = () => this.look(...spot, timeStamp);
    if (free) look();
    else this.resting = setTimeout(look, HOLD);
  }

  /** Makes the present press a drag at once, in whatever direction the finger goes. */
  keep() {
    if (this.swipe) this.swipe.drags = true;
  }

  /** @param {PointerEvent} event */
  beginPinch(event) {
    clearTimeout(this.resting);
    if (this.claimed !== null) this.release(event, true);
    this.pressed = this.swipe = this.tapped = null;
    this.on.lifted?.();
  }

  /**
   * Moves the lens to where the finger is.
   * @param {number} x
   * @param {number} y
   * @param {number} at
   */
  look(x, y, at) {
    clearTimeout(this.resting);
    this.on.touched?.(x, y);
    this.on.hover(x, y, at, true);
  }

  /**
   * Until the pointer is released, its moves are passed on to the handler `drag`.
   * @param {PointerEvent} event
   */
  claim(event) {
    this.claimed = event.pointerId;
    window.addEventListener("pointermove", this.dragged, true);
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (this.swipe && !this.swipe.move(event.clientX, event.clientY, event.timeStamp)) return;
    this.on.drag?.(...this.at(event), event.timeStamp);
  }

  /**
   * Ends a claimed drag.
   * @param {PointerEvent} event
   * @param {boolean} cancelled
   */
  release(event, cancelled) {
    this.claimed = null;
    window.removeEventListener("pointermove", this.dragged, true);
    this.on.drop?.(...this.at(event), event.timeStamp, cancelled);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (this.claimed !== null) return;
    const [x, y] = this.at(event);
    if (event.pointerType === "touch") {
      if (!this.fingers.has(event.pointerId)) return;
      if (this.fingers.size === 2) return this.pinch(event.pointerId, [x, y]);
      this.fingers.set(event.pointerId, [x, y]);
      if (!this.swipe?.move(event.clientX, event.clientY, event.timeStamp)) {
        if (this.swipe?.scrolls) clearTimeout(this.resting);
        return;
      }
      if (this.map.view?.contains(x, y)) this.look(x, y, event.timeStamp);
      return;
    }
    if (event.buttons === 0 && this.map.view?.contains(x, y)) this.on.hover(x, y, event.timeStamp, false);
  }

  /** @param {PointerEvent} event */
  up(event) {
    const touch = event.pointerType === "touch";
    const claimed = this.claimed === event.pointerId;
    const known = touch ? this.fingers.delete(event.pointerId) : claimed || this.claimed === null;
    if (!known) return;
    const { swipe, pressed } = this;
    clearTimeout(this.resting);
    if (!this.fingers.size) for (const type of RELEASES) window.removeEventListener(type, this.released, true);
    this.pressed = this.swipe = null;
    if (touch) this.on.lifted?.();
    const cancelled = event.type === "pointercancel" || Boolean(swipe?.scrolls);
    if (claimed) return this.release(event, cancelled);
    if (cancelled || !pressed) return;
    const [x, y] = this.at(event);
    const still = Math.hypot(x - pressed[0], y - pressed[1]) <= CLICK;
    if (touch && still && this.isSecondTap(x, y, event.timeStamp) && this.on.reset?.()) return;
    // a finger that has dragged the lens somewhere leaves it there
    if (still || touch) this.on.click(x, y, event.timeStamp, still);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} at
   */
  isSecondTap(x, y, at) {
    const first = this.tapped;
    const second = first !== null && at - first.at < TWICE.ms && Math.hypot(x - first.x, y - first.y) < TWICE.px;
    this.tapped = second ? null : { x, y, at };
    return second;
  }

  /**
   * One of two fingers moves.
   * @param {number} id
   * @param {Pixel} now
   */
  pinch(id, now) {
    const before = [...this.fingers.values()];
    this.fingers.set(id, now);
    const after = [...this.fingers.values()];
    const apart = (/** @type {Pixel[]} */ [a, b]) => Math.max(10, Math.hypot(a[0] - b[0], a[1] - b[1]));
    const middle = (/** @type {Pixel[]} */ [a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [from, to] = [middle(before), middle(after)];
    this.on.pinch?.(apart(before) / apart(after), to[0], to[1], to[0] - from[0], to[1] - from[1]);
  }
}
