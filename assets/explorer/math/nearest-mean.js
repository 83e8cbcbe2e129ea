// The data point whose mean mu is nearest to z in the latent space, in all of its dimensions, whatever plane is shown.

import { pieces, Slices } from "../core/slices.js";
import { shownClasses } from "./grid-index.js";
import { Nearest } from "./neighbours.js";

/** @import { Floats } from "./projection.js" */

/** A z and the hidden classes as text, that were searched. @typedef {{ z: Float64Array, hidden: string }} Query */

const AT_ONCE = 1_000_000; // numbers compared within a frame of the display; with more, searches run between frames
const PIECE = 50_000; // numbers compared between two interruptions

export class NearestMean {
  /**
   * @param {Floats} means (N, k)
   * @param {number} k
   * @param {ArrayLike<number>} labels of the rows
   * @param {() => void} found called when a search between frames has ended
   */
  constructor(means, k, labels, found = () => {}) {
    this.means = means;
    this.k = k;
    this.labels = labels;
    this.tell = found;
    this.slices = new Slices();
    this.index = -1;
    /** @type {Query | null} that `index` is the answer to */
    this.asked = null;
    /** @type {{ nearest: Nearest, query: Query } | null} */
    this.search = null;
    /** @type {{ z: Float64Array, hidden: number[] } | null} the next search */
    this.wanted = null;
    this.rowsOfPiece = Math.max(1, Math.floor(PIECE / k));
  }

  get isLarge() {
    return this.means.length > AT_ONCE;
  }

  /**
   * The row nearest to z among those of classes that are not hidden, or −1. Of equally near rows it is the first.
   * @param {ArrayLike<number>} z
   * @param {number[]} hidden
   */
  now(z, hidden = []) {
    if (!this.isAnswered(z, hidden)) {
      const search = this.begin(z, hidden);
      while (search.nearest.step(this.rowsOfPiece));
      this.end(search);
    }
    return this.index;
  }

  /**
   * The same, but for very many numbers the last row that was found, until the search for z has ended.
   * @param {ArrayLike<number>} z
   * @param {number[]} hidden
   */
  soon(z, hidden = []) {
    if (!this.isLarge || this.index < 0 || hidden.includes(this.labels[this.index])) return this.now(z, hidden);
    if (this.isAnswered(z, hidden)) return this.index;
    this.wanted = { z: Float64Array.from(z), hidden: [...hidden] };
    if (!this.search) this.slices.run(pieces(() => this.goOn()));
    return this.index;
  }

  stop() {
    this.slices.stop();
    this.search = null;
    this.wanted = null;
  }

  /**
   * Handles means that have changed, in the same or another array.
   * @param {Floats} means
   */
  renew(means = this.means) {
    this.means = means;
    this.asked = null;
  }

  /**
   * Whether `index` is the answer for this z.
   * @param {ArrayLike<number>} z
   * @param {number[]} hidden
   */
  isAnswered(z, hidden) {
    const { asked } = this;
    return asked !== null && asked.hidden === String(hidden) && asked.z.every((v, d) => v === z[d]);
  }

  /**
   * Begins a search with the row that was found last: it is likely to be near again, and a small first distance saves
   * comparisons.
   * @param {ArrayLike<number>} z
   * @param {number[]} hidden
   */
  begin(z, hidden) {
    const { means, k, labels } = this;
    const query = { z: Float64Array.from(z), hidden: String(hidden) };
    const options = { labels, shown: shownClasses(hidden), first: this.index };
    return { nearest: new Nearest(means, k, query.z, 1, options), query };
  }

  /** @param {{ nearest: Nearest, query: Query }} search */
  end({ nearest, query }) {
    this.asked = query;
    this.index = nearest.found[0]?.index ?? -1;
  }

  /** Does a piece of the search, then begins that for the newest z. False if there is nothing to do. */
  goOn() {
    if (!this.search && this.wanted) {
      this.search = this.begin(this.wanted.z, this.wanted.hidden);
      this.wanted = null;
    }
    if (!this.search) return false;
    if (this.search.nearest.step(this.rowsOfPiece)) return true;
    this.end(this.search);
    this.search = null;
    this.tell();
    return true;
  }
}
