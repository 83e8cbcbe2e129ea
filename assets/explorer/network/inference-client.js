// The client of a network. A small network answers at once. A large one computes in a worker, so that the page stays
// responsive: one request at a time is in the worker, and of the requests under one name only the newest waits in the
// queue. A series of pictures is computed in the background, one picture after the other, when little else is
// requested.

import { pieces, Slices } from "../core/slices.js";
import { measure } from "../core/timing.js";
import { NETWORKS, networkOf } from "./network.js";
import { HAS_KERNEL } from "./simd-kernel.js";

/** @import { Weights } from "../data/frame.js" */
/** @import { NetworkAnswers, NetworkFrame, NetworkInput, NetworkKind, AnsweringNetwork } from "./network.js" */
/** @import { RequestSource } from "./series.js" */

/**
 * Handles an answer, whose arrays the next answer overwrites; `late`: whether it comes after `ask` has returned.
 * @template {NetworkKind} Kind
 * @typedef {(answer: NetworkAnswers[Kind], late: boolean) => void} Take
 */

/**
 * A request with the handlers of its answer, by name.
 * @template {NetworkKind} Kind
 * @typedef {{ input: NetworkInput, takes: Map<string, Take<Kind>> }} Request
 */

const LARGE = HAS_KERNEL ? 12e6 : 4e6; // multiplications for an answer: 3 ms on a laptop, a full frame on a phone
const HANDS = 4; // answers in a row after which a series has its turn, so that it goes on while the pointer moves
const IDLE = 60_000; // ms without a request after which the worker is terminated

/** @template {NetworkKind} Kind */
export class InferenceClient {
  /**
   * @param {Kind} kind
   * @param {NetworkFrame} frame plan and weights
   */
  constructor(kind, frame) {
    this.kind = kind;
    this.frame = frame;
    /** @type {Map<string, Request<Kind>>} the queue of a network in the worker */
    this.waiting = new Map();
    /** @type {Map<string, RequestSource>} */
    this.series = new Map();
    this.slices = new Slices();
    this.hands = 0; // answers since a series had its turn
    /** @type {AnsweringNetwork<Kind> | null} the network, if it computes on the page */
    this.near = null;
    /** @type {Worker | null} */
    this.worker = null;
    /** @type {NetworkFrame | null} whose weights the worker has */
    this.taught = null;
    /** @type {(Request<Kind> & { frame: NetworkFrame, since: number }) | null} the request in the worker */
    this.asked = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.idle = undefined;
    this.closed = false;
    this.isFar = NETWORKS[kind].products(frame.meta) > LARGE;
    this.begun = () => {};
    /** @type {Promise<void>} resolved by the first answer, or by `close` */
    this.firstAnswer = new Promise((resolve) => {
      this.begun = resolve;
    });
  }

  /**
   * Replaces the weights, from the next request on.
   * @param {NetworkFrame} frame
   */
  adopt(frame) {
    this.frame = frame;
    this.near?.adopt(frame);
  }

  /**
   * Requests an answer. `take` is called before this returns if the network is small, otherwise later; never if another
   * request of the same name replaces this one in the queue.
   * @param {string} name
   * @param {NetworkInput} input
   * @param {Take<Kind>} take
   */
  ask(name, input, take) {
    if (this.closed) return;
    if (!this.isFar) return this.compute(question(input, name, take), false);
    if (this.asked?.frame === this.frame && same(this.asked.input, input)) {
      this.waiting.delete(name);
      this.asked.takes.set(name, take); // shares the answer of the same request in the worker
    } else this.waiting.set(name, question(input.slice(), name, take));
    this.send();
  }

  /**
   * Answers the requests of a series, which replaces one of the same name. A small network answers for `budget` ms at
   * once, and the rest between frames of the display.
   * @param {string} name
   * @param {RequestSource} series
   */
  askAll(name, series, budget = 0) {
    if (this.closed) return;
    this.series.set(name, series);
    if (this.isFar) return this.send();
    const until = performance.now() + budget;
    let more = true;
    while (more && performance.now() < until) more = this.step();
    if (more) this.slices.run(pieces(() => this.step()));
  }

