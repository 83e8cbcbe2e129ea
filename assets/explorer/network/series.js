// Pictures that stand together, as in a film or a grid of draws. Each is decoded when its turn comes, and all of them once
// more when what they show has changed: from wherever they were, so that each has its turn however often that happens.

export class Series {
  // Picture i of `size` shows what `input(i)` is decoded to, with `take(i, answer)`; `root` says how many are to come.
  constructor(root, size, input, take) {
    this.root = root;
    this.size = size;
    this.input = input;
    this.take = take;
    this.next = 0;
    this.unasked = 0;
    this.left = 0;
    this.round = 0;
  }

  // All of them are old.
  renew() {
    this.round++;
    this.unasked = this.left = this.size;
    this.root.dataset.left = this.left;
    return this;
  }

  // There are `count` more of them.
  grow(count) {
    for (const name of ["size", "unasked", "left"]) this[name] += count;
    this.root.dataset.left = this.left;
    return this;
  }

  // The next { input, take } for a network, null where there is none.
  question() {
    if (!this.unasked) return null;
    const { round } = this;
    const i = this.next % this.size;
    this.next = i + 1;
    this.unasked--;
    const take = (answer) => {
      if (round === this.round) this.left--;
      this.take(i, answer);
      this.root.dataset.left = this.left;
    };
    return { input: this.input(i), take };
  }
}
