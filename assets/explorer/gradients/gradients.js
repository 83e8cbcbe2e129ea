// The Gradients page: five sections, of which one is shown. Independent of Streamlit.

/** @import { ModelSource } from "./posterior.js" */
/** @import { Changed, Chosen, Tab } from "./state.js" */
/** @import { TargetName, TargetSpec } from "./targets.js" */

import { find } from "../core/dom.js";
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

/** @type {Record<Tab, string>} */
const NAMES = {
  fit: "Fit",
  variance: "Variance",
  trick: "The trick, drawn",
  divergences: "Reverse and forward KL",
  code: "The loss as code",
};

export class Gradients extends Page {
  /**
   * @param {HTMLElement} root
   * @param {object} sources
   * @param {string} sources.code URL that executes the loss
   * @param {[id: string, name: string][]} sources.models whose loss can be executed
   * @param {ModelSource | null} sources.posteriors the model whose posteriors can be targets
   */
  constructor(root, { code, models, posteriors }) {
    super(root, "gr");
    this.posteriors = posteriors && new Posteriors(posteriors);
    this.state = new GradState();
    /** @type {TargetSpec | null} */
    this.posterior = null;
    this.started = false;
    /** @type {number | undefined} */
    this.startedAt = undefined;
    /** @param {Tab} name */
    const tab = (name) =>
      `<button role="tab" data-tab="${name}" id="gr-tab-${name}" aria-controls="gr-${name}">${NAMES[name]}</button>`;
    /** @param {Tab} name */
    const panel = (name) =>
      `<section role="tabpanel" class="gr-view" id="gr-${name}" aria-labelledby="gr-tab-${name}" hidden></section>`;
    root.innerHTML = `<nav class="gr-tabs" role="tablist" aria-label="sections">${TABS.map(tab).join("")}</nav><p class="gr-message gr-lost" role="status" hidden></p>${TABS.map(panel).join("")}`;
    this.fill();
    this.views = this.makeViews(code, models);
    this.sections = new Sections(this.views);
    this.listen();
    this.state.subscribe((changed) => this.changed(changed));
  }

  /**
   * @param {string} code
   * @param {[id: string, name: string][]} models
   */
  makeViews(code, models) {
    /** @param {Tab} name */
    const at = (name) => find(this.root, `#gr-${name}`);
    return {
      fit: new FitView(at("fit"), this),
      variance: new VarianceView(at("variance"), this),
      trick: new TrickView(at("trick"), this),
      divergences: new TwoView(at("divergences"), this),
      code: new CodeView(at("code"), this, code, models),
    };
  }

  /**
   * Shows what the link states.
   * @param {string} katex URL of KaTeX's folder
   */
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

  /**
   * Fetches the target of a link; replaces it by the initial one where that fails.
   * @param {Chosen} said
   */
  async prepare(said) {
    if (said.target !== POSTERIOR) return;
    try {
      if (!this.posteriors) throw new Error("no model is known");
      this.posterior = (await this.posteriors.fetch(said.image)) ?? this.posterior;
    } catch (error) {
      this.posterior = null;
      console.warn(error);
    }
    if (!this.posterior) said.target = GradState.read("").target;
  }

  /**
   * The chosen target.
   * @returns {TargetSpec}
   */
  get spec() {
    const { target } = this.state;
    // a posterior is chosen only after it has been fetched
    return target === POSTERIOR ? /** @type {TargetSpec} */ (this.posterior) : TARGETS[target];
  }

  /**
   * Chooses another target, with a learning rate that suits it.
   * @param {TargetName} target
   * @param {number} image
   */
  async choose(target, image) {
    try {
      if (target === POSTERIOR) {
        if (!this.posteriors) throw new Error("no model is known");
        const found = await this.posteriors.fetch(image);
        if (!found) return; // a newer choice has replaced this one
        this.posterior = found;
      }
      this.say("");
      const { rate } = GradState.read("");
      this.state.set({ target, image, rate: (target === POSTERIOR && this.posterior?.rate) || rate });
    } catch (error) {
      this.say(sentence(error));
      this.wake(); // the list shows the current target again
    }
  }

  /** @param {string} message */
  say(message) {
    const element = find(this.root, ".gr-lost");
    element.textContent = message;
    element.hidden = !message;
  }

  /** @param {string} hash */
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

  /** @param {Changed} changed */
  changed(changed) {
    this.touched();
    for (const view of [this.views.fit, this.views.divergences]) if (view.target) view.changed(changed);
    if (changed.has("tab")) this.showTab();
  }

  /** To be called after every user input: measures the time until the next picture, and updates the link. */
  touched() {
    this.startedAt ??= performance.now();
    this.link.save();
    this.wake();
  }

  showTab() {
    const { tab } = this.state;
    for (const name of TABS) {
      find(this.root, `#gr-${name}`).hidden = name !== tab;
      const button = find(this.root, `[data-tab="${name}"]`);
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
    const tabs = find(this.root, ".gr-tabs");
    const open = (/** @type {MouseEvent} */ { target }) => {
      const tab = TABS.find((name) => target instanceof HTMLElement && name === target.dataset.tab);
      if (tab) this.state.set({ tab });
    };
    tabs.addEventListener("click", open, { signal });
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

  /** @param {number} now */
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

/** @param {string} hash */
const paramsOf = (hash) => new URLSearchParams(hash.replace(/^#/, ""));
