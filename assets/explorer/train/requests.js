// What was asked for and is not heeded yet: the page shows it at once, and the truth as soon as the trainer answers.

export const ANSWER = 3000; // ms a trainer may take; then the page shows what is, not what was asked for
const PAUSES = { resume: false, pause: true, step: true, epoch: true };

export class Requests {
  constructor() {
    this.clear();
  }

  clear() {
    this.list = []; // { session, wanted, at, since, id }
  }

  // `session` will say which request carried `wanted`; `at` is when a hand moved.
  add(session, wanted, at) {
    this.list.push({ session, wanted, at, since: performance.now(), id: null });
  }

  // The server numbers a request; its answers come in the order of the questions.
  answered(session, id) {
    const entry = this.list.find((waiting) => waiting.id === null && waiting.session === session);
    if (entry) entry.id = id;
  }

  // Takes away and returns what a snapshot that heeds request `control` has answered.
  heeded(session, control) {
    const done = this.list.filter((entry) => entry.session === session && entry.id !== null && entry.id <= control);
    if (done.length) this.list = this.list.filter((entry) => !done.includes(entry));
    return done;
  }

  expire() {
    this.list = this.list.filter(({ since }) => performance.now() - since < ANSWER);
  }

  has(name) {
    return this.list.some(({ wanted }) => name in wanted);
  }

  // The pace that was asked for last, null for full speed; `known` where none is on its way.
  paceOr(known) {
    const asked = this.list.filter(({ wanted }) => "pace" in wanted);
    return asked.length ? asked.at(-1).wanted.pace : known;
  }

  // Whether a run is to wait, as asked for last; undefined where nothing of the kind is on its way.
  get paused() {
    const names = this.list.flatMap(({ wanted }) => Object.keys(wanted)).filter((name) => name in PAUSES);
    return names.length ? PAUSES[names.at(-1)] : undefined;
  }
}
