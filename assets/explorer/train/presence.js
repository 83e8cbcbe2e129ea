// Presenter and followers: the presenter's page sends what it shows (viewport, zones, z), and the followers' pages show the
// same.

/** @import { Live } from "./live.js" */
/** @import { PresenterView } from "./protocol.js" */

const EVERY = 100; // ms between two messages

export class Presence {
  /**
   * @param {Live} live the page
   * @param {boolean} following whether the page shows what the presenter shows
   */
  constructor(live, following) {
    this.live = live;
    this.following = following;
    /** @type {PresenterView | null} the latest message */
    this.presented = null;
    /** @type {number | null} */
    this.timer = null;
  }

  /** Sends the page's view to the followers, at most once every so many milliseconds. */
  share() {
    if (!this.live.steers || this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      const { state, camera, first } = this.live;
      const { z, pinned, zones, manifold, hidden } = state;
      first.share({ z: Array.from(z), pinned, zones, manifold, hidden, place: camera.describe() });
    }, EVERY);
  }

  /** The view to show in place of the page's own; null where the page does not follow. */
  get adopted() {
    return this.following && !this.live.steers ? this.presented : null;
  }

  /** @param {PresenterView} view */
  receive(view) {
    this.presented = view;
    if (this.adopted) this.adopt(view);
  }

  /** @param {boolean} on */
  follow(on) {
    const { live, following } = this;
    this.following = on;
    if (this.adopted) this.adopt(this.adopted);
    if (on === following) return;
    live.touch("words");
    live.link.save();
  }

  /**
   * Shows a view. Fields with values that are not valid here are ignored.
   * @param {PresenterView} view
   */
  adopt({ z, pinned, zones, manifold, hidden, place }) {
    const { state, camera } = this.live;
    const isZ = Array.isArray(z) && z.length === state.z.length && z.every(Number.isFinite);
    state.set({
      ...(isZ && { z: Float64Array.from(z) }),
      ...(["all", "pointer", "none"].includes(zones) && { zones }),
      ...(Array.isArray(hidden) && { hidden: hidden.filter(Number.isInteger) }),
      pinned: pinned === true,
      manifold: manifold === true,
    });
    camera.adopt(place ?? null);
    if (!place) this.live.followPoints();
    this.live.wake();
  }
}
