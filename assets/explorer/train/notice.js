// One sentence above the map, with buttons for what can be done about it.

/** @import { ActionOptions, ServerAction } from "./protocol.js" */

const STAYS = 6000; // ms
const STAYS_TO_ACT = 20_000; // ms, of a sentence with buttons

/**
 * What a button can do: an action of the server, a request to the trainer, or something that the page itself does.
 * @typedef {ServerAction | "save" | "finish" | "restore" | "undo" | "link" | "key" | "download"} PageAction
 */

/** @typedef {ActionOptions & { number?: number }} PageActionOptions `number` of the saved state to restore */

/** @typedef {[label: string, action: PageAction, options: PageActionOptions]} NoticeButton */

/**
 * @typedef {object} NoticeContent
 * @property {string} text
 * @property {NoticeButton[]} [actions]
 * @property {[label: string, address: string]} [link] the address is relative to the app's root
 * @property {boolean} [bad] whether it is about a failure
 */

export class Notice {
  /**
   * @param {HTMLElement} root
   * @param {string} base the app's root address
   * @param {object} on
   * @param {(name: PageAction, more: PageActionOptions) => void} on.act a button was pressed
   * @param {() => void} on.ended a temporary sentence has ended
   */
  constructor(root, base, { act, ended }) {
    this.root = root;
    this.base = base;
    this.ended = ended;
    /** @type {Pick<NoticeContent, "text" | "actions"> | null} */
    this.announced = null; // a temporary sentence
    this.shown = "null"; // the content, as JSON
    /** @type {number | undefined} */
    this.timer = undefined;
    root.addEventListener("click", ({ target }) => {
      if (!(target instanceof HTMLElement)) return;
      const { act: name, more } = target.dataset;
      if (name) act(/** @type {PageAction} */ (name), JSON.parse(more ?? "{}")); // of a button that `show` has made
    });
  }

  /**
   * Shows a temporary sentence. With buttons it stays longer, so that there is time to press one.
   * @param {string} text
   * @param {NoticeButton[]} [actions]
   */
  announce(text, actions) {
    this.announced = { text, actions };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.end(), actions ? STAYS_TO_ACT : STAYS);
  }

  /** Ends a temporary sentence with buttons: what they offer is not possible any more. */
  withdraw() {
    if (this.announced?.actions) this.end();
  }

  end() {
    this.announced = null;
    clearTimeout(this.timer);
    this.ended();
  }

  /**
   * Shows the temporary sentence, else the usual one, if there is any.
   * @param {NoticeContent | null} usual
   */
  show(usual) {
    /** @type {NoticeContent | null} */
    const now = this.announced ?? usual;
    const shown = JSON.stringify(now);
    if (shown === this.shown) return;
    this.shown = shown;
    const { root } = this;
    root.hidden = !now;
    if (!now) return;
    root.classList.toggle("page-bad", Boolean(now.bad));
    root.textContent = now.text;
    for (const [label, act, more] of now.actions ?? []) {
      const button = Object.assign(document.createElement("button"), { textContent: label });
      button.dataset.act = act;
      button.dataset.more = JSON.stringify(more);
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
