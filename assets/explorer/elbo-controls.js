// The choices above the plane, and those beside the bar: which view, whose contours, whose heat, which family of q.

const DENSITY_NAMES = [["prior", "p(z)"], ["likelihood", "p(x|z)"], ["posterior", "p(z|x)"]];

const choice = (name, label, values) =>
  `<div class="lv-choice" role="radiogroup" aria-label="${label}"><span>${label}</span>${values.map(([key, text]) => `<button role="radio" data-${name}="${key}">${text}</button>`).join("")}</div>`;

export const OPTIONS = `
  <div class="lv-bar eb-options">
    ${choice("view", "view", [["posterior", "posterior"], ["plane", "whole plane"]])}
    <div class="lv-choice eb-contours" role="group" aria-label="contours"><span>contours</span>${DENSITY_NAMES.map(([key, text]) => `<button data-switch="${key}" class="eb-of-${key}" title="${key}: contours">${text}</button>`).join("")}</div>
    ${choice("heat", "heat", [...DENSITY_NAMES, ["none", "none"]])}
    <button data-switch="log" title="heat on a scale of nats under the peak">log</button>
    <button data-switch="points" title="the means of all held-out images; a click on one chooses it">points</button>
  </div>`;

export class Controls {
  // All of them lie somewhere within `root`.
  constructor(root) {
    this.root = root;
  }

  // Those that a latent space of k dimensions has.
  load(k) {
    const only = (there, ...selectors) => {
      for (const selector of selectors) this.root.querySelector(selector).hidden = !there;
    };
    only(k === 2, '[data-switch="log"]', '[role="radiogroup"][aria-label="heat"]', '[data-switch="full"]');
    only(k <= 2, ".eb-contours", '[aria-label="view"]');
  }

  show(state) {
    for (const name of ["view", "heat"])
      for (const button of this.root.querySelectorAll(`button[data-${name}]`)) button.setAttribute("aria-checked", String(button.dataset[name] === state[name]));
    for (const button of this.root.querySelectorAll("[data-switch]")) button.setAttribute("aria-pressed", String(state[button.dataset.switch]));
    this.root.querySelector(".eb-reset").hidden = !state.moved;
  }
}
