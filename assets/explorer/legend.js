// The legend: one button a class. A click hides or shows it, a double click shows it alone, or all again.

import { classColour } from "./palette.js";

export class Legend {
  constructor(root, state) {
    this.root = root;
    this.state = state;
  }

  load(classes, ordered = false) {
    this.buttons = classes.map((name, c) => {
      const button = document.createElement("button");
      button.innerHTML = `<i style="background:${classColour(c, classes.length, ordered)}"></i>`;
      button.append(name);
      button.title = "click: hide or show; double click: only this class, or all";
      button.addEventListener("click", (event) => (event.detail > 1 ? this.isolate(c) : this.toggle(c)));
      return button;
    });
    this.root.replaceChildren(...this.buttons);
    this.show();
  }

  toggle(c) {
    const { hidden } = this.state;
    this.state.set({ hidden: hidden.includes(c) ? hidden.filter((h) => h !== c) : [...hidden, c] });
  }

  // The first click of the two has toggled the class, so "alone" is told by the others only.
  isolate(c) {
    const others = this.buttons.map((_, i) => i).filter((i) => i !== c);
    const alone = others.every((i) => this.state.hidden.includes(i));
    this.state.set({ hidden: alone ? [] : others });
  }

  show() {
    this.buttons.forEach((button, c) => button.setAttribute("aria-pressed", String(!this.state.hidden.includes(c))));
  }
}
