// A network that is asked. A small one answers at once. A large one computes in a worker, so that nothing under the pointer
// waits for it: one question at a time is on its way, and of those under one name only the newest waits for its turn.
// What nobody waits for with a pointer in hand is asked as a series: one picture after the other, when little else is.

import { pieces, Slices } from "../core/slices.js";
import { measure } from "../core/timing.js";
import { NETWORKS, networkOf } from "./network.js";
import { HAS_KERNEL } from "./simd-kernel.js";

const LARGE = HAS_KERNEL ? 12e6 : 4e6; // products for an answer: 3 ms of a laptop, all of a frame on a phone
const HANDS = 4; // answers in a row after which a series has its turn, so that it does not stand still while a pointer moves
const IDLE = 60_000; // ms after which a worker that nobody asks is let go

export class AskedNetwork {
  // `kind` is "decode" or "encode"; `frame` brings plan and weights.
  constructor(kind, frame) {
    this.kind = kind;
    this.frame = frame;
    this.waiting = new Map();
    this.series = new Map();
    this.slices = new Slices();
    this.hands = 0;
    this.near = null;
    this.worker = null;
    this.asked = null;
    this.closed = false;
    this.isFar = NETWORKS[kind].products(frame.meta) > LARGE;
    this.firstAnswer = new Promise((resolve) => (this.begun = resolve)); // or the end, where nothing has been answered
  }

  // The same network with other weights, from the next question on.
  adopt(frame) {
    this.frame = frame;
    this.near?.adopt(frame);
  }

  // Calls take({ pixels, raw }) for a z, take({ mu, logvar }) for an image, with arrays that the next answer overwrites:
  // before this returns, or `late`, take(answer, true). Not at all where another question of that name comes before its turn.
  ask(name, input, take) {
    if (this.closed) return;
    if (!this.isFar) return this.compute(question(input, name, take), false);
    const isAsked = this.asked?.frame === this.frame && same(this.asked.input, input);
    if (isAsked) this.waiting.delete(name); // the answer that is on its way is for all who ask the same
    if (isAsked) this.asked.takes.set(name, take);
    else this.waiting.set(name, question(input.slice(), name, take));
    this.send();
  }

  // Has answered what the series asks with question() → { input, take }, until that is null; of series under one name the
  // newest only. Where the network is small, `budget` ms of it come at once, and the others between two frames.
  askAll(name, series, budget = 0) {
    if (this.closed) return;
    this.series.set(name, series);
    if (this.isFar) return this.send();
    const until = performance.now() + budget;
    let more = true;
    while (more && performance.now() < until) more = this.step();
    if (more) this.slices.run(pieces(() => this.step()));
  }

  // What was asked under this name is no longer wanted.
  forget(name) {
    this.waiting.delete(name);
    this.series.delete(name);
    this.asked?.takes.delete(name);
  }

  // Nothing is asked or answered any more.
  close() {
    this.closed = true;
    this.begun();
    this.waiting.clear();
    this.series.clear();
    this.letGo();
  }

  // The next question of a series: they take turns. Null where all have come to their end.
  nextOfSeries() {
    for (const [name, series] of this.series) {
      this.series.delete(name);
      const next = series.question();
      if (!next) continue;
      this.series.set(name, series);
      return question(next.input.slice(), name, next.take);
    }
    return null;
  }

  // --- here ----------------------------------------------------------------------------------------------------------

  compute({ input, takes }, late) {
    const start = performance.now();
    this.near ??= networkOf(this.kind, this.frame);
    const answer = this.near.answer(input);
    measure(`elbo-room:${this.kind}`, start);
    this.begun();
    for (const take of takes.values()) take(answer, late);
  }

  // One picture of a series; false where none is left.
  step() {
    const next = this.nextOfSeries();
    if (next) this.compute(next, false);
    return Boolean(next);
  }

  // --- in the worker -------------------------------------------------------------------------------------------------

  send() {
    if (this.asked || !(this.waiting.size || this.series.size)) return;
    try {
      if (!this.worker) this.start();
    } catch {
      return this.comeBack();
    }
    const hand = this.hands < HANDS ? this.longestWaiting() : null;
    const next = hand ?? this.nextOfSeries() ?? this.longestWaiting();
    this.hands = hand ? this.hands + 1 : 0;
    if (!next) return;
    clearTimeout(this.idle);
    if (this.taught !== this.frame) this.teach();
    this.asked = { ...next, frame: this.frame, since: performance.now() };
    this.worker.postMessage({ input: next.input });
  }

  // The question that has waited longest, of all who ask the same.
  longestWaiting() {
    const [first] = this.waiting.values();
    if (!first) return null;
    const alike = [...this.waiting].filter(([, { input }]) => same(input, first.input));
    for (const [name] of alike) this.waiting.delete(name);
    return { input: first.input, takes: new Map(alike.flatMap(([, { takes }]) => [...takes])) };
  }

  start() {
    this.worker = new Worker(new URL("./network-worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.answered(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.comeBack();
    };
    this.taught = null;
  }

  // Brings the worker the weights of now: once something is asked of them, for others may follow in every frame.
  teach() {
    this.taught = this.frame;
    const arrays = {}; // copies of their own, for a view would take all of the frame along
    for (const [name, array] of Object.entries(this.frame.arrays))
      if (name.startsWith(`${this.kind}r.`)) arrays[name] = array.slice();
    const frame = { meta: this.frame.meta, arrays };
    this.worker.postMessage(
      { kind: this.kind, frame },
      Object.values(arrays).map((array) => array.buffer),
    );
  }

  answered(answer) {
    const { since, takes } = this.asked;
    this.asked = null;
    measure(`elbo-room:far-${this.kind}`, since);
    this.begun();
    this.idle = setTimeout(() => this.letGo(), IDLE);
    this.send();
    for (const take of takes.values()) take(answer, true);
  }

  letGo() {
    clearTimeout(this.idle);
    if (this.worker) Object.assign(this.worker, { onmessage: null, onerror: null }).terminate();
    this.worker = null;
    this.asked = null;
  }

  // No worker can be had: the page computes by itself.
  comeBack() {
    const open = [this.asked, ...this.waiting.values()].filter(Boolean);
    this.isFar = false;
    this.waiting.clear();
    this.letGo();
    for (const asked of open) this.compute(asked, true);
    this.slices.run(pieces(() => this.step()));
  }
}

const question = (input, name, take) => ({ input, takes: new Map([[name, take]]) });

const same = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);
