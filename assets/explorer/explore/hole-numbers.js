// What the map says of holes: the share of the prior's mass in them and the overlap of neighbouring zones, worked out in
// slices between frames, and only while the pointer rests.

import { whole } from "../core/format.js";
import { Slices } from "../core/slices.js";
import { counted } from "../math/aggregate.js";
import { HOLE, holeShare, overlap } from "../math/holes.js";

const REST = 150; // ms

export class HoleNumbers {
  // `root` says the numbers; `map` is where the pointer moves.
  constructor(root, map) {
    this.root = root;
    this.key = null;
    this.movedAt = 0;
    this.slices = new Slices(() => performance.now() - this.movedAt > REST);
    map.addEventListener("pointermove", () => (this.movedAt = performance.now()), { passive: true });
  }

  // Of the images of a frame whose class is not hidden; nothing is worked out twice in a row.
  show(frame, hidden) {
    const key = `${frame.meta.name} ${hidden}`;
    if (this.frame === frame && this.key === key) return;
    this.frame = frame;
    this.key = key;
    const { arrays, count, meta } = frame;
    const chosen = counted(frame, hidden);
    this.part = chosen.length < count ? `, of ${whole(chosen.length)} images` : "";
    this.say("<span>holes …</span>");
    delete this.root.dataset.ready;
    if (chosen.length > 1) this.slices.run(this.numbers(arrays, chosen, meta.latent_dim));
    else this.finish("<span>no numbers without images</span>");
  }

  // Nobody looks any more: what is not done is begun anew when it is asked for again.
  stop() {
    if (this.slices.work) this.key = null;
    this.slices.stop();
  }

  *numbers(arrays, chosen, k) {
    const holes = yield* holeShare(arrays, chosen, k);
    const shared = yield* overlap(arrays, chosen, k);
    const space = k > 2 ? ` in all ${k} dimensions` : "";
    this.finish(
      `<span>holes: q(z) &lt; ${HOLE} p(z)</span>
       <span><b class="er-hole-share">${percent(holes)}</b> of the prior’s mass${space}</span>
       <span>mean overlap of neighbouring zones <b class="er-overlap">${plain(shared)}</b>${this.part}</span>`,
    );
  }

  finish(html) {
    this.slices.stop();
    this.say(html);
    this.root.dataset.ready = "";
  }

  say(html) {
    this.root.innerHTML = `<i></i> ${html}`;
  }
}

// As many digits as the error leaves; what a grid says to less than a hundredth of a percent has none worth a word.
function percent({ mean, error }) {
  const digits = error < 5e-5 ? 2 : Math.min(2, Math.max(0, 1 - Math.floor(Math.log10(100 * error))));
  const off = (100 * error).toFixed(digits);
  return `${(100 * mean).toFixed(digits)}${Number(off) ? ` ± ${off}` : ""} %`;
}
const plain = ({ mean, error }) => mean.toFixed(3) + (error > 0 ? ` ± ${error.toFixed(3)}` : "");
