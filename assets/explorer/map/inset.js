// What is decoded under a finger, in a corner of the map that the finger is not in, while the lens itself is out of sight: on
// a phone it may stand further down the page.

const AWAY = 8; // px from the edges of the part of the map that is seen

export class Inset {
  // `canvases()` are those of the lens.
  constructor(map, canvases) {
    this.map = map;
    this.canvases = canvases;
    this.pictures = [];
    this.element = Object.assign(document.createElement("div"), {
      className: "er-inset",
      hidden: true,
      ariaHidden: "true",
    });
    map.append(this.element);
  }

  // The finger is at pixel (x, y) of the map.
  show(x, y) {
    if (!this.element.hidden) return this.place(x, y);
    const lens = this.canvases();
    if (!lens.length || lens.every(isInSight)) return;
    this.pictures = lens.map((from) => ({ from, to: document.createElement("canvas") }));
    this.element.replaceChildren(...this.pictures.map(({ to }) => to));
    this.element.hidden = false;
    this.place(x, y);
    this.copy();
  }

  hide() {
    cancelAnimationFrame(this.request);
    this.element.hidden = true;
  }

  // In the upper corner opposite to the finger, of what is seen of the map.
  place(x, y) {
    const box = this.map.getBoundingClientRect();
    const top = Math.max(0, coveredTo(box, this.map) - box.top) + AWAY;
    const { style } = this.element;
    style.top = `${top}px`;
    const right = x < box.width / 2;
    style.left = right ? "auto" : `${AWAY}px`;
    style.right = right ? `${AWAY}px` : "auto";
  }

  // The lens paints when its decoder answers; what it has painted is here with the next frame.
  copy() {
    for (const { from, to } of this.pictures) {
      if (!from.width) continue;
      if (to.width !== from.width || to.height !== from.height)
        Object.assign(to, { width: from.width, height: from.height });
      to.getContext("2d").drawImage(from, 0, 0);
    }
    this.request = requestAnimationFrame(() => this.copy());
  }
}

// Whether all of an element is seen: it is within the window, and nothing stands before it.
function isInSight(element) {
  const { left, top, right, bottom, width } = element.getBoundingClientRect();
  if (!width || left < 0 || top < 0 || right > innerWidth || bottom > innerHeight) return false;
  return [top + 2, bottom - 2].every((y) => element.contains(document.elementFromPoint((left + right) / 2, y)));
}

// How far down the window something stands before the map, such as a page's navigation.
function coveredTo({ left, width, top, bottom }, map) {
  const middle = left + width / 2;
  for (let y = Math.max(0, top) + 1; y < Math.min(bottom, innerHeight); y += 4)
    if (map.contains(document.elementFromPoint(middle, y))) return y;
  return top;
}
