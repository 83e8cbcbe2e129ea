// Long work in slices, so that nothing under the pointer waits for it.

import { afterPaint } from "./timing.js";

const SLICE = 4; // ms at a time

export class Slices {
  // Works only while `free()`.
  constructor(free = () => true) {
    this.free = free;
    this.work = null;
    this.waiting = false;
  }

  // Begins the work of a generator, which yields where it may be interrupted, in place of any that goes on.
  run(work) {
    this.work = work;
    this.wait();
  }

  stop() {
    this.work = null;
  }

  wait() {
    if (this.waiting) return;
    this.waiting = true;
    const next = () => {
      this.waiting = false;
      this.go();
    };
    if (this.free()) afterPaint(next);
    else requestAnimationFrame(next);
  }

  go() {
    const until = performance.now() + (this.free() ? SLICE : 0);
    while (this.work && performance.now() < until) if (this.work.next().done) this.work = null;
    if (this.work) this.wait();
  }
}

// What a generator's work comes to, all of it done at once.
export function finished(work) {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

// Work as a generator, whose `step()` does the next piece of it and says whether there is more.
export function* pieces(step) {
  while (step()) yield;
}
