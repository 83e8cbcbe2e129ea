// A copy of the lens in a corner of the map, shown under a finger while the lens itself is out of sight: on a phone it may
// be further down the page.

import { contextOf } from "../core/dom.js";

const AWAY = 8; // px from the edges of the visible part of the map

export class Inset {
  /**
   * @param {HTMLElement} map
   * @param {() => HTMLCanvasElement[]} canvases those of the lens
   */
  constructor(map, canvases) {
    this.map = map;
    this.canvases = canvases;
    /** @type {{ from: HTMLCanvasElement, to: HTMLCanvasElement }[]} */
    this.pictures = [];
    this.request = 0; // of the next animation frame
    this.element = Object.assign(document.createElement("div"), {
      className: "er-inset",
      hidden: true,
      ariaHidden: "true",
    });
    map.append(this.element);
  }

  /**
   * The finger is at pixel column `x` of the map.
   * @param {number} x
   */
  show(x) {
    if (!this.element.hidden) return this.place(x);
    const lens = this.canvases();
    if (!lens.length || lens.every(isInSight)) return;
    this.pictures = lens.map((from) => ({ from, to: document.createElement("canvas") }));
    this.element.replaceChildren(...this.pictures.map(({ to }) => to));
    this.element.hidden = false;
    this.place(x);
    this.copy();
  }

  hide() {
    cancelAnimationFrame(this.request);
    this.element.hidden = true;
  }

  /**
   * Puts the copy in an upper corner of the visible part of the map: in the one that is away from the finger.
   * @param {number} x
   */
  place(x) {
    const box = this.map.getBoundingClientRect();
    const top = Math.max(0, coveredTo(box, this.map) - box.top) + AWAY;
    const { style } = this.element;
    style.top = `${top}px`;
    const right = x < box.width / 2;
    style.left = right ? "auto" : `${AWAY}px`;
    style.right = right ? `${AWAY}px` : "auto";
  }

  /** Copies the lens in every frame, because the lens paints whenever its decoder answers. */
  copy() {
    for (const { from, to } of this.pictures) {
      if (!from.width) continue;
      if (to.width !== from.width || to.height !== from.height)
        Object.assign(to, { width: from.width, height: from.height });
      contextOf(to).drawImage(from, 0, 0);
    }
    this.request = requestAnimationFrame(() => this.copy());
  }
}

/**
 * Whether all of an element is visible: within the window, and not covered by anything.
 * @param {Element} element
 */
function isInSight(element) {
  const { left, top, right, bottom, width } = element.getBoundingClientRect();
  if (!width || left < 0 || top < 0 || right > innerWidth || bottom > innerHeight) return false;
  return [top + 2, bottom - 2].every((y) => element.contains(document.elementFromPoint((left + right) / 2, y)));
}

/**
 * The first row of the window where the map is not covered by something such as a page's navigation.
 * @param {DOMRect} box of the map
 * @param {Element} map
 */
function coveredTo({ left, width, top, bottom }, map) {
  const middle = left + width / 2;
  for (let y = Math.max(0, top) + 1; y < Math.min(bottom, innerHeight); y += 4)
    if (map.contains(document.elementFromPoint(middle, y))) return y;
  return top;
}
