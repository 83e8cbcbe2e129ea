// The data point whose mean mu is nearest to z in the latent space, all of its dimensions counted, whatever plane is drawn.

import { pieces, Slices } from "../core/slices.js";
import { shownClasses } from "./grid-index.js";
import { Nearest } from "./neighbours.js";

const AT_ONCE = 1_000_000; // numbers that are compared within a frame; of more, the search goes on between frames
const PIECE = 50_000; // numbers compared between two interruptions

export class NearestMean {
  // `means` (N · k, row by row) with a label for every row; `found()` is called when a search between frames has ended.
  constructor(means, k, labels, found = () => {}) {
    this.means = means;
    this.k = k;
    this.labels = labels;
    this.tell = found;
    this.slices = new Slices();
    this.index = -1;
    this.asked = null;
    this.search = null;
    this.rowsOfPiece = Math.max(1, Math.floor(PIECE / k));
  }

  get isLarge() {
    return this.means.length > AT_ONCE;
  }

  // The row nearest to z among those of classes that are not `hidden`, or −1: exactly. Of equally near rows it is the first.
  now(z, hidden = []) {
    if (!this.isAnswered(z, hidden)) {
      const search = this.begin(z, hidden);
      while (search.step(this.rowsOfPiece));
      this.end(search);
    }
    return this.index;
  }

  // The same, but of very many numbers the last row that was found, until the search for z has ended.
  soon(z, hidden = []) {
    if (!this.isLarge || this.index < 0 || hidden.includes(this.labels[this.index])) return this.now(z, hidden);
    if (this.isAnswered(z, hidden)) return this.index;
    this.wanted = { z: Float64Array.from(z), hidden: [...hidden] };
    if (!this.search) this.slices.run(pieces(() => this.goOn()));
    return this.index;
  }

  stop() {
    this.slices.stop();
    this.search = this.wanted = null;
  }

  // Means that have moved, in the same or another array: what was found before says nothing any more.
  renew(means = this.means) {
    this.means = means;
    this.asked = null;
  }

  isAnswered(z, hidden) {
    const { asked } = this;
    return asked !== null && asked.hidden === String(hidden) && asked.z.every((v, d) => v === z[d]);
  }

  // The row that was found last is likely to be near again, and a near one at first leaves little to compare.
  begin(z, hidden) {
    const { means, k, labels } = this;
    const search = new Nearest(means, k, Float64Array.from(z), 1, {
      labels,
      shown: shownClasses(hidden),
      first: this.index,
    });
    return Object.assign(search, { hidden: String(hidden) });
  }

  end({ target: z, hidden, found: [best] }) {
    this.asked = { z, hidden };
    this.index = best?.index ?? -1;
  }

  // A piece of the search; when it is done, the newest z that has come since is next.
  goOn() {
    if (!this.search && this.wanted) {
      this.search = this.begin(this.wanted.z, this.wanted.hidden);
      this.wanted = null;
    }
    if (!this.search) return false;
    if (this.search.step(this.rowsOfPiece)) return true;
    this.end(this.search);
    this.search = null;
    this.tell();
    return true;
  }
}
