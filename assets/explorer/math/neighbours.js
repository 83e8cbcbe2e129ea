// A search for the nearest of many points in small steps, so that it does not block the page.

/** A row with the square of its distance. @typedef {{ index: number, squared: number }} Neighbour */

/**
 * `scale`: factor for the numbers of the rows. With `labels` and `shown` only rows of shown classes count. `first`: a
 * row to begin with.
 * @typedef {Object} NearestOptions
 * @property {number} [scale]
 * @property {ArrayLike<number> | null} [labels]
 * @property {Uint8Array | null} [shown]
 * @property {number} [first]
 */

export class Nearest {
  /**
   * Searches the `count` rows nearest to `target` by Euclidean distance; of equally near rows the first.
   * @param {ArrayLike<number>} rows (N, width)
   * @param {number} width
   * @param {ArrayLike<number>} target
   * @param {number} count
   * @param {NearestOptions} options
   */
  constructor(rows, width, target, count, { scale = 1, labels = null, shown = null, first = -1 } = {}) {
    this.rows = rows;
    this.width = width;
    this.target = target;
    this.count = count;
    this.scale = scale;
    this.labels = labels;
    this.shown = shown;
    this.next = 0;
    /** @type {Neighbour[]} the nearest first */
    this.found = [];
    this.total = rows.length / width;
    this.first = first >= 0 && first < this.total && this.admits(first) ? first : -1;
    if (this.first >= 0) this.look(this.first, Infinity);
  }

  /**
   * Whether row i counts.
   * @param {number} i
   */
  admits(i) {
    return !this.shown || !this.labels || this.shown[this.labels[i]] === 1;
  }

  /**
   * Compares so many more rows; true if there are others left.
   * @param {number} rows
   */
  step(rows) {
    const end = Math.min(this.total, this.next + rows);
    let bound = this.bound;
    for (let i = this.next; i < end; i++)
      if (i !== this.first && this.admits(i) && this.look(i, bound)) bound = this.bound;
    this.next = end;
    return end < this.total;
  }

  /** The square of the distance beyond which no row is among the nearest. */
  get bound() {
    return this.found.length < this.count ? Infinity : this.found[this.found.length - 1].squared;
  }

  /**
   * Compares row i, and stops once its squared distance exceeds `bound`; true if it is among the nearest.
   * @param {number} i
   * @param {number} bound
   */
  look(i, bound) {
    const { rows, width, target, scale } = this;
    let squared = 0;
    for (let j = 0, p = i * width; j < width && squared <= bound; j++, p++)
      squared += (scale * rows[p] - target[j]) ** 2;
    return squared <= bound && this.insert({ index: i, squared });
  }

  /**
   * Inserts an entry; false if it is not among the nearest.
   * @param {Neighbour} entry
   */
  insert(entry) {
    const { found, count } = this;
    let at = found.length;
    while (at > 0 && isNearer(entry, found[at - 1])) at--;
    if (at === count) return false;
    found.splice(at, 0, entry);
    if (found.length > count) found.pop();
    return true;
  }
}

/**
 * @param {Neighbour} a
 * @param {Neighbour} b
 */
const isNearer = (a, b) => a.squared < b.squared || (a.squared === b.squared && a.index < b.index);
