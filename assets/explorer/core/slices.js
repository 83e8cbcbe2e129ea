// Long work in slices of a few milliseconds, so that the page stays responsive.

import { afterPaint } from "./timing.js";

const SLICE = 4; // ms at a time

export class Slices {
  /** @param {() => boolean} free whether there is time for work now */
  constructor(free = () => true) {
    this.free = free;
    /** @type {Iterator<unknown, unknown> | null} */
    this.work = null;
    this.waiting = false;
  }

  /**
   * Begins work, in place of any other; it yields where it may be interrupted.
   * @param {Iterator<unknown, unknown>} work
   */
  run(work) {
    this.work = work;
    this.wait();
  }

  stop() {
    this.work = null;
  }

  /** Schedules the next slice. */
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

  /** Works for one slice. */
  go() {
    const until = performance.now() + (this.free() ? SLICE : 0);
    while (this.work && performance.now() < until) if (this.work.next().done) this.work = null;
    if (this.work) this.wait();
  }
}

/**
 * The result of a generator that runs to its end at once.
 * @template T
 * @param {Iterator<unknown, T>} work
 * @returns {T}
 */
export function finished(work) {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/**
 * A generator from `step`, which does the next piece of work and returns whether there is more.
 * @param {() => boolean} step
 */
export function* pieces(step) {
  while (step()) yield;
}
