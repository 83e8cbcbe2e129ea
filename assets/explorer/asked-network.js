// A network that is asked. A small one answers at once. A large one computes in a worker, so that nothing under the pointer
// waits for it: one question at a time is on its way, and of those under one name only the newest waits for its turn.

import { NETWORKS } from "./network.js";
import { measure } from "./timing.js";

const LARGE = 4e6; // products for an answer: 4 ms of a laptop, all of a frame on a phone
const IDLE = 60_000; // ms after which a worker that nobody asks is let go

export class AskedNetwork {
  // `kind` is "decode" or "encode"; `frame` brings plan and weights.
  constructor(kind, frame) {
    const near = new NETWORKS[kind](frame);
    Object.assign(this, { kind, frame, near, isFar: near.products > LARGE, waiting: new Map(), asked: null, worker: null, closed: false });
  }

  // Calls take({ pixels, raw }) for a z, take({ mu, logvar }) for an image, with arrays that the next answer overwrites:
  // before this returns, or `late`, take(answer, true). Not at all where another question of that name comes before its turn.
  ask(name, input, take) {
    if (this.closed) return;
    if (this.isFar) this.waiting.set(name, { name, input: input.slice(), take });
    if (this.isFar) this.send();
    else this.compute({ input, take }, false);
  }

  // What was asked under this name is no longer wanted.
  forget(name) {
    this.waiting.delete(name);
    if (this.asked?.name === name) this.asked.take = () => {};
  }

  // Nothing is asked or answered any more.
  close() {
    this.closed = true;
    this.waiting.clear();
    this.letGo();
  }

  // --- here ----------------------------------------------------------------------------------------------------------

  compute({ input, take }, late) {
    const start = performance.now();
    const answer = this.near.answer(input);
    measure(`elbo-room:${this.kind}`, start);
    take(answer, late);
  }

  // --- in the worker -------------------------------------------------------------------------------------------------

  send() {
    if (this.asked || !this.waiting.size) return;
    try {
      this.worker ??= this.start();
    } catch {
      return this.comeBack();
    }
    clearTimeout(this.idle);
    const [question] = this.waiting.values();
    this.waiting.delete(question.name);
    this.asked = { ...question, since: performance.now() };
    this.worker.postMessage({ input: question.input });
  }

  start() {
    const worker = new Worker(new URL("./network-worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => this.answered(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.comeBack();
    };
    const arrays = {}; // copies of their own, for a view would take all of the frame along
    for (const [name, array] of Object.entries(this.frame.arrays)) if (name.startsWith(`${this.kind}r.`)) arrays[name] = array.slice();
    const frame = { meta: this.frame.meta, arrays };
    worker.postMessage({ kind: this.kind, frame }, Object.values(arrays).map((array) => array.buffer));
    return worker;
  }

  answered(answer) {
    const { since, take } = this.asked;
    this.asked = null;
    measure(`elbo-room:far-${this.kind}`, since);
    this.idle = setTimeout(() => this.letGo(), IDLE);
    this.send();
    take(answer, true);
  }

  letGo() {
    clearTimeout(this.idle);
    if (this.worker) Object.assign(this.worker, { onmessage: null, onerror: null }).terminate();
    Object.assign(this, { worker: null, asked: null });
  }

  // No worker can be had: the page computes by itself.
  comeBack() {
    const open = [this.asked, ...this.waiting.values()].filter(Boolean);
    this.isFar = false;
    this.waiting.clear();
    this.letGo();
    for (const question of open) this.compute(question, true);
  }
}
