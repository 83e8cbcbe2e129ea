// The nearest of many points, found piece by piece so that nothing waits for it.

export class Nearest {
  // The `count` rows of `rows` (flat, `width` numbers each, times `scale`) nearest to `target` by Euclidean distance; of
  // equally near rows the first. With `labels` and `shown`, rows of classes that are shown only. `first`: a row to begin with.
  constructor(rows, width, target, count, { scale = 1, labels = null, shown = null, first = -1 } = {}) {
    this.rows = rows;
    this.width = width;
    this.target = target;
    this.count = count;
    this.scale = scale;
    this.labels = labels;
    this.shown = shown;
    this.next = 0;
    this.found = [];
    this.total = rows.length / width;
    this.first = first >= 0 && first < this.total && this.admits(first) ? first : -1;
    if (this.first >= 0) this.look(this.first, Infinity);
  }

  admits(i) {
    return !this.shown || this.shown[this.labels[i]] === 1;
  }

  // Looks at some more rows; whether there are others left.
  step(rows) {
    const end = Math.min(this.total, this.next + rows);
    let bound = this.bound;
    for (let i = this.next; i < end; i++)
      if (i !== this.first && this.admits(i) && this.look(i, bound)) bound = this.bound;
    this.next = end;
    return end < this.total;
  }

  // The square of the distance beyond which no row counts any more.
  get bound() {
    return this.found.length < this.count ? Infinity : this.found.at(-1).squared;
  }

  // Compares row i, and stops where it lies beyond `bound`; whether it counts.
  look(i, bound) {
    const { rows, width, target, scale } = this;
    let squared = 0;
    for (let j = 0, p = i * width; j < width && squared <= bound; j++, p++)
      squared += (scale * rows[p] - target[j]) ** 2;
    return squared <= bound && this.insert({ index: i, squared });
  }

  // Whether the entry is among the nearest.
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

const isNearer = (a, b) => a.squared < b.squared || (a.squared === b.squared && a.index < b.index);
