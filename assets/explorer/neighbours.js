// The nearest of many points, found piece by piece so that nothing waits for it.

export class Nearest {
  // The `count` rows of `rows` (flat, `width` numbers each, times `scale`) nearest to `target` by Euclidean distance.
  constructor(rows, width, target, count, scale = 1) {
    Object.assign(this, { rows, width, target, count, scale, next: 0, found: [] });
    this.total = rows.length / width;
  }

  // Looks at some more rows; whether there are others left.
  step(rows) {
    const { width, target, scale, found, count } = this;
    const end = Math.min(this.total, this.next + rows);
    let bound = found.length < count ? Infinity : found.at(-1).squared;
    for (let i = this.next; i < end; i++) {
      let squared = 0;
      for (let j = 0, p = i * width; j < width && squared < bound; j++, p++) squared += (scale * this.rows[p] - target[j]) ** 2;
      if (squared >= bound) continue;
      this.insert({ index: i, squared });
      if (found.length === count) bound = found.at(-1).squared;
    }
    this.next = end;
    return end < this.total;
  }

  insert(entry) {
    const { found } = this;
    let at = found.length;
    while (at > 0 && found[at - 1].squared > entry.squared) at--;
    found.splice(at, 0, entry);
    if (found.length > this.count) found.pop();
  }
}
