// An image that the user draws: the pad, and the encoder's q of it.

import { find } from "../core/dom.js";
import { Frame } from "../data/frame.js";
import { AskedNetwork } from "../network/inference-client.js";
import { Pad } from "../widgets/pad.js";
import { Gaussian } from "./gaussian.js";

export class OwnImage {
  /**
   * @param {HTMLElement} panel contains the pad
   * @param {HTMLElement} button opens and closes the panel
   * @param {(pixels: Float32Array | null, at: number) => void} drawn called after every stroke; null: the pad is empty
   */
  constructor(panel, button, drawn) {
    this.panel = panel;
    this.button = button;
    this.drawn = drawn;
    this.address = "";
    /** @type {Promise<AskedNetwork<"encode">> | null} */ this.encoder = null;
    /** @type {Float32Array | null} */ this.latest = null;
    button.addEventListener("click", () => this.toggle());
  }

  /**
   * Draws images for another model.
   * @param {Frame} frame
   * @param {string} address of the frame of its encoder
   */
  load({ meta, arrays }, address) {
    this.close();
    this.address = address;
    this.encoder = null;
    this.latest = null;
    this.pad = new Pad(find(this.panel, ".eb-pad-room"), meta.image_shape, this.drawn, arrays.images);
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

  /**
   * The encoder's q of some pixels; null where it has been asked about other pixels since.
   * @param {Float32Array} pixels
   */
  async encode(pixels) {
    this.latest = pixels;
    try {
      this.encoder ??= Frame.fetch(this.address).then((frame) => new AskedNetwork("encode", frame));
      const encoder = await this.encoder;
      /** @type {{ mu: Float32Array, logvar: Float32Array }} */
      const { mu, logvar } = await new Promise((resolve) => encoder.ask("drawing", pixels, resolve));
      return this.latest === pixels
        ? Gaussian.diagonal(
            mu,
            Array.from(logvar, (v) => Math.exp(v / 2)),
          )
        : null;
    } catch (error) {
      this.encoder = null; // so that the next call fetches it again
      throw error;
    }
  }
}
