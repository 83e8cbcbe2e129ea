// What one finger means on something that is dragged, on a page that scrolls: moved across the page, or rested before it
// moves, it drags; moved up or down at once, it scrolls the page. The style of such an element says `touch-action: pan-y`.

export const HOLD = 350; // ms of rest after which a finger drags in any direction
const SLOP = 8; // px that a finger may wander before its direction counts

export class Swipe {
  // `x`, `y` and `at` (ms) are of the touch; a finger that has rested for `hold` ms drags in any direction.
  constructor(x, y, at, hold = HOLD) {
    this.x = x;
    this.y = y;
    this.at = at;
    this.hold = hold;
    this.drags = hold <= 0;
    this.scrolls = false;
  }

  // The finger is at a pixel now; true once it drags.
  move(x, y, at) {
    if (this.drags || this.scrolls) return this.drags;
    const [across, down] = [Math.abs(x - this.x), Math.abs(y - this.y)];
    if (at - this.at >= this.hold) this.drags = true;
    else if (Math.max(across, down) >= SLOP) this[across >= down ? "drags" : "scrolls"] = true;
    return this.drags;
  }
}

// Whether there is anything to scroll, up or down, in what an element stands in.
export function isScrollable(element) {
  for (let box = element.parentElement; box; box = box.parentElement) {
    if (box.scrollHeight <= box.clientHeight + 1) continue;
    if (box === document.scrollingElement || /auto|scroll/.test(getComputedStyle(box).overflowY)) return true;
  }
  return false;
}

// Sliders within `root`, which browsers set as soon as a finger touches them, and again while the page scrolls: a finger
// that scrolls sets none of them, one that moves across sets them as it goes, and a tap sets them once it is over.
export function keepSwipesOff(root) {
  let held = null; // { slider, swipe, before, wanted }
  const on = (type, action) => root.addEventListener(type, action, { capture: true, passive: true });
  const at = ({ touches: [{ clientX, clientY }], timeStamp }) => [clientX, clientY, timeStamp];
  const setWanted = ({ slider, wanted }) => {
    if (wanted === null) return;
    slider.value = wanted;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const waits = (target) => target === held?.slider && !held.swipe.drags;
  on("touchstart", (event) => {
    if (held)
      held.swipe.scrolls ||= !held.swipe.drags; // a second finger
    else if (event.target.type === "range" && !event.target.disabled)
      held = {
        slider: event.target,
        swipe: new Swipe(...at(event), Infinity),
        before: event.target.value,
        wanted: null,
      };
  });
  on("touchmove", (event) => {
    if (held && !held.swipe.drags && held.swipe.move(...at(event))) setWanted(held);
  });
  on("input", (event) => {
    if (!waits(event.target)) return;
    held.wanted = held.slider.value;
    held.slider.value = held.before;
    event.stopImmediatePropagation();
  });
  on("change", (event) => waits(event.target) && event.stopImmediatePropagation());
  on("touchend", (event) => {
    if (event.touches.length) return;
    const over = held;
    held = null;
    if (over && !over.swipe.drags && !over.swipe.scrolls) setWanted(over);
  });
  on("touchcancel", () => (held = null));
}
