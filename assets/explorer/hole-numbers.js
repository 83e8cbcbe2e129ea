// What the map says of holes: the share of the prior's mass in them and the overlap of neighbouring zones, worked out in
// slices between frames, and only while the pointer rests.

import { HOLE, holeShare, overlap } from "./holes.js";

const SLICE = 6; // ms of a frame
const REST = 150; // ms

export class HoleNumbers {
  // `root` says the numbers; `map` is where the pointer moves.
  constructor(root, map) {
    Object.assign(this, { root, key: null, movedAt: 0 });
    map.addEventListener("pointermove", () => (this.movedAt = performance.now()), { passive: true });
  }

  // Of the images of a frame whose class is not hidden; nothing is worked out twice in a row.
  show(frame, hidden) {
    const key = `${frame.meta.name} ${hidden}`;
    if (this.frame === frame && this.key === key) return;
    Object.assign(this, { frame, key });
    const { arrays, count, meta } = frame;
    const chosen = Array.from({ length: count }, (_, i) => i).filter((i) => !hidden.includes(arrays.labels[i]));
    this.say("<span>…</span>");
    delete this.root.dataset.ready;
    this.work = chosen.length > 1 ? this.numbers(arrays, chosen, meta.latent_dim) : null;
    if (this.work) this.request ??= requestAnimationFrame(() => this.go());
    else this.say("<span>no numbers without images</span>");
  }

  *numbers(arrays, chosen, k) {
    const holes = yield* holeShare(arrays, chosen, k);
    const shared = yield* overlap(arrays, chosen, k);
    const space = k > 2 ? ` in all ${k} dimensions` : "";
    this.say(
      `<span>holes: q(z) &lt; ${HOLE} p(z)</span>
       <span><b class="er-hole-share">${percent(holes)}</b> of the prior’s mass${space}</span>
       <span>mean overlap of neighbouring zones <b class="er-overlap">${plain(shared)}</b></span>`,
    );
    this.root.dataset.ready = "";
  }

  go() {
    this.request = null;
    const until = performance.now() + (performance.now() - this.movedAt > REST ? SLICE : 0);
    while (performance.now() < until) if (!this.work || this.work.next().done) return;
    this.request = requestAnimationFrame(() => this.go());
  }

  say(html) {
    this.root.innerHTML = `<i></i> ${html}`;
  }
}

const percent = ({ mean, error }) => `${(100 * mean).toFixed(1)} ± ${(100 * error).toFixed(1)} %`;
const plain = ({ mean, error }) => mean.toFixed(3) + (error > 0 ? ` ± ${error.toFixed(3)}` : "");
