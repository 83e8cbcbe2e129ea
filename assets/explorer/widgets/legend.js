// The legend: one button a class. A click hides or shows it, a double click shows it alone, or all again. It scrolls where
// it is long; many classes can be searched, and folded away.

import { classColour } from "../plot/palette.js";

const MANY = 24; // classes from which on there is a search

export class Legend {
  constructor(root, state) {
    this.root = root;
    this.state = state;
  }

  load(classes, ordered = false) {
    this.classes = classes;
    this.buttons = classes.map((name, c) => this.button(name, c, classColour(c, classes.length, ordered)));
    if (classes.length > MANY) this.root.replaceChildren(this.head(), this.list());
    else this.root.replaceChildren(...this.buttons);
    this.show();
  }

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

  // How many classes there are, which folds them away, and the search.
  head() {
    const head = Object.assign(document.createElement("div"), { className: "er-legend-head" });
    head.innerHTML = `<button class="er-fold" title="fold the list of classes away, or unfold it">${this.classes.length} classes</button>
      <input type="search" placeholder="find a class" aria-label="find a class" title="Enter: only the classes found, or all">`;
    const [fold, search] = head.children;
    fold.addEventListener("click", () => this.fold(!("folded" in this.root.dataset)));
    search.addEventListener("input", () => this.find(search.value));
    search.addEventListener("keydown", (event) => this.key(event));
    this.foldButton = fold;
    this.fold("folded" in this.root.dataset);
    return head;
  }

  fold(folded) {
    this.root.toggleAttribute("data-folded", folded);
    this.foldButton.setAttribute("aria-expanded", String(!folded));
  }

  // The classes whose names hold `text` are listed.
  find(text) {
    const wanted = text.trim().toLocaleLowerCase();
    this.buttons.forEach((button, c) => (button.hidden = !this.classes[c].toLocaleLowerCase().includes(wanted)));
    this.fold(false);
  }

  key(event) {
    if (event.key === "Escape") {
      event.target.value = "";
      this.find("");
    } else if (event.key === "Enter") {
      const found = this.buttons.map((_, c) => c).filter((c) => !this.buttons[c].hidden);
      if (found.length) this.isolate(found);
    }
  }

  toggle(c) {
    const { hidden } = this.state;
    this.state.set({ hidden: hidden.includes(c) ? hidden.filter((h) => h !== c) : [...hidden, c] });
  }

  // Only `classes`, or all where no other is shown. The first click of a double one has toggled its class, so that is told
  // by the others.
  isolate(classes) {
    const others = this.buttons.map((_, c) => c).filter((c) => !classes.includes(c));
    const alone = others.every((c) => this.state.hidden.includes(c));
    this.state.set({ hidden: alone ? [] : others });
  }

  show() {
    this.buttons.forEach((button, c) => button.setAttribute("aria-pressed", String(!this.state.hidden.includes(c))));
  }
}
