// The controls of the page of a path: buttons, the choice of the factor that the colours show, and keys.

/** @import { PathView } from "./path-view.js" */
/** @import { Switch, ViewName, ZonesShown } from "./state.js" */

import { findAll } from "../core/dom.js";
import { LONGEST } from "./state.js";
import { anotherPair } from "./why.js";

export class KlControls {
  /** @param {PathView} pathView */
  constructor(pathView) {
    const { page, path, forces } = pathView;
    this.pathView = pathView;
    page.$('[data-switch="forces"]').hidden = !forces;
    page.$('[data-switch="manifold"]').hidden = path.k < 2;
    page.$(".kl-colour").hidden = path.factors.names.length < 2;
    this.select = page.$(".kl-colour select", HTMLSelectElement);
    this.select.replaceChildren(...path.factors.names.map((name, i) => new Option(name, String(i))));
    this.listener = new AbortController();
    this.listen();
  }

  listen() {
    const { page } = this.pathView;
    const { signal } = this.listener;
    page.$(".page-main").addEventListener(
      "click",
      ({ target }) => {
        if (target instanceof HTMLElement) this.choose(target.dataset);
      },
      { signal },
    );
    page.$(".page-fit").addEventListener("click", () => this.pathView.release(), { signal });
    const colour = () => this.pathView.state.set({ colour: Number(this.select.value), hidden: [], search: "" });
    this.select.addEventListener("change", colour, { signal });
    const legend = page.$(".er-legend");
    for (const type of ["click", "input", "keydown"])
      legend.addEventListener(type, () => this.readLegend(), { signal });
    const another = () => this.pathView.state.set({ pair: anotherPair(this.pathView.path) });
    page.$(".kl-pair").addEventListener("click", another, { signal });
    page.listenToKeys((event) => this.key(event), { signal });
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
    const isArrow = (key === "ArrowLeft" || key === "ArrowRight") && !isSlider;
    if (key === "Escape" && state.pinned && !page.isTaken("map"))
      state.set({ z: this.pathView.z, pinned: false, point: -1 }, event.timeStamp);
    else if (key === " " && target.tagName !== "BUTTON" && !page.isTaken("play"))
      page.slider.play(!page.slider.playing);
    else if (isArrow && !page.isTaken("beta")) page.slider.step(key === "ArrowRight" ? 1 : -1, event.timeStamp);
    else return;
    event.preventDefault();
  }

  /** Reads whether the legend is folded away, and what is searched for. */
  readLegend() {
    const { root, search } = this.legend;
    if (search) this.pathView.state.set({ folded: "folded" in root.dataset, search: search.value.slice(0, LONGEST) });
  }

  /** Folds the legend away, or lists the classes that are searched for. */
  showFound() {
    const { state, legend } = this.pathView;
    const { search } = this.legend;
    if (!search) return;
    if (search.value !== state.search) search.value = state.search;
    legend.find(state.search);
    legend.fold(state.folded);
  }

  /** The legend, and the search in it, which a long one has. */
  get legend() {
    const root = this.pathView.page.$(".er-legend");
    return { root, search: root.querySelector("input") };
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
    page.$(".page-maps").hidden = why;
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
