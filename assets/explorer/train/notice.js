// One sentence above the map, with what can be done about it.

const STAYS = 6000; // ms
const STAYS_TO_ACT = 20_000;

export class Notice {
  // `base` is the app's root address; `act(name, more)`: a button is pressed; `passed()`: a sentence has been there long enough.
  constructor(root, base, { act, passed }) {
    this.root = root;
    this.base = base;
    this.passed = passed;
    this.told = null;
    this.shown = "null";
    root.addEventListener(
      "click",
      ({ target }) => target.dataset.act && act(target.dataset.act, JSON.parse(target.dataset.more)),
    );
  }

  // A sentence that goes away by itself; with `actions` (see `show`) it stays for as long as a hand may need.
  tell(text, actions) {
    this.told = { text, actions };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.end(), actions ? STAYS_TO_ACT : STAYS);
  }

  // What could be done a moment ago can be done no more.
  untell() {
    if (this.told?.actions) this.end();
  }

  end() {
    this.told = null;
    clearTimeout(this.timer);
    this.passed();
  }

  // What was told a moment ago, else `usual`: { text, actions, link, bad } or null.
  show(usual) {
    const now = this.told ?? usual;
    const shown = JSON.stringify(now);
    if (shown === this.shown) return;
    this.shown = shown;
    const { root } = this;
    root.hidden = !now;
    if (!now) return;
    root.classList.toggle("lv-bad", Boolean(now.bad));
    root.textContent = now.text;
    for (const [label, act, more] of now.actions ?? []) {
      const button = Object.assign(document.createElement("button"), { textContent: label });
      Object.assign(button.dataset, { act, more: JSON.stringify(more) });
      root.append(button);
    }
    if (now.link)
      root.append(
        Object.assign(document.createElement("a"), {
          textContent: now.link[0],
          href: new URL(now.link[1], this.base).href,
        }),
      );
  }
}
