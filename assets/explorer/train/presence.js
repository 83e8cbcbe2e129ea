// Presenter and followers: what part of the plane, which zones and which z the presenter looks at, told and adopted.

const EVERY = 100; // ms between two messages

export class Presence {
  // `live` is the page; `following`: whether it begins by showing what the presenter shows.
  constructor(live, following) {
    this.live = live;
    this.following = following;
    this.presented = null;
    this.timer = null;
  }

  // Tells the followers, soon.
  share() {
    if (!this.live.steers || this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      const { state, camera, first } = this.live;
      const { z, pinned, zones, manifold, hidden } = state;
      first.share({ z: Array.from(z), pinned, zones, manifold, hidden, place: camera.describe() });
    }, EVERY);
  }

  get adopts() {
    return this.following && this.presented !== null && !this.live.steers;
  }

  hear(view) {
    this.presented = view;
    if (this.adopts) this.adopt(view);
  }

  follow(on) {
    this.following = on;
    if (this.adopts) this.adopt(this.presented);
  }

  // Whatever of a view makes no sense here is passed over.
  adopt({ z, pinned, zones, manifold, hidden, place }) {
    const { state, camera } = this.live;
    if (Array.isArray(z) && z.length === state.z.length && z.every(Number.isFinite)) state.z.set(z);
    if (["all", "pointer", "none"].includes(zones)) state.zones = zones;
    if (Array.isArray(hidden)) state.hidden = hidden.filter(Number.isInteger);
    state.pinned = pinned === true;
    state.manifold = manifold === true;
    camera.adopt(place ?? null);
    if (!place) this.live.followPoints();
    this.live.changed(new Set(["hidden"]), performance.now());
  }
}
