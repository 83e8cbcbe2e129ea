// Requests to the trainer that it has not applied yet. The page shows what was requested at once, and what the trainer
// reports as soon as that arrives.

/** @import { ControlRequest } from "./protocol.js" */
/** @import { Session } from "./session.js" */

export const ANSWER = 3000; // ms that a trainer may take; after that the page shows the reported values again

/** @type {Record<string, boolean>} */
const PAUSES = { resume: false, pause: true, step: true, epoch: true };

/**
 * @typedef {object} PendingRequest
 * @property {Session} session the run that reports when the request is applied
 * @property {ControlRequest} change
 * @property {number} at ms, when the person acted
 * @property {number} since ms, when the request was sent
 * @property {number | null} id from the server; null until it has answered
 */

export class Requests {
  constructor() {
    /** @type {PendingRequest[]} */
    this.list = [];
  }

  clear() {
    this.list = [];
  }

  /**
   * @param {Session} session
   * @param {ControlRequest} change
   * @param {number} at
   */
  add(session, change, at) {
    this.list.push({ session, change, at, since: performance.now(), id: null });
  }

  /**
   * The server has given a request its id. Its answers come in the order of the requests.
   * @param {Session} session
   * @param {number} id
   */
  accepted(session, id) {
    const entry = this.list.find((sent) => sent.id === null && sent.session === session);
    if (entry) entry.id = id;
  }

  /**
   * Removes and returns the requests that are applied, given the id of the last one that the trainer has applied.
   * @param {Session} session
   * @param {number} control
   */
  applied(session, control) {
    const done = this.list.filter((entry) => entry.session === session && entry.id !== null && entry.id <= control);
    if (done.length) this.list = this.list.filter((entry) => !done.includes(entry));
    return done;
  }

  /** Forgets the requests that were not applied in time. */
  expire() {
    this.list = this.list.filter(({ since }) => performance.now() - since < ANSWER);
  }

  /** @param {keyof ControlRequest} name */
  has(name) {
    return this.list.some(({ change }) => name in change);
  }

  /**
   * The requested pace, null for full speed; `known` where no such request is pending.
   * @param {number | null | undefined} known
   */
  paceOr(known) {
    const pending = this.list.filter(({ change }) => "pace" in change).at(-1);
    return pending ? pending.change.pace : known;
  }

  /** Whether the run is to pause, by the last such request; undefined where none is pending. */
  get paused() {
    const name = this.list
      .flatMap(({ change }) => Object.keys(change))
      .filter((key) => key in PAUSES)
      .at(-1);
    return name === undefined ? undefined : PAUSES[name];
  }
}