  /**
   * Drops the requests of this name.
   * @param {string} name
   */
  forget(name) {
    this.waiting.delete(name);
    this.series.delete(name);
    this.asked?.takes.delete(name);
  }

  /** Drops all requests; there are no answers any more. */
  close() {
    this.closed = true;
    this.begun();
    this.waiting.clear();
    this.series.clear();
    this.letGo();
  }

  /** The next request of a series, which take turns; null if all are finished. */
  nextOfSeries() {
    for (const [name, series] of this.series) {
      this.series.delete(name);
      const next = series.question();
      if (!next) continue;
      this.series.set(name, series);
      return question(next.input.slice(), name, /** @type {Take<Kind>} */ (next.take)); // only decoders have series
    }
    return null;
  }

  // --- on the page ---------------------------------------------------------------------------------------------------

  /**
   * @param {Request<Kind>} request
   * @param {boolean} late
   */
  compute({ input, takes }, late) {
    const start = performance.now();
    this.near ??= networkOf(this.kind, this.frame);
    const answer = this.near.answer(input);
    measure(`elbo-room:${this.kind}`, start);
    this.begun();
    for (const take of takes.values()) take(answer, late);
  }

  /** Computes one picture of a series; false if none is left. */
  step() {
    const next = this.nextOfSeries();
    if (next) this.compute(next, false);
    return Boolean(next);
  }

  // --- in the worker -------------------------------------------------------------------------------------------------

  /** Sends the next request to the worker, if it is idle. */
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
    this.worker?.postMessage({ input: next.input });
  }

  /** The oldest request of the queue, with the handlers of all equal ones. */
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

  /** Sends the worker the current weights; only before a request, because the weights may change in every frame. */
  teach() {
    this.taught = this.frame;
    /** @type {Weights} */
    const arrays = {}; // copies, for a view would transfer the whole buffer of the frame
    for (const [name, array] of Object.entries(this.frame.arrays))
      if (name.startsWith(`${this.kind}r.`)) arrays[name] = array.slice();
    const frame = { meta: this.frame.meta, arrays };
    this.worker?.postMessage(
      { kind: this.kind, frame },
      Object.values(arrays).map((array) => /** @type {ArrayBuffer} */ (array.buffer)),
    );
  }

  /** @param {NetworkAnswers[Kind]} answer of the worker */
  answered(answer) {
    if (!this.asked) return;
    const { since, takes } = this.asked;
    this.asked = null;
    measure(`elbo-room:far-${this.kind}`, since);
    this.begun();
    this.idle = setTimeout(() => this.letGo(), IDLE);
    this.send();
    for (const take of takes.values()) take(answer, true);
  }

  /** Terminates the worker. */
  letGo() {
    clearTimeout(this.idle);
    if (this.worker) {
      this.worker.onmessage = null;
      this.worker.onerror = null;
      this.worker.terminate();
    }
    this.worker = null;
    this.asked = null;
  }

  /** Computes on the page from now on, because the worker failed. */
  comeBack() {
    const open = [...(this.asked ? [this.asked] : []), ...this.waiting.values()];
    this.isFar = false;
    this.waiting.clear();
    this.letGo();
    for (const asked of open) this.compute(asked, true);
    this.slices.run(pieces(() => this.step()));
  }
}

/**
 * @template {NetworkKind} Kind
 * @param {NetworkInput} input
 * @param {string} name
 * @param {Take<Kind>} take
 * @returns {Request<Kind>}
 */
const question = (input, name, take) => ({ input, takes: new Map([[name, take]]) });

/**
 * @param {NetworkInput} a
 * @param {NetworkInput} b
 */
const same = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);
