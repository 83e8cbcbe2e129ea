// Long work in slices between frames, so that nothing under the pointer waits for it.

const SLICE = 6; // ms of a frame

export class Slices {
  // Works only while `free()`.
  constructor(free = () => true) {
    Object.assign(this, { free, work: null, request: null });
  }

  // Begins the work of a generator, which yields where it may be interrupted, in place of any that goes on.
  run(work) {
    this.work = work;
    this.request ??= requestAnimationFrame(() => this.go());
  }

  stop() {
    this.work = null;
  }

  go() {
    this.request = null;
    const until = performance.now() + (this.free() ? SLICE : 0);
    while (this.work && performance.now() < until) if (this.work.next().done) this.work = null;
    if (this.work) this.request ??= requestAnimationFrame(() => this.go());
  }
}
