// The gesture of one finger on an element that can be dragged, on a page that scrolls: a horizontal movement, or a rest
// before any movement, drags; a vertical movement at once scrolls the page. The element's style has `touch-action:
// pan-y`.

export const HOLD = 350; // ms of rest after which a finger drags in any direction
const SLOP = 8; // px that a finger may move before its direction counts

export class Swipe {
  /**
   * @param {number} x px
   * @param {number} y px
   * @param {number} at ms, the time of the touch
   * @param {number} hold ms of rest after which the finger drags in any direction
   */
  constructor(x, y, at, hold = HOLD) {
    this.x = x;
    this.y = y;
    this.at = at;
    this.hold = hold;
    this.drags = hold <= 0;
    this.scrolls = false;
  }

  /**
   * Handles a movement to (x, y); true once the finger drags.
   * @param {number} x px
   * @param {number} y px
   * @param {number} at ms
   */
  move(x, y, at) {
    if (this.drags || this.scrolls) return this.drags;
    const [across, down] = [Math.abs(x - this.x), Math.abs(y - this.y)];
    if (at - this.at >= this.hold) this.drags = true;
    else if (Math.max(across, down) >= SLOP) {
      if (across >= down) this.drags = true;
      else this.scrolls = true;
    }
    return this.drags;
  }
}

/**
 * Whether an ancestor of the element can scroll vertically.
 * @param {Element} element
 */
export function isScrollable(element) {
  for (let box = element.parentElement; box; box = box.parentElement) {
    if (box.scrollHeight <= box.clientHeight + 1) continue;
    if (box === document.scrollingElement || /auto|scroll/.test(getComputedStyle(box).overflowY)) return true;
  }
  return false;
}

/**
 * A slider under a finger: its value `before` the touch, and the value that the browser has set since.
 * @typedef {{ slider: HTMLInputElement, swipe: Swipe, before: string, wanted: string | null }} Held
 */

/**
 * Corrects the sliders within `root`, which browsers set as soon as a finger touches them and while it scrolls the
 * page: a finger that scrolls sets no slider, one that moves horizontally sets it continuously, and a tap sets it at
 * its end.
 * @param {HTMLElement} root
 */
export function keepSwipesOff(root) {
  const state = { held: /** @type {Held | null} */ (null) };
  /**
   * @template {keyof HTMLElementEventMap} Type
   * @param {Type} type
   * @param {(event: HTMLElementEventMap[Type]) => void} action
   */
  const on = (type, action) => root.addEventListener(type, action, { capture: true, passive: true });
  /**
   * @param {TouchEvent} event
   * @returns {[x: number, y: number, at: number]}
   */
  const at = ({ touches: [{ clientX, clientY }], timeStamp }) => [clientX, clientY, timeStamp];
  const setWanted = (/** @type {Held} */ { slider, wanted }) => {
    if (wanted === null) return;
    slider.value = wanted;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  };
  /** The held slider, if it is the event's target and the finger does not drag. @param {Event} event */
  const waiting = ({ target }) => (state.held?.slider === target && !state.held.swipe.drags ? state.held : null);
  on("touchstart", (event) => {
    const { target } = event;
    if (state.held)
      state.held.swipe.scrolls ||= !state.held.swipe.drags; // a second finger
    else if (target instanceof HTMLInputElement && target.type === "range" && !target.disabled)
      state.held = { slider: target, swipe: new Swipe(...at(event), Infinity), before: target.value, wanted: null };
  });
  on("touchmove", (event) => {
    const { held } = state;
    if (held && !held.swipe.drags && held.swipe.move(...at(event))) setWanted(held);
  });
  on("input", (event) => {
    const held = waiting(event);
    if (!held) return;
    held.wanted = held.slider.value;
    held.slider.value = held.before;
    event.stopImmediatePropagation();
  });
  on("change", (event) => {
    if (waiting(event)) event.stopImmediatePropagation();
  });
  on("touchend", (event) => {
    if (event.touches.length) return;
    const over = state.held;
    state.held = null;
    if (over && !over.swipe.drags && !over.swipe.scrolls) setWanted(over);
  });
  on("touchcancel", () => {
    state.held = null;
  });
}
