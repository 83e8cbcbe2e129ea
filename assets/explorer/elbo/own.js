// An image that the user draws: the pad, and the encoder's q of it.

import { find } from "../core/dom.js";
import { Frame } from "../data/frame.js";
import { InferenceClient } from "../network/inference-client.js";
import { Pad } from "../widgets/pad.js";
import { strokesOfText, textOfStrokes } from "../widgets/strokes.js";
import { Gaussian } from "./gaussian.js";
import { pixelsOfText, textOfPixels } from "./pixels.js";

/** @import { Description } from "../core/view.js" */

const WHITE = "#ffffff"; // the pad's first ink

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
    /** @type {Promise<InferenceClient<"encode">> | null} */ this.encoder = null;
    /** @type {Float32Array | null} the pixels that were encoded last */ this.latest = null;
    /** @type {Pad | null} */ this.pad = null;
    /** @type {Float32Array | null} what is on the pad */ this.pixels = null;
    this.isRestoring = false;
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
    this.pixels = null;
    this.shape = meta.image_shape;
    const drawn = (/** @type {Float32Array | null} */ pixels, /** @type {number} */ at) => {
      this.pixels = pixels;
      if (!this.isRestoring) this.drawn(pixels, at);
    };
    this.pad = new Pad(find(this.panel, ".eb-pad-room"), meta.image_shape, drawn, arrays.images);
  }

  close() {
    this.encoder?.then(
      (network) => network.close(),
      () => {},
    );
  }

  /** @param {boolean} open */
  toggle(open) {
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
  }

  /**
   * What is on the pad: the strokes, or the pixels of a picture. An empty pad has no fields.
   * @returns {Description}
   */
  describe() {
    const { pad, pixels } = this;
    if (!pad || !pixels) return {};
    if (pad.picture) {
      const text = textOfPixels(pixels);
      return text ? { pixels: text } : {};
    }
    const isColoured = this.shape?.[0] === 3 && pad.ink.value !== WHITE;
    return { strokes: textOfStrokes(pad.strokes), ...(isColoured && { ink: pad.ink.value }) };
  }

  /**
   * Puts on the pad what a description says, and returns it as pixels; null where that is nothing.
   * @param {Description} description
   */
  restore({ strokes = "", pixels = "", ink = WHITE }) {
    const { pad, shape } = this;
    if (!pad || !shape) return null;
    const shown = this.describe();
    const same = (shown.strokes ?? "") === strokes && (shown.pixels ?? "") === pixels && (shown.ink ?? WHITE) === ink;
    if (same) return this.pixels;
    const [channels, height, width] = shape;
    const known = pixelsOfText(pixels, channels * height * width);
    this.isRestoring = true;
    pad.put(known ? [] : (strokesOfText(strokes) ?? []), /^#[0-9a-f]{6}$/.test(ink) ? ink : WHITE);
    if (known) {
      const plane = width * height;
      const rgb = Float32Array.from({ length: 3 * plane }, (_, i) => known[channels === 3 ? i : i % plane]);
      pad.picture = { width, height, rgb };
      pad.redraw();
      this.pixels = known;
    }
    this.isRestoring = false;
    return this.pixels;
  }

  /**
   * The encoder's q of some pixels; null where others were to be encoded since.
   * @param {Float32Array} pixels
   */
  async encode(pixels) {
    this.latest = pixels;
    try {
      this.encoder ??= Frame.fetch(this.address).then((frame) => new InferenceClient("encode", frame));
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
