// Mouse, pen and fingers on the map. A hover moves the lens, a click or tap pins it, two fingers zoom and pan; dragging and
// the wheel stay with Plotly, unless a drag is claimed. On a page that scrolls, a finger that swipes up or down scrolls it
// (swipe.js); two quick taps show all of the map again.

import { HOLD, isScrollable, Swipe } from "../core/swipe.js";

const CLICK = 5; // px a press may wander and still be a click
const TWICE = { ms: 350, px: 24 }; // how soon and how near a second tap makes a double tap
const RELEASES = ["pointerup", "pointercancel"];

export class Pointer {
  // `on` = { hover(x, y, startedAt, finger), click(x, y, startedAt, still), pinch(factor, x, y, dx, dy) }, in pixels of the
  // map, and as far as the map has them:
  //   press(x, y, startedAt, finger) → true: the drag that begins so goes to drag(x, y, startedAt), and its end to
  //     drop(x, y, startedAt, cancelled); "across": the same, but a finger's swipe up or down scrolls the page
  //   reset() → true where it has shown all of the map again, and false where it was shown already
  //   touched(x, y) and lifted(): a finger looks at the map from now on, and no longer
  constructor(root, map, on) {
    this.root = root;
    this.map = map;
    this.on = on;
    this.fingers = new Map();
    this.claimed = null;
    this.swipe = null;
    this.tapped = null;
    root.addEventListener("pointermove", (event) => this.move(event));
    root.addEventListener("pointerdown", (event) => this.down(event), true);
    this.released = (event) => this.up(event);
    this.dragged = (event) => event.pointerId === this.claimed && this.drag(event);
    root.addEventListener("mousedown", (event) => this.claimed !== null && event.stopPropagation(), true); // Plotly's drag begins there
    for (const type of ["touchstart", "touchmove", "touchend"])
      root.addEventListener(type, (event) => this.touch(event), { capture: true, passive: false });
  }

  // Plotly would take a finger for a drag of the map; a finger is the lens here, and where it is, the page stays.
  touch(event) {
    if (this.onPlot(event.target)) event.stopPropagation();
    if (event.type === "touchmove" && event.cancelable && this.holdsPage) event.preventDefault();
  }

  get holdsPage() {
    return Boolean(this.swipe?.drags) || (this.fingers.size > 1 && Boolean(this.on.pinch));
  }

  onPlot(target) {
    return target.classList?.contains("drag") || target === this.root;
  }

  at(event) {
    const box = this.root.getBoundingClientRect();
    return [event.clientX - box.left - this.root.clientLeft, event.clientY - box.top - this.root.clientTop];
  }

  down(event) {
    const touch = event.pointerType === "touch";
    if (this.claimed !== null && !(touch && this.fingers.size)) return;
    const [x, y] = this.at(event);
    if (!this.onPlot(event.target) || !this.map.view?.contains(x, y) || event.button !== 0) return;
    // Plotly covers the page while a button is down, so the release is heard wherever it comes.
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

  // The first finger: until it drags, it may be about to scroll the page.
  beginSwipe({ clientX, clientY, timeStamp }, claim) {
    const free = claim === true || !isScrollable(this.root);
    this.swipe = new Swipe(clientX, clientY, timeStamp, free ? 0 : HOLD);
    if (claim) return;
    const spot = this.pressed;
    const look = () => this.look(...spot, timeStamp);
    if (free) look();
    else this.resting = setTimeout(look, HOLD);
  }

  // The drag that is begun belongs to the finger that began it, in whatever direction it goes.
  keep() {
    if (this.swipe) this.swipe.drags = true;
  }

  beginPinch(event) {
    clearTimeout(this.resting);
    if (this.claimed !== null) this.release(event, true);
    this.pressed = this.swipe = this.tapped = null;
    this.on.lifted?.();
  }

  // The lens is where the finger is.
  look(x, y, at) {
    clearTimeout(this.resting);
    this.on.touched?.(x, y);
    this.on.hover(x, y, at, true);
  }

  // The pointer that is down belongs to whoever has claimed it, until it is released.
  claim(event) {
    this.claimed = event.pointerId;
    window.addEventListener("pointermove", this.dragged, true);
  }

  drag(event) {
    if (this.swipe && !this.swipe.move(event.clientX, event.clientY, event.timeStamp)) return;
    this.on.drag(...this.at(event), event.timeStamp);
  }

  release(event, cancelled) {
    this.claimed = null;
    window.removeEventListener("pointermove", this.dragged, true);
    this.on.drop(...this.at(event), event.timeStamp, cancelled);
  }

  move(event) {
    if (this.claimed !== null) return;
    const [x, y] = this.at(event);
    if (event.pointerType === "touch") {
      if (!this.fingers.has(event.pointerId)) return;
      if (this.fingers.size === 2) return this.pinch(event.pointerId, [x, y]);
      this.fingers.set(event.pointerId, [x, y]);
      if (!this.swipe?.move(event.clientX, event.clientY, event.timeStamp))
        return this.swipe?.scrolls && clearTimeout(this.resting);
      if (this.map.view?.contains(x, y)) this.look(x, y, event.timeStamp);
      return;
    }
    if (event.buttons === 0 && this.map.view?.contains(x, y)) this.on.hover(x, y, event.timeStamp, false);
  }

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

  isSecondTap(x, y, at) {
    const first = this.tapped;
    const second = first !== null && at - first.at < TWICE.ms && Math.hypot(x - first.x, y - first.y) < TWICE.px;
    this.tapped = second ? null : { x, y, at };
    return second;
  }

  pinch(id, now) {
    const before = [...this.fingers.values()];
    this.fingers.set(id, now);
    const after = [...this.fingers.values()];
    const apart = ([a, b]) => Math.max(10, Math.hypot(a[0] - b[0], a[1] - b[1]));
    const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [from, to] = [middle(before), middle(after)];
    this.on.pinch?.(apart(before) / apart(after), to[0], to[1], to[0] - from[0], to[1] - from[1]);
  }
}
