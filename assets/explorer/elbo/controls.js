// The page's HTML, and its buttons: the view, the contours, the heat, the family of q, the tabs.

import { find, findAll } from "../core/dom.js";
import { SWITCHES } from "./state.js";

/** @import { ElboState } from "./state.js" */

const DENSITY_NAMES = [
  ["prior", "p(z)"],
  ["likelihood", "p(x|z)"],
  ["posterior", "p(z|x)"],
];

/** @type {(name: string, label: string, values: string[][]) => string} */
const choice = (name, label, values) =>
  `<div class="page-choice" data-control="${name}" role="radiogroup" aria-label="${label}"><span>${label}</span>${values.map(([key, text]) => `<button role="radio" data-${name}="${key}">${text}</button>`).join("")}</div>`;

const OPTIONS = `
  <div class="page-bar eb-options">
    ${choice("view", "view", [
      ["posterior", "posterior"],
      ["plane", "whole plane"],
    ])}
    <div class="page-choice eb-contours" data-control="contours" role="group" aria-label="contours"><span>contours</span>${DENSITY_NAMES.map(([key, text]) => `<button data-switch="${key}" data-control="contour-${key}" class="eb-of-${key}" title="${key}: contours">${text}</button>`).join("")}</div>
    ${choice("heat", "heat", [...DENSITY_NAMES, ["none", "none"]])}
    <button data-switch="log" data-control="log" title="heat on a scale of nats under the peak">log</button>
    <button data-switch="points" data-control="points" title="the means of all held-out images; a click on one chooses it">points</button>
    <button class="page-fit" data-control="fit" title="look where the page looks by itself (double click on the map)" hidden>fit</button>
  </div>`;

const TABS = [
  ["derivation", "derivation"],
  ["gaps", "inference gap"],
  ["weights", "importance weights"],
  ["images", "test set"],
];

export const HTML = `
<div class="page-main">
  <div class="eb-choose"><div class="eb-strip" data-control="examples"></div><button class="eb-draw" data-control="draw" aria-expanded="false" title="draw an image of your own">draw …</button></div>
  ${OPTIONS}
  <div class="page-stage"><div class="page-maps" data-control="map"></div>
    <p class="eb-key"></p>
    <div class="eb-peek" hidden><canvas></canvas><span></span></div>
    <div class="eb-pad" data-control="pad" hidden><div class="eb-pad-room"></div></div>
    <div class="er-message eb-message" role="status">Loading the model …</div><p class="eb-wait" role="status" hidden></p></div>
  <div class="eb-bar" data-control="bar"></div>
</div>
<aside class="eb-side">
  <section class="eb-image" data-control="image" aria-label="chosen image"></section>
  <div class="eb-tabs" data-control="tabs" role="tablist" aria-label="about this image">${TABS.map(([key, name]) => `<button role="tab" id="eb-tab-${key}" aria-controls="eb-${key}" data-tab="${key}" data-control="tab-${key}">${name}</button>`).join("")}</div>
  ${TABS.map(([key]) => `<section class="eb-panel eb-${key}" data-control="panel-${key}" role="tabpanel" id="eb-${key}" aria-labelledby="eb-tab-${key}" data-panel="${key}"></section>`).join("")}
</aside>`;

export class ElboControls {
  /** @param {HTMLElement} root contains all of them */
  constructor(root) {
    this.root = root;
  }

  /**
   * Shows the buttons that apply to `k` latent dimensions.
   * @param {number} k
   */
  load(k) {
    /** @type {(there: boolean, ...selectors: string[]) => void} */
    const only = (there, ...selectors) => {
      for (const selector of selectors) find(this.root, selector).hidden = !there;
    };
    only(k === 2, '[data-switch="log"]', '[role="radiogroup"][aria-label="heat"]', '[data-switch="full"]');
    only(k <= 2, ".eb-contours", '[aria-label="view"]', '[data-tab="gaps"]');
  }

  /** @param {ElboState} state */
  show(state) {
    for (const name of /** @type {const} */ (["view", "heat"]))
      for (const button of findAll(this.root, `button[data-${name}]`))
        button.setAttribute("aria-checked", String(button.dataset[name] === state[name]));
    for (const name of SWITCHES)
      for (const button of findAll(this.root, `[data-switch="${name}"]`))
        button.setAttribute("aria-pressed", String(state[name]));
    for (const tab of findAll(this.root, "[data-tab]")) {
      const chosen = tab.dataset.tab === state.tab;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    for (const panel of findAll(this.root, "[data-panel]")) panel.hidden = panel.dataset.panel !== state.tab;
    find(this.root, ".eb-reset").hidden = !state.moved;
  }
}
