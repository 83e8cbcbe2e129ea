// The input handlers of the live page: pointer, keys, and the buttons above the map.

import { find } from "../core/dom.js";

/** @import { Pane } from "../map/pane.js" */
/** @import { View } from "../map/view.js" */
/** @import { Projection } from "../math/projection.js" */
/** @import { Live } from "./live.js" */
/** @import { Side } from "./state.js" */

/** @typedef {Pane & { view: View, projection: Projection }} DrawnPane a map that has been painted with points */

const SNAP = 9; // px: a click this close to a data point moves the lens to its mean
const EDITABLE =
  'input:not([type="range"]), textarea, select, [contenteditable="true"], [role="menu"], summary, dialog';

export class Input {
  /** @param {Live} live the page */
  constructor(live) {
    this.live = live;
  }

  /**
   * Adds the handlers, until `signal` is aborted.
   * @param {AbortSignal} signal
   */
  listen(signal) {
    const { live } = this;
    const { $ } = live;
    $(".page-options").addEventListener("click", ({ target }) => this.choose(target), { signal });
    $(".page-manifold").addEventListener("click", () => live.state.set({ manifold: !live.state.manifold }), { signal });
    $(".page-fit").addEventListener("click", () => live.look(() => live.releaseCamera()), { signal });
    const following = find(live.root, ".page-following input", HTMLInputElement);
    following.addEventListener("change", () => live.presence.follow(following.checked), { signal });
    $(".page-locked").addEventListener("submit", (event) => this.tryKey(event), { signal });
    live.listenToKeys((event) => this.key(event), { signal, capture: true });
    document.addEventListener("keyup", (event) => this.keyUp(event), { signal, capture: true });
    document.addEventListener("visibilitychange", () => live.wake(), { signal });
    window.addEventListener("resize", () => live.fill(), { signal });
  }

  /**
   * Handles a click on a choice of zones, or of the runs that are steered.
   * @param {EventTarget | null} target
   */
  choose(target) {
    if (!(target instanceof HTMLElement)) return;
    const { zones, steered } = /** @type {{ zones?: "all" | "pointer" | "none", steered?: Side }} */ (target.dataset);
    if (zones) this.live.state.set({ zones });
    if (steered) this.live.state.set({ steered });
  }

  /**
   * Handles a key for the run that was typed in.
   * @param {SubmitEvent} event
   */
  tryKey(event) {
    const { live } = this;
    event.preventDefault();
    const input = find(live.root, ".page-locked input", HTMLInputElement);
    live.tryToken(input.value.trim(), live.lead);
    input.value = "";
  }

  /**
   * Whether a key is meant for the page, and is not typed into a field, a menu or a dialog.
   * @param {KeyboardEvent} event
   */
  isOurs({ target }) {
    if (target instanceof Element && target.closest(EDITABLE)) return false;
    return target === document.body || (target instanceof Node && this.live.root.contains(target));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.isOurs(event)) return;
    const { live } = this;
    const { target } = event;
    if (event.key === "Escape" && live.state.pinned && live.reacts("map"))
      return live.state.set({ pinned: false }, event.timeStamp);
    const isSlider = target instanceof HTMLInputElement && target.type === "range";
    if (isSlider && (event.key.startsWith("Arrow") || event.key === "Home")) return;
    const onMap = target instanceof Element && Boolean(target.closest(".page-map"));
    if (live.transport.key(event, onMap, (control) => live.reacts(control))) event.preventDefault();
  }

  /**
   * A space that has steered the run presses no button.
   * @param {KeyboardEvent} event
   */
  keyUp(event) {
    const { live } = this;
    if (event.key === " " && live.hearsKeys && live.reacts("play") && this.isOurs(event)) event.preventDefault();
  }

  /**
   * The lens follows the pointer, unless it is pinned or follows the presenter. A finger moves it in any case.
   * @param {Pane} pane
   * @param {number} x px
   * @param {number} y px
   * @param {number} at ms
   */
  hover(pane, x, y, at, finger = false) {
    const { live } = this;
    if (!live.reacts("map")) return;
    if (finger) live.leavePresenter();
    if ((live.state.pinned && !finger) || live.presence.adopted || !isDrawn(pane)) return;
    live.state.set(this.lensAt(pane, ...pane.view.toData(x, y)), at);
  }

  /**
   * A click pins the lens; one on the pinned lens releases it. Where the pointer did not move meanwhile (`still`), a data
   * point nearby takes the lens.
   * @param {Pane} pane
   * @param {number} x px
   * @param {number} y px
   * @param {number} at ms
   * @param {boolean} still
   */
  click(pane, x, y, at, still) {
    const { live } = this;
    if (!live.reacts("map") || !isDrawn(pane)) return;
    live.leavePresenter();
    if (still && live.state.pinned && this.isAtMarker(pane, x, y)) return live.state.set({ pinned: false }, at);
    const taken = still ? this.pointAt(pane, x, y) : -1;
    const lens = taken < 0 ? this.lensAt(pane, ...pane.view.toData(x, y)) : this.lensOn(pane, taken);
    live.state.set({ ...lens, pinned: true }, at);
  }

  /**
   * The data point that a click at a pixel selects, or −1.
   * @param {DrawnPane} pane
   * @param {number} x px
   * @param {number} y px
   */
  pointAt(pane, x, y) {
    const nearest = pane.nearest(...pane.view.toData(x, y));
    if (nearest < 0) return -1;
    const [px, py] = pane.view.toPixel(pane.morph.us[nearest], pane.morph.vs[nearest]);
    return Math.hypot(px - x, py - y) < SNAP ? nearest : -1;
  }

  /**
   * The lens at (u, v) of a map. z is in the first run's space.
   * @param {DrawnPane} pane
   * @param {number} u
   * @param {number} v
   */
  lensAt(pane, u, v) {
    const { runs, state } = this.live;
    const z = state.z.slice();
    const { projection } = pane.k === z.length ? pane : runs[0].pane;
    projection?.lift(z, u, v);
    return { z, map: runs.findIndex((run) => run.pane === pane) };
  }

  /**
   * The lens at the mean of a data point.
   * @param {DrawnPane} pane
   * @param {number} i
   */
  lensOn(pane, i) {
    const lens = this.lensAt(pane, pane.morph.us[i], pane.morph.vs[i]);
    return pane.k === lens.z.length ? { ...lens, z: Float64Array.from(pane.meanOf(i)) } : lens;
  }

  /**
   * @param {DrawnPane} pane
   * @param {number} x px
   * @param {number} y px
   */
  isAtMarker(pane, x, y) {
    const z = this.live.renderer.lensOn(pane);
    if (!z) return false;
    const [mx, my] = pane.view.toPixel(...pane.projection.project(z));
    return Math.hypot(mx - x, my - y) < SNAP + 3;
  }
}

/**
 * @param {Pane} pane
 * @returns {pane is DrawnPane}
 */
const isDrawn = (pane) => pane.view !== null && pane.projection !== null;
