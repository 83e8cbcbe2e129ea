// The numbers below the map about holes: the share of the prior's mass in them and the overlap of neighbouring zones,
// computed in slices between frames of the browser, and only while the pointer rests.

/** @import { Estimate } from "../math/holes.js" */
/** @import { MapFrame } from "../data/frame.js" */

import { whole } from "../core/format.js";
import { Slices } from "../core/slices.js";
import { counted } from "../math/aggregate.js";
import { HOLE, holeShare, overlap } from "../math/holes.js";

const REST = 150; // ms after which the pointer counts as resting

export class HoleNumbers {
  /**
   * @param {HTMLElement} root shows the numbers
   * @param {HTMLElement} map where the pointer moves
   */
  constructor(root, map) {
    this.root = root;
    /** @type {MapFrame | null} that of the numbers shown, or being computed */
    this.frame = null;
    /** @type {string | null} its name and the hidden classes */
    this.key = null;
    /** Says how many images count, where these are not all. */
    this.part = "";
    this.movedAt = 0;
    this.slices = new Slices(() => performance.now() - this.movedAt > REST);
    const moved = () => {
      this.movedAt = performance.now();
    };
    map.addEventListener("pointermove", moved, { passive: true });
  }

  /**
   * Shows the numbers of the images whose class is not hidden; the same numbers are not computed twice in a row.
   * @param {MapFrame} frame
   * @param {number[]} hidden classes
   */
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

  /** The numbers are no longer shown: a computation that is not complete starts again when `show` is next called. */
  stop() {
    if (this.slices.work) this.key = null;
    this.slices.stop();
  }

  /**
   * @param {MapFrame["arrays"]} arrays
   * @param {Uint32Array} chosen the images that count
   * @param {number} k
   */
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

  /** @param {string} html */
  finish(html) {
    this.slices.stop();
    this.say(html);
    this.root.dataset.ready = "";
  }

  /** @param {string} html */
  say(html) {
    this.root.innerHTML = `<i></i> ${html}`;
  }
}

/**
 * In percent, with as many digits as the standard error allows; an error below 0.005 % is not shown.
 * @param {Estimate} estimate
 */
function percent({ mean, error }) {
  const digits = error < 5e-5 ? 2 : Math.min(2, Math.max(0, 1 - Math.floor(Math.log10(100 * error))));
  const off = (100 * error).toFixed(digits);
  return `${(100 * mean).toFixed(digits)}${Number(off) ? ` ± ${off}` : ""} %`;
}

/** @param {Estimate} estimate */
const plain = ({ mean, error }) => mean.toFixed(3) + (error > 0 ? ` ± ${error.toFixed(3)}` : "");
