// The Gradients page: five sections, of which one is shown. Independent of Streamlit.

/** @import { ModelSource } from "./posterior.js" */
/** @import { Description } from "../core/view.js" */
/** @import { Choices, Tab } from "./fields.js" */
/** @import { Changed } from "./state.js" */
/** @import { TargetName, TargetSpec } from "./targets.js" */

import { find } from "../core/dom.js";
import { Page } from "../core/page.js";
import { afterPaint, measure } from "../core/timing.js";
import { descriptionOf } from "../core/view.js";
import { sentence } from "../data/evidence.js";
import { fetchKatex } from "../plot/formula.js";
import { walkTabs } from "../widgets/tab-keys.js";
import { CodeView } from "./code-view.js";
import { TABS } from "./fields.js";
import { FitView } from "./fit-view.js";
import { Gaussian } from "./gaussian.js";
import { movement } from "./movement.js";
import { PosteriorSource } from "./posterior.js";
import { GradState, INITIAL, isFull } from "./state.js";
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
    this.posteriors = posteriors && new PosteriorSource(posteriors);
    this.state = new GradState();
    /** @type {TargetSpec | null} */
    this.posterior = null;
    this.posteriorImage = -1; // the image of `posterior`
    this.models = models.map(([id]) => id);
    this.requests = 0; // for a target: a newer one replaces those before it
    this.loading = 0; // how much is being fetched
    /** @type {number | null} the frame in which an animation goes on */
    this.animation = null;
    this.started = false;
    /** @type {number | undefined} */
    this.startedAt = undefined;
    /** @param {Tab} name */
    const tab = (name) =>
      `<button role="tab" data-tab="${name}" data-control="tab-${name}" id="gr-tab-${name}" aria-controls="gr-${name}">${NAMES[name]}</button>`;
    /** @param {Tab} name */
    const panel = (name) =>
      `<section role="tabpanel" class="gr-view" id="gr-${name}" aria-labelledby="gr-tab-${name}" hidden></section>`;
    root.innerHTML = `<nav class="gr-tabs" data-control="tabs" role="tablist" aria-label="sections">${TABS.map(tab).join("")}</nav><p class="gr-message gr-lost" role="status" hidden></p>${TABS.map(panel).join("")}`;
    this.fill();
    this.views = this.makeViews(code, models);
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
    const description = descriptionOf(this.link.begin() ?? "");
    const number = ++this.requests;
    this.loading++;
    try {
      const [known] = await Promise.all([this.prepare(description, number), fetchKatex(katex)]);
      if (this.destroyed) return;
      this.state.set(GradState.read(known ?? description));
    } catch (error) {
      console.error(error);
      return this.say("The formulas could not be loaded. Reload the page.");
    } finally {
      this.loading--;
    }
    this.showTab();
    this.root.dataset.ready = "";
    this.link.save();
    performance.mark("elbo-room:interactive");
  }

  // --- the interface of a view -----------------------------------------------------------------------------------------

  describe() {
    return this.state.describe();
  }

  /**
   * @param {Description} state
   * @param {{ ms?: number }} [options]
   */
  async apply(state, options) {
    if (!("ready" in this.root.dataset)) return super.apply(state, options);
    const number = ++this.requests;
    this.motion?.abort();
    let known = /** @type {Description | null} */ (state);
    if (this.isFetched(GradState.read(state))) {
      this.loading++;
      known = await this.prepare(state, number);
      this.loading--;
    }
    if (known && number === this.requests && !this.destroyed) return super.apply(known, options);
    await this.settled(); // a newer choice has replaced this one
  }

  /** @param {Description} description */
  go(description) {
    if (!("ready" in this.root.dataset)) return null;
    const from = this.state.values;
    const to = this.known(GradState.read(description));
    this.say("");
    for (const view of [this.views.fit, this.views.divergences]) if (view.playing) view.play(false);
    const { begin, at } = movement(from, to, (values) => this.startOf(values));
    this.state.set(begin);
    return (/** @type {number} */ share) => {
      this.state.set(share < 1 ? at(share) : to);
      if (share === 1) this.link.save();
    };
  }

  isBusy() {
    return this.loading > 0 || (this.started && "ready" in this.root.dataset && this.view.isBusy);
  }

  // --- the target ------------------------------------------------------------------------------------------------------

  /**
   * The target of the state.
   * @returns {TargetSpec}
   */
  get spec() {
    return this.specOf(this.state.values);
  }

  /**
   * @param {Pick<Choices, "target">} values
   * @returns {TargetSpec}
   */
  specOf({ target }) {
    // a posterior is chosen only after it has been fetched
    return target === POSTERIOR ? /** @type {TargetSpec} */ (this.posterior) : TARGETS[target];
  }

  /**
   * Where fits of the chosen target begin.
   * @param {Pick<Choices, "target" | "full">} values
   */
  startOf(values) {
    return Gaussian.diagonal(...this.specOf(values).start).as(isFull(values));
  }

  /**
   * Whether the target of these values has to be fetched first.
   * @param {Pick<Choices, "target" | "image">} values
   */
  isFetched({ target, image }) {
    return target === POSTERIOR && !(this.posterior && this.posteriorImage === image);
  }

  /**
   * Fetches the posterior of an image; false where a newer request has replaced this one.
   * @param {number} image
   * @param {number} number of the request
   */
  async fetchPosterior(image, number) {
    if (!this.posteriors) throw new Error("no model is known");
    const found = await this.posteriors.fetch(image);
    if (!found || number !== this.requests) return false;
    this.posterior = found;
    this.posteriorImage = image;
    return true;
  }

  /**
   * Fetches the target of a description. Returns the description, with the initial target where that fails, and null where
   * a newer request has replaced this one.
   * @param {Description} description
   * @param {number} number of the request
   * @returns {Promise<Description | null>}
   */
  async prepare(description, number) {
    const { target, image } = GradState.read(description);
    if (target !== POSTERIOR) return description;
    try {
      return (await this.fetchPosterior(image, number)) ? description : null;
    } catch (error) {
      console.warn(error);
      const { target: _unknown, ...rest } = description;
      return rest;
    }
  }

  /**
   * Chooses another target, with a learning rate that suits it.
   * @param {TargetName} target
   * @param {number} image
   */
  async choose(target, image) {
    const number = ++this.requests;
    this.loading++;
    try {
      if (target === POSTERIOR && !(await this.fetchPosterior(image, number))) return;
      this.say("");
      this.state.set({ target, image, lr: this.specOf({ target }).lr ?? INITIAL.lr });
      this.wake();
    } catch (error) {
      if (number !== this.requests) return;
      this.say(sentence(error));
      this.view.retheme(); // the list shows the current target again
      this.wake();
    } finally {
      this.loading--;
    }
  }

  /**
   * Chooses rho of the correlated Gaussian; fits by the two divergences that have begun go to their optimum at once.
   * @param {number} rho
   */
  setRho(rho) {
    this.state.set({ rho });
    if (this.state.values["divergences.steps"]) this.views.divergences.finish();
  }

  /**
   * The values, without a model that is not known here.
   * @param {Choices} values
   * @returns {Choices}
   */
  known(values) {
    const model = values["code.model"];
    return { ...values, "code.model": this.models.slice(1).includes(model) ? model : "" };
  }

  // --- the page --------------------------------------------------------------------------------------------------------

  /** @param {string} message */
  say(message) {
    const element = find(this.root, ".gr-lost");
    element.textContent = message;
    element.hidden = !message;
  }

  get view() {
    return this.views[this.state.values.tab];
  }

  /** @param {Changed} changed */
  changed(changed) {
    if (!this.view.playing) this.startedAt ??= performance.now(); // the time until the next picture is measured
    for (const view of Object.values(this.views)) view.changed(changed);
    if (changed.has("tab")) this.showTab();
    this.link.save();
    this.wake();
  }

  showTab() {
    const { tab } = this.state.values;
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
    if (more) this.animate();
  }

  /** Paints the next frame too; `settled` does not wait for it. */
  animate() {
    this.animation ??= requestAnimationFrame((now) => {
      this.animation = null;
      if (this.request === null && !this.destroyed) this.tick(now);
    });
  }
}
