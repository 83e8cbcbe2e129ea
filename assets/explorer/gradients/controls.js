// Small controls that the sections of the page share.

import { signed } from "../core/format.js";

// A row of buttons of which one is chosen; `options` = [[value, label, title]].
export class Choice {
  constructor(root, label, options, choose) {
    this.root = root;
    root.classList.add("lv-choice");
    root.setAttribute("role", "radiogroup");
    root.setAttribute("aria-label", label);
    root.innerHTML = `<span>${label}</span>`;
    for (const [value, text, title = ""] of options) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: text, title });
      button.setAttribute("role", "radio");
      button.dataset.value = value;
      button.addEventListener("click", () => choose(value));
      root.append(button);
    }
  }

  show(value) {
    for (const button of this.root.querySelectorAll("button"))
      button.setAttribute("aria-checked", String(button.dataset.value === String(value)));
  }

  allow(value, allowed) {
    this.root.querySelector(`[data-value="${value}"]`).disabled = !allowed;
  }
}

// A slider with its number behind it.
export class Slider {
  constructor(root, { label, name = label, min, max, step, digits = 2 }, turn) {
    root.classList.add("gr-slider");
    root.innerHTML = `<label>${label}</label><input type="range" min="${min}" max="${max}" step="${step}" aria-label="${name}"><output></output>`;
    [this.input, this.output, this.digits] = [root.querySelector("input"), root.querySelector("output"), digits];
    this.root = root;
    this.input.addEventListener("input", () => turn(Number(this.input.value)));
  }

  show(value) {
    this.input.value = value;
    this.output.textContent = value.toFixed(this.digits).replace("-", "−");
  }
}

const ICONS = {
  play: '<path d="M4 2l11 7-11 7z"/>',
  pause: '<path d="M3 2h4v14H3zM11 2h4v14h-4z"/>',
  step: '<path d="M2 2l8 7-8 7zM12 2h3v14h-3z"/>',
  reset: '<path d="M9 3a6 6 0 1 1-5.7 4.1l1.9.6A4 4 0 1 0 9 5v3L4.5 4 9 0z"/>',
};

export const icon = (name) => `<svg viewBox="0 0 18 18" aria-hidden="true">${ICONS[name]}</svg>`;

// The play button says what a press does.
export function showPlaying(button, playing) {
  const state = String(playing);
  if (button.dataset.playing === state) return;
  button.dataset.playing = state;
  button.innerHTML = `${icon(playing ? "pause" : "play")}<span>${playing ? "pause" : "play"}</span>`;
}

// Numbers of the latent space, to a hundredth of a usual picture's unit or the same share of a smaller one.
export function inUnits(values, half) {
  const digits = Math.max(2, 2 - Math.floor(Math.log10(half)));
  const rounded = (v) => Number(v.toFixed(digits)) || 0; // no −0.00
  return Array.from(values, (v) => signed(rounded(v), digits)).join(", ");
}

// Facts as [[name, value, title]] into a <dl>, whose elements stay.
export function writeFacts(list, facts) {
  if (list.children.length !== 2 * facts.length) list.innerHTML = facts.map(() => "<dt></dt><dd></dd>").join("");
  facts.forEach(([name, value, title = ""], i) => {
    const [dt, dd] = [list.children[2 * i], list.children[2 * i + 1]];
    if (dt.innerHTML !== name) dt.innerHTML = name;
    if (dd.innerHTML !== value) dd.innerHTML = value;
    dt.title = title;
  });
}
