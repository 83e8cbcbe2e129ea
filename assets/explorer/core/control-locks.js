// Controls that a lesson takes away for a while. Elements carry their names in `data-control`; several elements, also ones
// that are created later, may have the same name.

/** @typedef {"locked" | "hidden"} Way */

export class ControlLocks {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Record<Way, Set<string>>} */
    this.names = { locked: new Set(), hidden: new Set() };
    this.observer = new MutationObserver(() => this.update());
  }

  /** Names of the view's controls, each once. */
  all() {
    return [...new Set(this.elements().map(nameOf))];
  }

  /**
   * Locks or hides exactly these controls.
   * @param {Way} way
   * @param {string[]} names
   */
  set(way, names) {
    const known = this.all();
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined)
      throw new Error(`This view has no control "${unknown}"; it has ${known.join(", ") || "none"}.`);
    this.names[way] = new Set(names);
    this.observer.disconnect();
    this.update();
    if (this.names.locked.size || this.names.hidden.size)
      this.observer.observe(this.root, { childList: true, subtree: true });
  }

  update() {
    for (const element of this.elements()) {
      const name = nameOf(element);
      element.toggleAttribute("inert", this.names.locked.has(name));
      element.classList.toggle("er-taken", this.names.hidden.has(name));
    }
  }

  /** @returns {HTMLElement[]} */
  elements() {
    return [...this.root.querySelectorAll("[data-control]")].filter((each) => each instanceof HTMLElement);
  }

  disconnect() {
    this.observer.disconnect();
  }
}

/** @param {HTMLElement} element */
const nameOf = (element) => element.dataset.control ?? "";
