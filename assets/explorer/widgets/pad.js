// A pad to draw an image on, with pointer, finger or keys; or to put a picture on, from a file. The result is passed on as
// pixels that are centred and scaled as the data's images are.

import { contextOf, find } from "../core/dom.js";
import { fitPicture, fitStrokes, waysOf } from "../data/fit-image.js";
import { readPicture } from "../data/read-picture.js";
import { bounded, quantised } from "./strokes.js";

/** @import { ImageShape } from "../data/frame.js" */
/** @import { RgbPicture } from "../data/read-picture.js" */

/** @typedef {[x: number, y: number]} PadPoint in units of the pad's longer side */

/**
 * Receives pixels (channels, height, width) in [0, 1], or null where the pad is empty; `at` is the time of the event in ms.
 * @typedef {(pixels: Float32Array | null, at: number) => void} OnPixels
 */

const RESOLUTION = 448; // px of the pad's longer side
const PEN = 0.045; // width of the pen on the pad, as a share of its longer side
const STEP = 0.04; // of the pad: what an arrow key moves the pen
const APART = 0.004; // of the pad: points that lie closer are one
const LEAST = 0.25; // of the pad: a smaller drawing is enlarged only as much as one of this size
/** @type {Record<string, [dx: number, dy: number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const HTML = `
<canvas class="er-pad" tabindex="0" role="application" aria-label="drawing pad: arrow keys move the pen, Space puts it down and lifts it, Delete clears"></canvas>
<div class="er-pad-buttons">
  <button class="er-undo" title="take the last stroke back">undo</button>
  <button class="er-clear">clear</button>
  <button class="er-upload" title="a picture of any size and colour; it can also be dropped on the pad">upload …</button>
  <input class="er-file" type="file" accept="image/*" hidden>
  <label class="er-ink">ink <input type="color" value="#ffffff"></label>
</div>
<p class="er-pad-message" role="status"></p>`;

export class Pad {
  /**
   * @param {HTMLElement} root
   * @param {ImageShape} imageShape
   * @param {OnPixels} onPixels
   * @param {Uint8Array | null} [images] of the data, in bytes: drawings get their ground, size and position
   */
  constructor(root, imageShape, onPixels, images = null) {
    this.root = root;
    this.onPixels = onPixels;
    /** @type {PadPoint[][]} */
    this.strokes = [];
    /** @type {RgbPicture | null} */
    this.picture = null;
    /** @type {PadPoint[] | null} */
    this.current = null; // the stroke that is being drawn
    /** @type {PadPoint} */
    this.pen = [0.5, 0.5];
    this.keyboard = false; // the pen that is moved by keys is shown
    root.classList.add("er-pad-root");
    root.innerHTML = HTML;
    this.canvas = find(root, ".er-pad", HTMLCanvasElement);
    this.ink = find(root, ".er-ink input", HTMLInputElement);
    this.shape = imageShape;
    this.ways = waysOf(images, imageShape);
    this.resize();
    this.listen();
  }

  /**
   * From now on, drawings become images of another data set.
   * @param {ImageShape} imageShape
   * @param {Uint8Array | null} [images]
   */
  fitTo(imageShape, images = null) {
    this.shape = imageShape;
    this.ways = waysOf(images, imageShape);
    this.resize();
  }

  /** Gives the pad the aspect ratio of the images. */
  resize() {
    const [channels, height, width] = this.shape;
    const longer = Math.max(height, width);
    this.canvas.width = Math.round((RESOLUTION * width) / longer);
    this.canvas.height = Math.round((RESOLUTION * height) / longer);
    find(this.root, ".er-ink").hidden = channels === 1;
    this.redraw();
  }

  /** The drawing as pixels that are multiples of 1/255, as the data's are; null for an empty pad. */
  get pixels() {
    const pixels = this.picture ? fitPicture(this.picture, this.shape, this.ways) : this.drawn();
    if (!pixels) return null;
    return pixels.map((v) => Math.round(255 * Math.min(1, Math.max(0, v))) / 255);
  }

  drawn() {
    const ink = fitStrokes(this.strokes, this.shape, this.ways, LEAST);
    return ink && this.coloured(ink);
  }

  /** @param {Float32Array} ink (height, width) in [0, 1] */
  coloured(ink) {
    const { ground } = this.ways;
    if (this.shape[0] === 1) return ground ? ink.map((v) => 1 - v) : ink;
    const colour = [1, 3, 5].map((i) => parseInt(this.ink.value.slice(i, i + 2), 16) / 255);
    const pixels = new Float32Array(3 * ink.length);
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < ink.length; i++) pixels[c * ink.length + i] = ink[i] * colour[c] + (1 - ink[i]) * ground;
    return pixels;
  }

  /**
   * Passes the image on. A drawing never gets longer than a link can hold.
   * @param {number} at
   */
  tell(at) {
    const strokes = bounded(this.strokes);
    if (strokes !== this.strokes) {
      this.strokes = strokes;
      if (this.current) this.current = strokes.at(-1) ?? null;
      this.redraw();
    }
    this.onPixels(this.pixels, at);
  }

  /**
   * Shows a drawing in place of what is on the pad, and passes it on.
   * @param {PadPoint[][]} strokes
   * @param {string} [ink] a colour such as "#ff0000"
   */
  put(strokes, ink = this.ink.value, at = performance.now()) {
    this.strokes = strokes.map((stroke) => stroke.map(quantised));
    this.picture = null;
    this.current = null;
    this.ink.value = ink;
    this.say("");
    this.redraw();
    this.tell(at);
  }

  clear(at = performance.now()) {
    this.strokes = [];
    this.picture = null;
    this.current = null;
    this.say("");
    this.redraw();
    this.tell(at);
  }

  /** @param {number} at */
  undo(at) {
    if (this.picture) return this.clear(at);
    this.strokes.pop();
    this.current = null;
    this.redraw();
    this.tell(at);
  }

  /**
   * Puts a picture on the pad; where that is not possible, a sentence says why.
   * @param {File | undefined} file
   */
  async take(file, at = performance.now()) {
    if (!file) return;
    try {
      const picture = await readPicture(file);
      this.strokes = [];
      this.current = null;
      this.picture = picture;
      this.say(file.name ? `${file.name}, made as the data's images are` : "");
      this.redraw();
      this.tell(at);
    } catch (error) {
      this.say(/** @type {Error} */ (error).message); // `readPicture` throws nothing else
    }
  }

  /** @param {string} message */
  say(message) {
    find(this.root, ".er-pad-message").textContent = message;
  }

  // --- strokes -----------------------------------------------------------------------------------------------------

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel"])
      canvas.addEventListener(type, () => {
        this.current = null;
      });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.showPen(false));
    canvas.addEventListener("dragover", (event) => event.preventDefault());
    canvas.addEventListener("drop", (event) => {
      event.preventDefault();
      this.take(event.dataTransfer?.files[0], event.timeStamp);
    });
    const file = find(this.root, ".er-file", HTMLInputElement);
    file.addEventListener("change", async (event) => {
      await this.take(file.files?.[0], event.timeStamp);
      file.value = "";
    });
    find(this.root, ".er-upload").addEventListener("click", () => file.click());
    find(this.root, ".er-undo").addEventListener("click", (event) => this.undo(event.timeStamp));
    find(this.root, ".er-clear").addEventListener("click", (event) => this.clear(event.timeStamp));
    this.ink.addEventListener("input", (event) => {
      this.redraw();
      this.tell(event.timeStamp);
    });
  }

  /**
   * Where an event is on the pad.
   * @param {MouseEvent} event
   * @returns {PadPoint}
   */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const longer = Math.max(box.width, box.height);
    return [(event.clientX - box.left) / longer, (event.clientY - box.top) / longer];
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button !== 0 || this.current) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.showPen(false);
    this.begin(this.at(event));
    this.tell(event.timeStamp);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.current || event.buttons === 0) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.extend(this.at(each));
    this.tell(event.timeStamp);
  }

  /**
   * Begins a stroke.
   * @param {PadPoint} point
   */
  begin(point) {
    if (this.picture) {
      this.picture = null;
      this.say("");
      this.redraw();
    }
    const start = quantised(point);
    this.current = [start];
    this.strokes.push(this.current);
    this.segment(start, start);
  }

  /**
   * Extends the current stroke.
   * @param {PadPoint} point
   */
  extend(point) {
    const last = this.current?.at(-1);
    if (!this.current || !last) return;
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) < APART) return;
    const next = quantised(point);
    this.current.push(next);
    this.segment(last, next);
  }

  // --- keys --------------------------------------------------------------------------------------------------------

  /** @param {KeyboardEvent} event */
  key(event) {
    const move = ARROWS[event.key];
    if (!move && ![" ", "Delete", "Backspace"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Delete") return this.clear(event.timeStamp);
    if (event.key === "Backspace") return this.undo(event.timeStamp);
    if (event.key === " ") this.turnPen();
    else this.movePen(move);
    this.showPen(true);
    if (this.current) this.tell(event.timeStamp);
  }

  /** Puts the pen down, or lifts it. */
  turnPen() {
    if (this.current) this.current = null;
    else this.begin([...this.pen]);
    this.say(this.current ? "pen down" : "pen up");
  }

  /** @param {[dx: number, dy: number]} step in units of STEP */
  movePen([dx, dy]) {
    const longer = Math.max(this.canvas.width, this.canvas.height);
    const within = (/** @type {number} */ v, /** @type {number} */ size) =>
      Math.min(size / longer - PEN, Math.max(PEN, v));
    this.pen = [
      within(this.pen[0] + dx * STEP, this.canvas.width),
      within(this.pen[1] + dy * STEP, this.canvas.height),
    ];
    if (this.current) this.extend([...this.pen]);
  }

  /** @param {boolean} shown */
  showPen(shown) {
    if (!shown && !this.keyboard) return;
    this.keyboard = shown;
    this.redraw();
  }

  // --- painting ----------------------------------------------------------------------------------------------------

  redraw() {
    const { canvas } = this;
    const context = contextOf(canvas);
    context.fillStyle = this.ways.ground ? "#fff" : "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (this.picture) this.paintPicture(context);
    for (const stroke of this.strokes)
      for (const [i, point] of stroke.entries()) this.segment(stroke[Math.max(0, i - 1)], point);
    if (this.keyboard) this.paintPen(context);
  }

  /**
   * @param {PadPoint} from
   * @param {PadPoint} to
   */
  segment(from, to) {
    const context = contextOf(this.canvas);
    const longer = Math.max(this.canvas.width, this.canvas.height);
    const colour = this.shape[0] === 3 ? this.ink.value : this.ways.ground ? "#000" : "#fff";
    Object.assign(context, { strokeStyle: colour, lineWidth: PEN * longer, lineCap: "round" });
    context.beginPath();
    context.moveTo(from[0] * longer, from[1] * longer);
    context.lineTo(to[0] * longer, to[1] * longer);
    context.stroke();
  }

  /** @param {CanvasRenderingContext2D} context */
  paintPen(context) {
    const longer = Math.max(this.canvas.width, this.canvas.height);
    const [x, y] = this.pen.map((v) => v * longer);
    Object.assign(context, { strokeStyle: this.current ? "#e8890c" : "#888", lineWidth: 3 });
    context.beginPath();
    context.arc(x, y, 12, 0, 2 * Math.PI);
    context.stroke();
  }

  /**
   * Draws all of the picture, as large as the pad allows.
   * @param {CanvasRenderingContext2D} context
   */
  paintPicture(context) {
    if (!this.picture) return;
    const { width, height, rgb } = this.picture;
    const plane = width * height;
    const image = new ImageData(width, height);
    for (let i = 0; i < plane; i++) image.data.set([0, 1, 2].map((c) => 255 * rgb[c * plane + i]).concat(255), 4 * i);
    const small = new OffscreenCanvas(width, height);
    small.getContext("2d")?.putImageData(image, 0, 0);
    const scale = Math.min(this.canvas.width / width, this.canvas.height / height);
    context.imageSmoothingEnabled = scale < 1;
    const [w, h] = [width * scale, height * scale];
    context.drawImage(small, (this.canvas.width - w) / 2, (this.canvas.height - h) / 2, w, h);
  }
}
