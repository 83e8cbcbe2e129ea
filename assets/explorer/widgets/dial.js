// A wide logarithmic slider with a number beside it and names beneath: beta, the learning rate, sigma.

import { short } from "../core/format.js";

const EVERY = 50; // ms between two messages while it is dragged

export class Dial {
  // `marks` = [[value, name]]; `send(value, startedAt)` is called while it moves, and always with the last value.
  constructor(root, { name, label, scale, marks, send }) {
    this.root = root;
    this.scale = scale;
    this.send = send;
    this.value = NaN;
    this.sentAt = -Infinity;
    root.innerHTML = `
      <label>${label}</label>
      <input type="text" inputmode="decimal" autocomplete="off" aria-label="${name}, as a number">
      <div class="lv-track"><input type="range" min="0" max="1" step="0.001" aria-label="${name}"><div class="lv-marks" aria-hidden="true"></div></div>
      <output></output>`;
    this.number = root.querySelector('input[type="text"]');
    this.slider = root.querySelector('input[type="range"]');
    this.note = root.querySelector("output");
    for (const [value, text] of marks) this.mark(value, text);
    this.slider.addEventListener("input", (event) =>
      this.turn(this.scale.value(Number(this.slider.value)), event.timeStamp),
    );
    for (const type of ["pointerdown", "pointerup", "pointercancel"])
      this.slider.addEventListener(type, () => (this.held = type === "pointerdown"));
    this.number.addEventListener("change", (event) => this.type(event.timeStamp));
    this.number.addEventListener("keydown", (event) => event.key === "Enter" && this.number.blur());
  }

  mark(value, text) {
    const mark = document.createElement("button");
    mark.type = "button";
    mark.tabIndex = -1;
    mark.classList.toggle("lv-minor", !text);
    mark.innerHTML = `<b>${short(value)}</b>${text ? ` ${text}` : ""}`;
    mark.style.setProperty("--at", this.scale.position(value));
    mark.addEventListener("click", (event) => this.enabled && this.turn(value, event.timeStamp));
    this.root.querySelector(".lv-marks").append(mark);
  }

  // What is typed is asked for as it stands: what it cannot be, the run's answer says in a sentence.
  type(at) {
    const text = this.number.value.trim();
    const value = Number(text.replace("−", "-").replace(",", "."));
    if (text !== "" && Number.isFinite(value)) this.turn(value, at);
    else {
      if (text !== "") this.send(text, at);
      this.write();
    }
  }

  // A person wants `value`.
  turn(value, at) {
    this.value = value;
    this.write();
    this.waiting = { value, at };
    if (this.timer) return;
    const rest = this.sentAt + EVERY - performance.now();
    if (rest <= 0) this.flush();
    else this.timer = setTimeout(() => this.flush(), rest);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = null;
    if (!this.waiting) return;
    const { value, at } = this.waiting;
    this.waiting = null;
    this.sentAt = performance.now();
    this.send(value, at);
  }

  // What the run says; a slider in somebody's hand is left alone.
  show(value, note = "") {
    if (this.note.textContent !== note) this.note.textContent = note;
    if (this.held || this.waiting || value === this.value || document.activeElement === this.number) return;
    this.value = value;
    this.write();
  }

  write() {
    const position = this.scale.position(this.value);
    this.slider.value = position;
    this.slider.style.setProperty("--at", position);
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
