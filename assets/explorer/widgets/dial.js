// A wide logarithmic slider with a number beside it and names beneath: beta, the learning rate, sigma.

import { find } from "../core/dom.js";
import { short } from "../core/format.js";

/** @import { LogScale } from "./scale.js" */

/**
 * @typedef {object} DialOptions
 * @property {string} name for screen readers
 * @property {string} label HTML
 * @property {LogScale} scale
 * @property {[value: number, name?: string][]} marks
 * @property {(value: number, startedAt: number) => void} send called while the slider moves, and always with its last value
 * @property {(text: string, startedAt: number) => void} [sendText] called with what was typed where that is not a number;
 *   where it is missing, such text is dropped
 * @property {(value: number) => number} [limit] the allowed value nearest to one that a person has set; where it is
 *   missing, every number is allowed
 */

const EVERY = 50; // ms between two calls of `send` while it is dragged

/** @type {Record<string, 1 | -1>} */
const ARROWS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

export class Dial {
  /**
   * @param {HTMLElement} root
   * @param {DialOptions} options
   */
  constructor(root, { name, label, scale, marks, send, sendText, limit = (value) => value }) {
    this.root = root;
    this.scale = scale;
    this.send = send;
    this.sendText = sendText;
    this.limit = limit;
    this.value = NaN;
    this.sentAt = -Infinity;
    this.held = false; // the pointer is down on the slider
    /** @type {{ value: number, at: number } | null} */
    this.waiting = null; // what `send` has not been called with yet
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.timer = null;
    root.innerHTML = `
      <label>${label}</label>
      <input type="text" inputmode="decimal" autocomplete="off" aria-label="${name}, as a number">
      <div class="page-track"><input type="range" min="0" max="1" step="0.001" aria-label="${name}"><div class="page-marks" aria-hidden="true"></div></div>
      <output></output>`;
    this.number = find(root, 'input[type="text"]', HTMLInputElement);
    this.slider = find(root, 'input[type="range"]', HTMLInputElement);
    this.note = find(root, "output", HTMLOutputElement);
    for (const [value, text] of marks) this.mark(value, text);
    this.slider.addEventListener("input", (event) =>
      this.turn(this.scale.value(Number(this.slider.value)), event.timeStamp),
    );
    this.slider.addEventListener("keydown", (event) => this.key(event));
    for (const type of ["pointerdown", "pointerup", "pointercancel"])
      this.slider.addEventListener(type, () => {
        this.held = type === "pointerdown";
      });
    this.number.addEventListener("change", (event) => this.type(event.timeStamp));
    this.number.addEventListener("keydown", (event) => event.key === "Enter" && this.number.blur());
  }

  /**
   * @param {number} value
   * @param {string} [text]
   */
  mark(value, text) {
    const mark = document.createElement("button");
    mark.type = "button";
    mark.tabIndex = -1;
    mark.classList.toggle("page-minor", !text);
    mark.innerHTML = `<b>${short(value)}</b>${text ? ` ${text}` : ""}`;
    mark.style.setProperty("--at", String(this.scale.position(value)));
    mark.addEventListener("click", (event) => this.enabled && this.turn(value, event.timeStamp));
    find(this.root, ".page-marks").append(mark);
  }

  /** @param {KeyboardEvent} event arrow keys would stay at named values, which the slider snaps to */
  key(event) {
    const direction = ARROWS[event.key];
    if (!direction || event.ctrlKey || event.metaKey || event.altKey || Number.isNaN(this.value)) return;
    event.preventDefault();
    let value = this.value;
    let next = this.scale.next(value, direction);
    while (this.limit(next) === this.value && next !== value) {
      value = next;
      next = this.scale.next(value, direction);
    }
    this.turn(next, event.timeStamp);
  }

  /**
   * Sends what was typed, if it is a number; the dial shows its value again otherwise.
   * @param {number} at
   */
  type(at) {
    const text = this.number.value.trim();
    const value = Number(text.replace("−", "-").replace(",", "."));
    if (text !== "" && Number.isFinite(value)) this.turn(value, at);
    else {
      if (text !== "") this.sendText?.(text, at);
      this.write();
    }
  }

  /**
   * Somebody has set the dial to `value`.
   * @param {number} value
   * @param {number} at
   */
  turn(value, at) {
    this.value = this.limit(value);
    this.write();
    this.waiting = { value: this.value, at };
    if (this.timer) return;
    const rest = this.sentAt + EVERY - performance.now();
    if (rest <= 0) this.flush();
    else this.timer = setTimeout(() => this.flush(), rest);
  }

  /** Sends what is waiting, at once. */
  flush() {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (!this.waiting) return;
    const { value, at } = this.waiting;
    this.waiting = null;
    this.sentAt = performance.now();
    this.send(value, at);
  }

  /**
   * Shows the run's value, except while somebody is setting another one.
   * @param {number} value
   */
  show(value, note = "") {
    if (this.note.textContent !== note) this.note.textContent = note;
    if (this.held || this.waiting || value === this.value || document.activeElement === this.number) return;
    this.value = value;
    this.write();
  }

  write() {
    const position = this.scale.position(this.value);
    this.slider.value = String(position);
    this.slider.style.setProperty("--at", String(position));
    this.slider.setAttribute("aria-valuetext", short(this.value));
    this.number.value = short(this.value);
  }

  get enabled() {
    return !this.slider.disabled;
  }

  set enabled(enabled) {
    this.slider.disabled = this.number.disabled = !enabled;
  }
}
