// An animation of t from 0 to 1 and back, until it is stopped.

const TURN = 4000; // ms from 0 to 1

export class Playback {
  /** @param {(t: number, now: number) => void} go called in every frame; `now` is the frame's time in ms */
  constructor(go) {
    this.go = go;
    /** @type {number | null} the animation frame that was requested */
    this.request = null;
  }

  get isPlaying() {
    return this.request !== null;
  }

  /** @param {number} t where to begin */
  start(t) {
    const began = performance.now() - TURN * t;
    /** @param {number} now */
    const step = (now) => {
      const turns = Math.max(0, now - began) / TURN;
      this.request = requestAnimationFrame(step);
      this.go(turns % 2 < 1 ? turns % 1 : 1 - (turns % 1), now);
    };
    this.request = requestAnimationFrame(step);
  }

  stop() {
    if (this.request !== null) cancelAnimationFrame(this.request);
    this.request = null;
  }
}
