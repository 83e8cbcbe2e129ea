// The legend: one button per class. A click hides or shows the class, a double click shows it alone, or all again. It
// scrolls where it is long; many classes can be searched, and folded away.

import { find } from "../core/dom.js";
import { classColour } from "../plot/palette.js";

/** @typedef {{ hidden: number[], set(patch: { hidden: number[] }): void }} LegendState the classes that are not shown */

export const MANY = 24; // classes from which on there is a search

export class Legend {
  /**
   * @param {HTMLElement} root
   * @param {LegendState} state
   */
  constructor(root, state) {
    this.root = root;
    this.state = state;
    /** @type {string[]} */
    this.classes = [];
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
    /** @type {HTMLButtonElement | null} */
    this.foldButton = null;
  }

  /**
   * @param {string[]} classes
   * @param {boolean} [ordered]
   */
  load(classes, ordered = false) {
    this.classes = classes;
    this.buttons = classes.map((name, c) => this.button(name, c, classColour(c, classes.length, ordered)));
    if (classes.length > MANY) this.root.replaceChildren(this.head(), this.list());
    else this.root.replaceChildren(...this.buttons);
    this.show();
  }

  /**
   * @param {string} name
   * @param {number} c
   * @param {string} colour
   */
  button(name, c, colour) {
    const button = document.createElement("button");
    button.innerHTML = `<i style="background:${colour}"></i>`;
    button.append(Object.assign(document.createElement("span"), { textContent: name }));
    button.title = `${name}\nclick: hide or show; double click: only this class, or all`;
    button.addEventListener("click", (event) => (event.detail > 1 ? this.isolate([c]) : this.toggle(c)));
    return button;
  }

  list() {
    const list = Object.assign(document.createElement("div"), { className: "er-legend-list" });
    list.append(...this.buttons);
    return list;
  }

  /** A button with the number of classes, which folds them away, and the search. */
  head() {
    const head = Object.assign(document.createElement("div"), { className: "er-legend-head" });
    head.innerHTML = `<button class="er-fold" title="fold the list of classes away, or unfold it">${this.classes.length} classes</button>
      <input type="search" placeholder="find a class" aria-label="find a class" title="Enter: only the classes found, or all">`;
    const fold = find(head, "button", HTMLButtonElement);
    const search = find(head, "input", HTMLInputElement);
    fold.addEventListener("click", () => this.fold(!("folded" in this.root.dataset)));
    search.addEventListener("input", () => this.find(search.value));
    search.addEventListener("keydown", (event) => this.key(event, search));
    this.foldButton = fold;
    this.fold("folded" in this.root.dataset);
    return head;
  }

  /** @param {boolean} folded */
  fold(folded) {
    this.root.toggleAttribute("data-folded", folded);
    this.foldButton?.setAttribute("aria-expanded", String(!folded));
  }

  /**
   * Lists only the classes whose names contain `text`.
   * @param {string} text
   */
  find(text) {
    const wanted = text.trim().toLocaleLowerCase();
    this.buttons.forEach((button, c) => {
      button.hidden = !this.classes[c].toLocaleLowerCase().includes(wanted);
    });
    this.fold(false);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLInputElement} search
   */
  key(event, search) {
    if (event.key === "Escape") {
      search.value = "";
      this.find("");
    } else if (event.key === "Enter") {
      const found = this.buttons.map((_, c) => c).filter((c) => !this.buttons[c].hidden);
      if (found.length) this.isolate(found);
    }
  }

  /** @param {number} c */
  toggle(c) {
    const { hidden } = this.state;
    this.state.set({ hidden: hidden.includes(c) ? hidden.filter((h) => h !== c) : [...hidden, c] });
  }

  /**
   * Shows only `classes`, or all where no other class is shown. The first click of a double click has toggled its class
   * already, so only the other classes can tell.
   * @param {number[]} classes
   */
  isolate(classes) {
    const others = this.buttons.map((_, c) => c).filter((c) => !classes.includes(c));
    const alone = others.every((c) => this.state.hidden.includes(c));
    this.state.set({ hidden: alone ? [] : others });
  }

  /** Shows on the buttons which classes are hidden. */
  show() {
    this.buttons.forEach((button, c) => {
      button.setAttribute("aria-pressed", String(!this.state.hidden.includes(c)));
    });
  }
}
