// Mouse, pen and fingers on the map. A hover moves the lens, a click or tap pins it, two fingers zoom and pan;
// dragging and the wheel stay with Plotly, unless a drag is claimed.

const CLICK = 5; // px a press may wander and still be a click
const RELEASES = ["pointerup", "pointercancel"];

export class Pointer {
  // `on` = { hover(x, y, startedAt), click(x, y, startedAt), pinch(factor, x, y, dx, dy) }, in pixels of the map; where
  // press(x, y, startedAt) is there and true, the drag that begins so goes to drag(…) and drop(…).
  constructor(root, map, on) {
    Object.assign(this, { root, map, on, fingers: new Map(), claimed: null });
    root.addEventListener("pointermove", (event) => this.move(event));
    root.addEventListener("pointerdown", (event) => this.down(event), true);
    this.released = (event) => this.up(event);
    this.dragged = (event) => event.pointerId === this.claimed && this.on.drag(...this.at(event), event.timeStamp);
    root.addEventListener("mousedown", (event) => this.claimed !== null && event.stopPropagation(), true); // Plotly's drag begins there
    // Plotly would take a finger for a drag of the map; a finger is the lens here.
    for (const type of ["touchstart", "touchmove", "touchend"])
      root.addEventListener(type, (event) => this.onPlot(event.target) && event.stopPropagation(), true);
  }

  onPlot(target) {
    return target.classList?.contains("drag") || target === this.root;
  }

  at(event) {
    const box = this.root.getBoundingClientRect();
    return [event.clientX - box.left - this.root.clientLeft, event.clientY - box.top - this.root.clientTop];
  }

  down(event) {
    if (this.claimed !== null) return;
    // Plotly covers the page while a button is down, so the release is heard wherever it comes.
    for (const type of RELEASES) window.addEventListener(type, this.released, true);
    const [x, y] = this.at(event);
    this.pressed = this.onPlot(event.target) && this.map.view?.contains(x, y) && event.button === 0 ? [x, y] : null;
    if (this.pressed) this.root.focus({ preventScroll: true }); // Plotly keeps the browser from doing so
    if (this.pressed && !this.fingers.size && this.on.press?.(x, y, event.timeStamp)) return this.claim(event);
    if (event.pointerType !== "touch" || !this.pressed) return;
    this.fingers.set(event.pointerId, [x, y]);
    if (this.fingers.size === 1) this.on.hover(x, y, event.timeStamp);
    else this.pressed = null;
  }

  // The pointer that is down belongs to whoever has claimed it, until it is released.
  claim(event) {
    this.claimed = event.pointerId;
    window.addEventListener("pointermove", this.dragged, true);
  }

  release(event) {
    if (event.pointerId !== this.claimed) return;
    this.claimed = null;
    window.removeEventListener("pointermove", this.dragged, true);
    for (const type of RELEASES) window.removeEventListener(type, this.released, true);
    this.on.drop(...this.at(event), event.timeStamp);
  }

  move(event) {
    if (this.claimed !== null) return;
    const [x, y] = this.at(event);
    if (event.pointerType === "touch") {
      if (!this.fingers.has(event.pointerId)) return;
      if (this.fingers.size === 2) return this.pinch(event.pointerId, [x, y]);
      this.fingers.set(event.pointerId, [x, y]);
    } else if (event.buttons !== 0) return;
    if (this.map.view?.contains(x, y)) this.on.hover(x, y, event.timeStamp);
  }

  up(event) {
    if (this.claimed !== null) return this.release(event);
    const [x, y] = this.at(event);
    const press = this.pressed;
    this.pressed = null;
    this.fingers.delete(event.pointerId);
    if (!this.fingers.size) for (const type of RELEASES) window.removeEventListener(type, this.released, true);
    if (event.type === "pointercancel" || !press) return;
    const still = Math.hypot(x - press[0], y - press[1]) <= CLICK;
    // a finger that has dragged the lens somewhere leaves it there
    if (still || event.pointerType === "touch") this.on.click(x, y, event.timeStamp, still);
  }

  pinch(id, now) {
    const before = [...this.fingers.values()];
    this.fingers.set(id, now);
    const after = [...this.fingers.values()];
    const apart = ([a, b]) => Math.max(10, Math.hypot(a[0] - b[0], a[1] - b[1]));
    const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [from, to] = [middle(before), middle(after)];
    this.on.pinch(apart(before) / apart(after), to[0], to[1], to[0] - from[0], to[1] - from[1]);
  }
}
