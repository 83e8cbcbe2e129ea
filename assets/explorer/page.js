// What the pages beside the map have in common: an element that ends where the window does, frames that are painted once
// something has changed, an address that follows what is chosen.

import { writeHash } from "./link-hash.js";
import { topOf } from "./page-top.js";

const HASH_EVERY = 250; // ms between two changes of the address: browsers allow no more than a few a second

// A page has besides: `paint(now)`, one frame of the display; `hash()`, what the address says of it.
export class Page {
  constructor(root, ...classes) {
    this.root = root;
    root.classList.add("er", "lv", ...classes);
    this.$ = (selector) => root.querySelector(selector);
  }

  fill() {
    this.root.style.setProperty("--er-top", `${topOf(this.root) + 10}px`);
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
  }

  saveHashSoon() {
    this.hashTimer ??= setTimeout(() => {
      this.hashTimer = null;
      if (this.destroyed || !this.root.isConnected) return;
      if (!writeHash(this.hash())) this.saveHashSoon();
    }, HASH_EVERY);
  }
}
