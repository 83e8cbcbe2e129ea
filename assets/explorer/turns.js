// Work that is not under the pointer itself, a few pieces after every painted frame.

import { afterPaint } from "./timing.js";

const TURN = 4; // ms

export class Turns {
  // `step()` does the next piece of work, and says whether there is more.
  constructor(step) {
    Object.assign(this, { step, waiting: false, wanted: false });
  }

  // There is work.
  go() {
    this.wanted = true;
    this.wait();
  }

  stop() {
    this.wanted = false;
  }

  wait() {
    if (this.waiting) return;
    this.waiting = true;
    afterPaint(() => {
      this.waiting = false;
      this.turn();
    });
  }

  turn() {
    const until = performance.now() + TURN;
    while (this.wanted && performance.now() < until) this.wanted = this.step();
    if (this.wanted) this.wait();
  }
}
