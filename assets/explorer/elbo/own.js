// An image of one's own: the pad that it is drawn on, and what the encoder says of it.

import { Frame } from "../data/frame.js";
import { AskedNetwork } from "../network/inference-client.js";
import { Pad } from "../widgets/pad.js";
import { Gaussian } from "./gaussian.js";

export class OwnImage {
  // `panel` holds the pad, `button` opens and closes it; `drawn(pixels, at)`: a stroke, null where nothing is left of them.
  constructor(panel, button, drawn) {
    this.panel = panel;
    this.button = button;
    this.drawn = drawn;
    this.encoder = null;
    button.addEventListener("click", () => this.toggle());
  }

  // Another model, with the address of its encoder.
  load({ meta, arrays }, address) {
    this.close();
    this.address = address;
    this.encoder = null;
    this.latest = null;
    this.pad = new Pad(this.panel.querySelector(".eb-pad-room"), meta.image_shape, this.drawn, arrays.images);
  }

  close() {
    this.encoder?.then(
      (network) => network.close(),
      () => {},
    );
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  toggle(open = !this.isOpen) {
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
  }

  // The encoder's q of some pixels; null where others were asked about meanwhile.
  async encode(pixels) {
    this.latest = pixels;
    try {
      this.encoder ??= Frame.fetch(this.address).then((frame) => new AskedNetwork("encode", frame));
      const encoder = await this.encoder;
      const { mu, logvar } = await new Promise((resolve) => encoder.ask("drawing", pixels, resolve));
      return this.latest === pixels
        ? Gaussian.diagonal(
            mu,
            Array.from(logvar, (v) => Math.exp(v / 2)),
          )
        : null;
    } catch (error) {
      this.encoder = null; // so that it can be asked for again
      throw error;
    }
  }
}
