// Paints the live page: in every frame of the display the maps and the lens, and one of the slower parts, such as a chart.

import { find } from "../core/dom.js";
import { afterPaint, measure } from "../core/timing.js";
import { notice, summary } from "./readout.js";

/** @import { Pane } from "../map/pane.js" */
/** @import { Live } from "./live.js" */

/** @typedef {"curves" | "tradeoff" | "rates" | "words" | "nearest"} Part a part of the page that is drawn seldom */

const SLOW = 100; // ms between two drawings of the same part
const FAR = 4000; // ms between two requests for weights where nobody needs them at once: there may be hundreds of followers
const RATE = 28; // ms between two paintings of the maps while the pointer moves: the lens has the frames in between

export class Renderer {
  /** @param {Live} live the page */
  constructor(live) {
    this.live = live;
    /** @type {Set<Part>} parts to be drawn again */
    this.dirty = new Set();
    /** @type {Partial<Record<Part, number>>} ms */
    this.drawnAt = {};
    /** @type {number | undefined} ms, when the lens was moved; undefined: it is painted where it is */
    this.lensAt = undefined;
    /** @type {number | undefined} ms, the last frame */
    this.ticked = undefined;
    this.paintedAt = 0; // ms, the last painting of the maps
    this.moved = false; // the camera has moved since then
  }

  /**
   * Paints one frame of the display.
   * @param {number} now ms
   */
  paint(now) {
    const { camera } = this.live;
    const dt = Math.min(100, now - (this.ticked ?? now));
    this.ticked = now;
    this.takeSnapshots(now);
    this.moved = camera.advance(dt) || this.moved;
    const started = this.lensAt;
    const due = started === undefined || now - this.paintedAt > RATE;
    const moving = due ? this.paintMaps(now) : true;
    this.fetchWhatIsNeeded();
    if (started !== undefined) this.showLens(started);
    if (started === undefined || !due) this.drawSlowPart(now);
    if (moving || this.dirty.size) this.live.wake();
  }

  /**
   * Whether the maps will look different in the next frame.
   * @param {number} now ms
   */
  paintMaps(now) {
    const { moved } = this;
    this.paintedAt = now;
    this.moved = false;
    return this.live.runs.map(({ pane }) => pane.paint(now, moved)).some(Boolean) || moved;
  }

  /** @param {number} now ms */
  takeSnapshots(now) {
    const { live } = this;
    live.runs.forEach(({ session, pane }, i) => {
      const frame = session.take();
      if (!frame) return;
      pane.take(frame, now);
      live.followPoints();
      live.commands.applied(session, frame.meta.control);
      if (i === 0) {
        live.strip.show(frame.arrays.reconstructions);
        live.touch("rates");
      }
      live.touch("curves", "tradeoff", "words", "nearest");
    });
  }

  /** Fetches new weights and decoded planes of the runs where the page shows them. */
  fetchWhatIsNeeded() {
    const { runs, presence, state, follow } = this.live;
    const hovered = runs.some(({ pane }) => pane.hovered);
    const followed = presence.adopted !== null;
    for (const { session } of runs) {
      if (hovered || (state.pinned && !followed)) session.wantDecoder();
      else if (!follow || followed || !session.decoder) session.wantDecoder(FAR);
      if (state.manifold) session.wantManifold();
    }
  }

  /** @param {number} started ms, when the lens was moved */
  showLens(started) {
    const { live } = this;
    this.lensAt = undefined;
    const { z, pinned } = live.state;
    const zs = live.runs.map(({ pane }) => this.lensOn(pane) ?? z);
    if (!live.runs[0].pane.projection) return;
    live.lens.show(zs, pinned);
    live.root.classList.toggle("er-pinned", pinned);
    this.showNearest();
    afterPaint(() => measure("elbo-room:input-to-paint", started));
  }

  /** Shows the data point whose mean is nearest to z. It can change during training although the lens does not move. */
  showNearest() {
    const { live } = this;
    live.runs.forEach(({ session, pane }, i) => {
      const z = this.lensOn(pane);
      if (!z) return;
      const point = pane.nearestMean(z);
      pane.mark(z, point);
      if (i === live.state.map) live.lens.showPoint({ i, session, point });
    });
  }

  /**
   * The lens in the latent space of a map: z where this space has equally many dimensions, else what lies at the same place
   * of the plane. Null where the maps have no points yet.
   * @param {Pane} pane
   */
  lensOn(pane) {
    const { runs, state } = this.live;
    const { z, map } = state;
    if (!pane.projection) return null;
    if (pane.k === z.length) return z;
    const { projection } = [runs[map].pane, runs[0].pane].find(({ k }) => k === z.length) ?? {};
    if (!projection) return null;
    const there = new Float64Array(pane.k);
    pane.projection.lift(there, ...projection.project(z));
    return there;
  }

  /** Whether something that was requested is to be painted in the next frames. */
  get isBehind() {
    const { camera, runs } = this.live;
    return (
      this.lensAt !== undefined || camera.jumped || runs.some(({ pane }) => pane.view !== null && pane.groundDirty)
    );
  }

  /**
   * Draws the part that has waited longest: at most one in a frame, and each at most ten times a second.
   * @param {number} now ms
   */
  drawSlowPart(now) {
    const { charts, first, runs } = this.live;
    const due = [...this.dirty].filter((part) => now - (this.drawnAt[part] ?? -Infinity) >= SLOW);
    const part = due.sort((a, b) => (this.drawnAt[a] ?? 0) - (this.drawnAt[b] ?? 0))[0];
    if (!part) return;
    this.dirty.delete(part);
    this.drawnAt[part] = now;
    if (part === "words") this.showWords();
    else if (part === "nearest") this.showNearest();
    else if (part === "rates") {
      if (first.frame) charts.rates.show(first.frame.meta);
    } else charts[part].show(runs.map(({ session }) => ({ name: session.run, history: session.history })));
  }

  /** Shows state, numbers, buttons and dials: pending requests as if they were applied, else what the run reports. */
  showWords() {
    const { live } = this;
    const { lead, requests, follow, presence } = live;
    const { status } = lead;
    const meta = lead.frame?.meta;
    requests.expire();
    const paused = requests.paused ?? lead.isPaused;
    live.readout.show(lead, paused);
    const steer = lead.steer && lead.connected && !follow;
    live.transport.show({
      state: status.gone ? "gone" : (status.state ?? ""),
      alive: status.alive !== false,
      paused,
      pace: requests.paceOr(meta?.pace),
      steer,
      download: new URL("model.safetensors", lead.files).href,
      kept: lead.kept,
    });
    live.dials.show(lead, steer && lead.isBusy, (key) => requests.has(key));
    if (live.runs.length > 1) for (const { session, pane } of live.runs) pane.name(session.run, summary(session));
    live.notice.show(notice(lead, lead.steer && !follow));
    live.$(".page-locked").hidden = follow || steer || !lead.connected || !status.state;
    live.$(".page-following").hidden = live.steers || !status.state;
    find(live.root, ".page-following input", HTMLInputElement).checked = presence.following;
  }
}
