// The controls of the page of a path: buttons, the choice of the factor that the colours show, and keys.

/** @import { PathView } from "./path-view.js" */
/** @import { Switch, ViewName, ZonesShown } from "./state.js" */

import { findAll } from "../core/dom.js";
import { anotherPair } from "./why.js";

export class Controls {
  /** @param {PathView} pathView */
  constructor(pathView) {
    const { page, path, forces } = pathView;
    this.pathView = pathView;
    page.$('[data-switch="forces"]').hidden = !forces;
    page.$('[data-switch="manifold"]').hidden = path.k < 2;
    page.$(".kl-colour").hidden = path.kinds.names.length < 2;
    this.select = page.$(".kl-colour select", HTMLSelectElement);
    this.select.replaceChildren(...path.kinds.names.map((name, i) => new Option(name, String(i))));
    this.listener = new AbortController();
    this.listen();
  }

  listen() {
    const { page } = this.pathView;
    const { signal } = this.listener;
    page.$(".lv-main").addEventListener(
      "click",
      ({ target }) => {
        if (target instanceof HTMLElement) this.choose(target.dataset);
      },
      { signal },
    );
    page.$(".lv-fit").addEventListener("click", () => this.pathView.release(), { signal });
    this.select.addEventListener("change", () => this.pathView.colourBy(Number(this.select.value)), { signal });
    const another = () => this.pathView.state.set({ pair: anotherPair(this.pathView.path) });
    page.$(".kl-pair").addEventListener("click", another, { signal });
    document.addEventListener("keydown", (event) => this.key(event), { signal });
    window.addEventListener("resize", () => page.fill(), { signal });
  }

  /**
   * A click on a button of the page, whose data attributes say what it sets.
   * @param {DOMStringMap} data
   */
  choose({ zones, view, switch: name }) {
    const { state } = this.pathView;
    if (zones) state.set({ zones: /** @type {ZonesShown} */ (zones) });
    if (view) state.set({ view: /** @type {ViewName} */ (view) });
    if (name === "manifold" || name === "forces" || name === "fixed") state.set({ [name]: !state[name] });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { page, state } = this.pathView;
    const { target, key } = event;
    if (!page.root.isConnected || !(target instanceof Element)) return;
    if (target !== document.body && !page.root.contains(target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isSlider = target instanceof HTMLInputElement && target.type === "range";
    if (key === "Escape" && state.pinned) state.set({ pinned: false, point: -1 }, event.timeStamp);
    else if (key === " " && target.tagName !== "BUTTON") page.slider.play(!page.slider.playing);
    else if ((key === "ArrowLeft" || key === "ArrowRight") && !isSlider)
      page.slider.step(key === "ArrowRight" ? 1 : -1, event.timeStamp);
    else return;
    event.preventDefault();
  }

  /** Shows on the page's controls what is chosen, and hides what does not apply. */
  show() {
    const { page, state, forces } = this.pathView;
    const why = state.view === "why";
    for (const name of /** @type {const} */ (["zones", "view"]))
      for (const button of findAll(page.root, `[data-${name}]`))
        button.setAttribute("aria-checked", String(button.dataset[name] === state[name]));
    for (const button of findAll(page.root, "[data-switch]"))
      button.setAttribute("aria-pressed", String(state[/** @type {Switch} */ (button.dataset.switch)]));
    page.$(".lv-maps").hidden = why;
    page.$(".kl-why").hidden = !why;
    page.$(".kl-pair").hidden = !why;
    page.$('[data-switch="forces"]').hidden = why || !forces;
    page.$('[data-switch="fixed"]').hidden = why;
    page.root.classList.toggle("kl-whole", why);
    page.$(".kl-side").hidden = why;
    page.$(".kl-pull").hidden = !state.forces;
    page.$(".kl-images").hidden = state.forces;
  }

  close() {
    this.listener.abort();
  }
}
