// What the pages beside the map have in common: an element that ends where the window does, frames that are painted once
// something has changed, an address that follows what is chosen.

import { Link } from "./link-hash.js";
import { topOf, watchTop } from "./page-top.js";
import { keepSwipesOff } from "./swipe.js";

const BELOW = 10; // px that stay free beneath the view

// A page has besides: `paint(now)`, one frame of the display; `hash()`, what the address says of it; `followLink(hash)`, which
// shows what another link says.
export class Page {
  constructor(root, ...classes) {
    this.root = root;
    root.classList.add("er", "lv", ...classes);
    this.$ = (selector) => root.querySelector(selector);
    keepSwipesOff(root);
    this.above = watchTop(root, () => topOf(root) !== this.top && this.fill());
    this.link = new Link(root, { hash: () => this.hash(), follow: (hash) => this.followLink(hash) });
  }

  fill() {
    this.top = topOf(this.root);
    this.root.style.setProperty("--er-top", `${this.top + BELOW}px`);
  }

  // A chart is drawn in the size that it is seen in: `resized()` hears of it when that of one of `canvases` is another.
  watchSizes(canvases, resized) {
    this.sizes = new ResizeObserver(resized);
    for (const canvas of canvases) this.sizes.observe(canvas);
  }

  // Another part of the map is looked at: `move()` says which.
  look(move) {
    move();
    this.lookDirty = true;
    this.link.save();
    this.wake();
  }

  wake() {
    if (!this.destroyed) this.request ??= requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.request = null;
    if (!this.root.isConnected) return this.destroy(); // another page has taken the place
    this.paint(now);
  }

  destroy() {
    this.destroyed = true;
    cancelAnimationFrame(this.request);
    this.listener?.abort();
    this.sizes?.disconnect();
    this.above.disconnect();
    this.link.close();
  }
}
