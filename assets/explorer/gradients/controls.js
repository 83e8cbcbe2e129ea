// Small controls that the sections of the page share.

import { find, findAll } from "../core/dom.js";
import { signed } from "../core/format.js";

/**
 * A row of buttons of which one is chosen.
 * @template {string | number | boolean} Value
 */
export class Choice {
  /**
   * @param {HTMLElement} root
   * @param {string} label
   * @param {[value: Value, text: string, title?: string][]} options
   * @param {(value: Value) => void} choose
   */
  constructor(root, label, options, choose) {
    this.root = root;
    root.classList.add("page-choice");
    root.setAttribute("role", "radiogroup");
    root.setAttribute("aria-label", label);
    root.innerHTML = `<span>${label}</span>`;
    for (const [value, text, title = ""] of options) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: text, title });
      button.setAttribute("role", "radio");
      button.dataset.value = String(value);
      button.addEventListener("click", () => choose(value));
      root.append(button);
    }
  }

  /** @param {Value} value */
  show(value) {
    for (const button of findAll(this.root, "button"))
      button.setAttribute("aria-checked", String(button.dataset.value === String(value)));
  }

  /**
   * @param {Value} value
   * @param {boolean} allowed
   */
  allow(value, allowed) {
    find(this.root, `[data-value="${value}"]`, HTMLButtonElement).disabled = !allowed;
  }
}

/**
 * @typedef {object} SliderSpec
 * @property {string} label
 * @property {string} [name] for screen readers; the label where it is missing
 * @property {number} min
 * @property {number} max
 * @property {number} step
 * @property {number} [digits] after the decimal point of the number beside it
 */

/** A slider with its value as a number beside it. */
export class Slider {
  /**
   * @param {HTMLElement} root
   * @param {SliderSpec} spec
   * @param {(value: number) => void} turn
   */
  constructor(root, { label, name = label, min, max, step, digits = 2 }, turn) {
    root.classList.add("gr-slider");
    root.innerHTML = `<label>${label}</label><input type="range" min="${min}" max="${max}" step="${step}" aria-label="${name}"><output></output>`;
    this.input = find(root, "input", HTMLInputElement);
    this.output = find(root, "output");
    this.digits = digits;
    this.root = root;
    this.input.addEventListener("input", () => turn(Number(this.input.value)));
  }

  /** @param {number} value */
  show(value) {
    this.input.value = String(value);
    this.output.textContent = signed(value, this.digits);
  }
}

const ICONS = {
  play: '<path d="M4 2l11 7-11 7z"/>',
  pause: '<path d="M3 2h4v14H3zM11 2h4v14h-4z"/>',
  step: '<path d="M2 2l8 7-8 7zM12 2h3v14h-3z"/>',
  reset: '<path d="M9 3a6 6 0 1 1-5.7 4.1l1.9.6A4 4 0 1 0 9 5v3L4.5 4 9 0z"/>',
};

/** @param {keyof typeof ICONS} name */
export const icon = (name) => `<svg viewBox="0 0 18 18" aria-hidden="true">${ICONS[name]}</svg>`;

/**
 * Labels the play button with what a click does next: pause while playing, else play.
 * @param {HTMLElement} button
 * @param {boolean} playing
 */
export function showPlaying(button, playing) {
  const state = String(playing);
  if (button.dataset.playing === state) return;
  button.dataset.playing = state;
  button.innerHTML = `${icon(playing ? "pause" : "play")}<span>${playing ? "pause" : "play"}</span>`;
}

/**
 * Numbers of the latent space as text: two digits after the decimal point, more where the picture is small.
 * @param {ArrayLike<number>} values
 * @param {number} half half the width of the picture, in units of z
 */
export function inUnits(values, half) {
  const digits = Math.max(2, 2 - Math.floor(Math.log10(half)));
  /** @param {number} v */
  const rounded = (v) => Number(v.toFixed(digits)) || 0; // no −0.00
  return Array.from(values, (v) => signed(rounded(v), digits)).join(", ");
}

/** @typedef {[name: string, value: string, title?: string]} Fact of which name and value are HTML */

/**
 * Writes facts into a <dl>, and keeps its elements where their number is the same.
 * @param {HTMLElement} list
 * @param {Fact[]} facts
 */
export function writeFacts(list, facts) {
  if (list.children.length !== 2 * facts.length) list.innerHTML = facts.map(() => "<dt></dt><dd></dd>").join("");
  const terms = findAll(list, ":scope > *");
  facts.forEach(([name, value, title = ""], i) => {
    const [dt, dd] = terms.slice(2 * i, 2 * i + 2);
    if (dt.innerHTML !== name) dt.innerHTML = name;
    if (dd.innerHTML !== value) dd.innerHTML = value;
    dt.title = title;
  });
}
