// The map of a run that may train at this moment: what moves is drawn in a worker, so that the lens need not wait for it.

import { markerSize } from "./marker.js";
import { Pane } from "./pane.js";
import { afterPaint } from "./timing.js";

export class LivePane extends Pane {
  constructor(root, camera, state, on) {
    super(root, camera, state, on);
    Object.assign(this, { waiting: [], drawing: [] });
    try {
      this.worker = new Worker(new URL("./motion-worker.js", import.meta.url), { type: "module" });
    } catch {
      return; // no worker can be had: the page draws by itself
    }
    this.worker.onmessage = () => this.painted();
    this.worker.onerror = (event) => this.comeBack(event);
    const canvas = this.motion.transferControlToOffscreen();
    this.worker.postMessage({ canvas }, [canvas]);
  }

  load(probe) {
    super.load(probe);
    this.worker?.postMessage({ labels: probe.arrays.labels, classes: probe.meta.classes.length });
  }

  paintMotion() {
    if (!this.worker) return super.paintMotion();
    this.wanted = true;
    this.send();
    if (this.marked) this.showMark();
  }

  // One picture at a time is on its way; the next one shows what is newest then.
  send() {
    if (!this.wanted || this.asked || !this.posteriors) return;
    Object.assign(this, { wanted: false, asked: true, drawing: this.waiting, waiting: [] });
    const { root, view, state, morph } = this;
    const { zones, hidden } = state;
    const size = markerSize(morph.count, root.clientWidth);
    this.worker.postMessage({
      size: [root.clientWidth, root.clientHeight],
      ratio: Math.min(2, devicePixelRatio || 1),
      view: { ...view },
      shown: morph.count ? morph.shown : [[], []],
      state: { zones, hidden, size },
    });
  }

  // Calls back once what was taken is on the screen.
  afterPaint(done) {
    if (this.worker) this.waiting.push(done);
    else afterPaint(done);
  }

  painted() {
    this.asked = false;
    for (const done of this.drawing) done();
    this.send();
  }

  // The worker's module has not come: the page draws by itself, on another canvas, for the first is the worker's.
  comeBack(event) {
    event.preventDefault();
    this.letGo();
    const canvas = this.motion.cloneNode();
    this.motion.replaceWith(canvas);
    this.motion = canvas;
    this.dirty = true;
    for (const done of [...this.drawing, ...this.waiting]) afterPaint(done);
  }

  letGo() {
    this.worker?.terminate();
    this.worker = null;
  }

  destroy() {
    super.destroy();
    this.letGo();
  }
}
