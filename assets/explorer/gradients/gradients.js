// The Gradients page: five sections, of which one is shown. Knows nothing of Streamlit.

import { Page } from "../core/page.js";
import { afterPaint, measure } from "../core/timing.js";
import { sentence } from "../data/evidence.js";
import { fetchKatex } from "../plot/formula.js";
import { walkTabs } from "../widgets/tab-keys.js";
import { CodeView } from "./code-view.js";
import { FitView } from "./fit-view.js";
import { Posteriors } from "./posterior.js";
import { Sections } from "./sections.js";
import { GradState, TABS } from "./state.js";
import { POSTERIOR, TARGETS } from "./targets.js";
import { TrickView } from "./trick-view.js";
import { TwoView } from "./two-view.js";
import { VarianceView } from "./variance-view.js";

const NAMES = {
  fit: "Fit",
  variance: "Variance",
  trick: "The trick, drawn",
  divergences: "Reverse and forward KL",
  code: "The loss as code",
};

export class Gradients extends Page {
  // `code` is an address, `models` = [[id, name]]; `posteriors` = { frame, evidence, name } of a model, or null.
  constructor(root, { code, models, posteriors }) {
    super(root, "gr");
    this.posteriors = posteriors && new Posteriors(posteriors);
    this.state = new GradState();
    const tab = (name) =>
      `<button role="tab" data-tab="${name}" id="gr-tab-${name}" aria-controls="gr-${name}">${NAMES[name]}</button>`;
    const panel = (name) =>
      `<section role="tabpanel" class="gr-view" id="gr-${name}" aria-labelledby="gr-tab-${name}" hidden></section>`;
    root.innerHTML = `<nav class="gr-tabs" role="tablist" aria-label="sections">${TABS.map(tab).join("")}</nav><p class="gr-message gr-lost" role="status" hidden></p>${TABS.map(panel).join("")}`;
    this.fill();
    this.views = this.makeViews(code, models);
    this.sections = new Sections(this.views);
    this.listen();
    this.state.subscribe((changed) => this.changed(changed));
  }

  makeViews(code, models) {
    const at = (name) => this.root.querySelector(`#gr-${name}`);
    return {
      fit: new FitView(at("fit"), this),
      variance: new VarianceView(at("variance"), this),
      trick: new TrickView(at("trick"), this),
      divergences: new TwoView(at("divergences"), this),
      code: new CodeView(at("code"), this, code, models),
    };
  }

  // Shows what the link says, with formulas set by what stands at the address `katex`.
  async load(katex) {
    if (this.started) return "ready" in this.root.dataset && this.link.arrive();
    this.started = true;
    const hash = this.link.begin() ?? "";
    const said = GradState.read(hash);
    try {
      await Promise.all([fetchKatex(katex), this.prepare(said)]);
    } catch (error) {
      console.error(error);
      return this.say("The formulas could not be loaded. Reload the page.");
    }
    if (this.destroyed) return;
    Object.assign(this.state, said);
    this.sections.read(paramsOf(hash));
    this.showTab();
    this.root.dataset.ready = "";
    this.link.save();
    performance.mark("elbo-room:interactive");
  }

  // The target that a link asks for; where it cannot be had, another is shown.
  async prepare(said) {
    if (said.target !== POSTERIOR) return;
    try {
      this.posterior = (await this.posteriors.fetch(said.image)) ?? this.posterior;
    } catch (error) {
      this.posterior = null;
      console.warn(error);
    }
    if (!this.posterior) said.target = GradState.read("").target;
  }

  // What there is to know of the target that is chosen.
  get spec() {
    return this.state.target === POSTERIOR ? this.posterior : TARGETS[this.state.target];
  }

  // Another target, at a learning rate that suits it.
  async choose(target, image) {
    try {
      if (target === POSTERIOR) {
        const found = await this.posteriors.fetch(image);
        if (!found) return; // another is chosen by now
        this.posterior = found;
      }
      this.say("");
      const { rate } = GradState.read("");
      this.state.set({ target, image, rate: (target === POSTERIOR && this.posterior.rate) || rate });
    } catch (error) {
      this.say(sentence(error));
      this.wake(); // the list shows again what is fitted
    }
  }

  say(message) {
    const element = this.root.querySelector(".gr-lost");
    element.textContent = message;
    element.hidden = !message;
  }

  async followLink(hash) {
    const said = GradState.read(hash);
    await this.prepare(said);
    this.state.set(said);
    this.sections.read(paramsOf(hash));
    this.showTab();
    this.link.save();
  }

  get view() {
    return this.views[this.state.tab];
  }

  changed(changed) {
    this.touched();
    for (const view of Object.values(this.views)) if (view.target) view.changed(changed);
    if (changed.has("tab")) this.showTab();
  }

  // A person has moved something: how long its picture takes is measured, and the link follows.
  touched() {
    this.startedAt ??= performance.now();
    this.link.save();
    this.wake();
  }

  showTab() {
    const { tab } = this.state;
    for (const name of TABS) {
      this.root.querySelector(`#gr-${name}`).hidden = name !== tab;
      const button = this.root.querySelector(`[data-tab="${name}"]`);
      button.setAttribute("aria-selected", String(name === tab));
      button.tabIndex = name === tab ? 0 : -1;
      if (name === tab) button.scrollIntoView({ block: "nearest", inline: "nearest" }); // on a phone not all fit in
    }
    this.view.shown();
    this.wake();
  }

  listen() {
    this.listener = new AbortController();
    const { signal } = this.listener;
    const tabs = this.root.querySelector(".gr-tabs");
    tabs.addEventListener("click", ({ target }) => target.dataset.tab && this.state.set({ tab: target.dataset.tab }), {
      signal,
    });
    walkTabs(tabs);
    window.addEventListener("resize", () => this.resized(), { signal });
  }

  resized() {
    this.fill();
    this.view.retheme();
    this.wake();
  }

  retheme() {
    for (const view of Object.values(this.views)) view.retheme();
    this.wake();
  }

  paint(now) {
    if (!("ready" in this.root.dataset)) return;
    const started = this.startedAt;
    this.startedAt = undefined;
    const more = this.view.tick(now);
    if (started !== undefined) afterPaint(() => measure("elbo-room:input-to-paint", started));
    if (more) this.wake();
  }

  hash() {
    const params = new URLSearchParams();
    this.state.write(params);
    this.sections.write(params);
    return params.toString().replaceAll("%2C", ",");
  }
}

const paramsOf = (hash) => new URLSearchParams(hash.replace(/^#/, ""));
