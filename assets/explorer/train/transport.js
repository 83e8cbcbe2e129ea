// The buttons and keys that steer a run: pause, one step, one epoch, slow motion, rewind, finish, and a menu. They show what
// was requested at once.

import { find, findAll } from "../core/dom.js";
import { whole } from "../core/format.js";
import { BUSY } from "./session.js";

/** @import { PageAction, PageActionOptions } from "./notice.js" */
/** @import { ControlRequest, RunState, SavedState } from "./protocol.js" */

/**
 * @typedef {object} TransportState
 * @property {RunState | "gone" | ""} state "" before the first message
 * @property {boolean} alive
 * @property {boolean} paused
 * @property {number | null} [pace] steps a second at most; null: no limit
 * @property {boolean} steer whether this page may steer the run
 * @property {string} download address of the model
 * @property {SavedState[]} kept
 */

const ICONS = {
  pause: "M5 3h4v14H5zM11 3h4v14h-4z",
  play: "M5 3l12 7-12 7z",
  step: "M4 4l9 6-9 6zM14 4h3v12h-3z",
  epoch: "M2 4l7 6-7 6zM9 4l6 6-6 6zM16 4h2.5v12H16z",
  rewind: "M18 4l-7 6 7 6zM11 4l-7 6 7 6zM1.5 4H4v12H1.5z",
  finish: "M4 4h12v12H4z",
};
/** @type {[pace: number | null, text: string][]} */
const PACES = [
  [null, "full"],
  [100, "100"],
  [20, "20"],
  [5, "5"],
  [1, "1"],
];
const icon = (/** @type {keyof typeof ICONS} */ name) =>
  `<svg viewBox="0 0 20 20" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
/** @type {Record<string, string>} key → the control that it presses */
const CONTROLS = { " ": "play", ArrowRight: "step", "Shift ArrowRight": "epoch", Home: "rewind" };
/** @type {Record<string, string>} */
const REASONS = {
  rewind: "as it was before a rewind",
  finish: "as it was before it was finished",
  return: "as it was before another state was returned to",
};

export class Transport {
  /**
   * @param {HTMLElement} root
   * @param {object} on
   * @param {(change: ControlRequest) => void} on.request a request to the trainer
   * @param {(name: PageAction, more?: PageActionOptions) => void} on.act an action that may ask first, or of the menu
   */
  constructor(root, on) {
    this.root = root;
    this.on = on;
    root.innerHTML = `
      <button data-do="toggle" data-control="play" class="page-play" title="space"></button>
      <button data-do="step" data-control="step" title="one step, then wait (→)">${icon("step")}step</button>
      <button data-do="epoch" data-control="epoch" title="one epoch, then wait (Shift →)">${icon("epoch")}epoch</button>
      <div class="page-pace" data-control="speed" role="radiogroup" aria-label="speed, steps a second at most"><span>steps/s</span>${PACES.map(
        ([pace, text]) =>
          `<button role="radio" data-pace="${pace ?? ""}" title="${pace ? `slow motion: ${text} steps a second` : "full speed"}">${text}</button>`,
      ).join("")}</div>
      <button data-do="rewind" data-control="rewind" title="back to the start: same weights, same batches (Home, on the map). What was trained so far is kept and can be returned to.">${icon("rewind")}rewind</button>
      <button data-do="finish" data-control="finish" title="stop here, evaluate on the test images, and keep the model (asks first)">${icon("finish")}finish</button>
      <details class="page-more" data-control="more"><summary>more</summary><div role="menu">
        <div class="page-kept"></div>
        <button data-act="fork" title="a copy of this run that goes its own way">fork this run</button>
        <button data-act="keep" title="keep it among the models that Explore offers">save into the gallery</button>
        <button data-act="save" title="write a checkpoint now">save a checkpoint</button>
        <a data-act="download" download>download the model</a>
        <button data-act="link" title="a page that follows this run, for an audience">copy link for followers</button>
        <button data-act="key" title="whoever has the key can steer">copy the key</button>
      </div></details>`;
    root.addEventListener("click", ({ target }) => {
      const button = target instanceof Element ? target.closest("button, a") : null;
      if (button instanceof HTMLElement) this.click(button);
    });
    this.paused = false;
    this.enabled = false; // a process trains the run
    this.canResume = false; // no process trains it, and one can be started
    this.shown = ""; // the state, as JSON
  }

  /** @param {HTMLElement} button a button or a link */
  click(button) {
    if (button instanceof HTMLButtonElement && button.disabled) return;
    const { do: what, pace, act, kept } = button.dataset;
    if (what === "toggle") this.toggle();
    else if (what === "finish") this.on.act("finish");
    else if (what) this.on.request(/** @type {ControlRequest} */ ({ [what]: true }));
    else if (pace !== undefined) this.on.request({ pace: pace ? Number(pace) : null });
    else if (act) {
      find(this.root, ".page-more", HTMLDetailsElement).open = false;
      this.on.act(/** @type {PageAction} */ (act), kept ? { number: Number(kept) } : {});
    }
  }

  toggle() {
    if (this.canResume) this.on.act("resume");
    else if (this.enabled) this.on.request(this.paused ? { resume: true } : { pause: true });
  }

  /**
   * Handles a key of the page; true where it steers a run. The key for a rewind works on the map only.
   * @param {KeyboardEvent} event
   * @param {boolean} onMap
   * @param {(control: string) => boolean} reacts whether a control is neither locked nor hidden
   */
  key(event, onMap, reacts) {
    if (event.ctrlKey || event.metaKey || event.altKey || (!this.enabled && !this.canResume)) return false;
    const name = CONTROLS[event.key === "ArrowRight" && event.shiftKey ? "Shift ArrowRight" : event.key];
    if (!name || !reacts(name) || (name === "rewind" && !onMap)) return false;
    if (name === "play") this.toggle();
    else if (!this.enabled) return false;
    else this.on.request(/** @type {ControlRequest} */ ({ [name]: true }));
    return true;
  }

  /** @param {TransportState} now */
  show({ state, alive, paused, pace, steer, download, kept }) {
    const shown = JSON.stringify([state, alive, paused, pace, steer, download, kept]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.paused = paused;
    this.enabled = steer && alive && BUSY.includes(state);
    this.canResume = steer && !alive && ["paused", "failed"].includes(state);
    const play = find(this.root, ".page-play", HTMLButtonElement);
    const goes = this.enabled ? paused : state !== "running";
    play.innerHTML = goes ? `${icon("play")}${this.canResume ? "Resume" : "Play"}` : `${icon("pause")}Pause`;
    play.disabled = !this.enabled && !this.canResume;
    for (const button of findAll(this.root, "[data-do]:not(.page-play), [data-pace]", HTMLButtonElement))
      button.disabled = !this.enabled;
    for (const button of findAll(this.root, "[data-pace]"))
      button.setAttribute("aria-checked", String(button.dataset.pace === String(pace ?? "")));
    const act = (/** @type {string} */ name) => find(this.root, `[data-act="${name}"]`, HTMLButtonElement);
    for (const name of ["fork", "keep", "key"]) act(name).disabled = !steer;
    act("save").disabled = !this.enabled;
    find(this.root, '[data-act="download"]', HTMLAnchorElement).href = download;
    find(this.root, ".page-kept").replaceChildren(...(steer ? kept : []).map((state) => this.keptButton(state)));
  }

  /** @param {SavedState} state */
  keptButton({ number, reason, step }) {
    const textContent = this.enabled ? `return to step ${whole(step)}` : `go on from step ${whole(step)}`;
    const button = Object.assign(document.createElement("button"), {
      textContent,
      title: `${REASONS[reason] ?? "as it was kept"}${this.enabled ? "" : ", as a run of its own"}`,
    });
    button.dataset.act = "restore";
    button.dataset.kept = String(number);
    return button;
  }
}
