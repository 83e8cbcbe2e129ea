// Pause, one step, one epoch, slow motion, rewind, finish: big, and on the keyboard. Shows at once what was asked for.

import { whole } from "../core/format.js";

const ICONS = {
  pause: "M5 3h4v14H5zM11 3h4v14h-4z",
  play: "M5 3l12 7-12 7z",
  step: "M4 4l9 6-9 6zM14 4h3v12h-3z",
  epoch: "M2 4l7 6-7 6zM9 4l6 6-6 6zM16 4h2.5v12H16z",
  rewind: "M18 4l-7 6 7 6zM11 4l-7 6 7 6zM1.5 4H4v12H1.5z",
  finish: "M4 4h12v12H4z",
};
const PACES = [
  [null, "full"],
  [100, "100"],
  [20, "20"],
  [5, "5"],
  [1, "1"],
];
const icon = (name) => `<svg viewBox="0 0 20 20" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
const KEPT = {
  rewind: "as it was before a rewind",
  finish: "as it was before it was finished",
  return: "as it was before another state was returned to",
};
const BUSY = ["queued", "running", "paused"];

export class Transport {
  // `on` = { ask(wanted), act(name, more) }; `act` is what asks first, or one of the further actions of the menu.
  constructor(root, on) {
    this.root = root;
    this.on = on;
    root.innerHTML = `
      <button data-do="toggle" class="lv-play" title="space"></button>
      <button data-do="step" title="one step, then wait (→)">${icon("step")}step</button>
      <button data-do="epoch" title="one epoch, then wait (Shift →)">${icon("epoch")}epoch</button>
      <div class="lv-pace" role="radiogroup" aria-label="speed, steps a second at most"><span>steps/s</span>${PACES.map(
        ([pace, text]) =>
          `<button role="radio" data-pace="${pace ?? ""}" title="${pace ? `slow motion: ${text} steps a second` : "full speed"}">${text}</button>`,
      ).join("")}</div>
      <button data-do="rewind" title="back to the start: same weights, same batches (Home, on the map). What was trained so far is kept and can be returned to.">${icon("rewind")}rewind</button>
      <button data-do="finish" title="stop here, evaluate on the test images, and keep the model (asks first)">${icon("finish")}finish</button>
      <details class="lv-more"><summary>more</summary><div role="menu">
        <div class="lv-kept"></div>
        <button data-act="fork" title="a copy of this run that goes its own way">fork this run</button>
        <button data-act="keep" title="keep it among the models that Explore offers">save into the gallery</button>
        <button data-act="save" title="write a checkpoint now">save a checkpoint</button>
        <a data-act="download" download>download the model</a>
        <button data-act="link" title="a page that follows this run, for an audience">copy link for followers</button>
        <button data-act="key" title="whoever has the key can steer">copy the key</button>
      </div></details>`;
    root.addEventListener("click", (event) => this.click(event.target.closest("button, a")));
    this.paused = false;
  }

  click(button) {
    if (!button || button.disabled) return;
    const { do: what, pace, act, kept } = button.dataset;
    if (what === "toggle") this.toggle();
    else if (what === "finish") this.on.act("finish");
    else if (what) this.on.ask({ [what]: true });
    else if (pace !== undefined) this.on.ask({ pace: pace ? Number(pace) : null });
    else if (act) {
      this.root.querySelector(".lv-more").open = false;
      this.on.act(act, kept ? { number: Number(kept) } : {});
    }
  }

  toggle() {
    if (this.canResume) this.on.act("resume");
    else if (this.enabled) this.on.ask(this.paused ? { resume: true } : { pause: true });
  }

  // The keys of the page; true where one was meant for a run. What begins anew is asked for `onMap` only.
  key(event, onMap) {
    if (event.ctrlKey || event.metaKey || event.altKey || (!this.enabled && !this.canResume)) return false;
    if (event.key === " ") this.toggle();
    else if (!this.enabled) return false;
    else if (event.key === "ArrowRight") this.on.ask(event.shiftKey ? { epoch: true } : { step: true });
    else if (event.key === "Home" && onMap) this.on.ask({ rewind: true });
    else return false;
    return true;
  }

  // `now` = { state, alive, paused, pace, steer, download, kept }
  show({ state, alive, paused, pace, steer, download, kept }) {
    const shown = JSON.stringify([state, alive, paused, pace, steer, download, kept]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.paused = paused;
    this.enabled = steer && alive && BUSY.includes(state);
    this.canResume = steer && !alive && ["paused", "failed"].includes(state);
    const play = this.root.querySelector(".lv-play");
    const goes = this.enabled ? paused : state !== "running";
    play.innerHTML = goes ? `${icon("play")}${this.canResume ? "Resume" : "Play"}` : `${icon("pause")}Pause`;
    play.disabled = !this.enabled && !this.canResume;
    for (const button of this.root.querySelectorAll("[data-do]:not(.lv-play), [data-pace]"))
      button.disabled = !this.enabled;
    for (const button of this.root.querySelectorAll("[data-pace]"))
      button.setAttribute("aria-checked", String(button.dataset.pace === String(pace ?? "")));
    const act = (name) => this.root.querySelector(`[data-act="${name}"]`);
    for (const name of ["fork", "keep", "key"]) act(name).disabled = !steer;
    act("save").disabled = !this.enabled;
    act("download").href = download;
    this.root.querySelector(".lv-kept").replaceChildren(...(steer ? kept : []).map((state) => this.keptButton(state)));
  }

  keptButton({ number, reason, step }) {
    const textContent = this.enabled ? `return to step ${whole(step)}` : `go on from step ${whole(step)}`;
    const button = Object.assign(document.createElement("button"), {
      textContent,
      title: `${KEPT[reason] ?? "as it was kept"}${this.enabled ? "" : ", as a run of its own"}`,
    });
    Object.assign(button.dataset, { act: "restore", kept: number });
    return button;
  }
}
