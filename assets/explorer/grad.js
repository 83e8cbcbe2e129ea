// The Gradients page: five sections, of which one is shown. Knows nothing of Streamlit.

import { fetchKatex } from "./formula.js";
import { CodeView } from "./grad-code-view.js";
import { FitView } from "./grad-fit-view.js";
import { GradState, TABS } from "./grad-state.js";
import { TrickView } from "./grad-trick-view.js";
import { TwoView } from "./grad-two-view.js";
import { VarianceView } from "./grad-variance-view.js";
import { afterPaint, measure } from "./timing.js";

const NAMES = { fit: "Fit", variance: "Variance", trick: "The trick, drawn", divergences: "Reverse and forward KL", code: "The loss as code" };
const HASH_EVERY = 250; // ms between two changes of the address: browsers allow no more than a few a second

export class Gradients {
  // `katex` and `code` are addresses, `models` = [[id, name]].
  constructor(root, { katex, code, models }) {
    this.root = root;
    this.state = new GradState();
    root.classList.add("er", "lv", "gr");
    const tab = (name) => `<button role="tab" data-tab="${name}" id="gr-tab-${name}" aria-controls="gr-${name}">${NAMES[name]}</button>`;
    const panel = (name) => `<section role="tabpanel" class="gr-view" id="gr-${name}" aria-labelledby="gr-tab-${name}" hidden></section>`;
    root.innerHTML = `<nav class="gr-tabs" role="tablist">${TABS.map(tab).join("")}</nav>${TABS.map(panel).join("")}`;
    this.fill();
    this.views = this.makeViews(code, models);
    this.listen();
    this.state.subscribe((changed) => this.changed(changed));
    fetchKatex(katex).then(() => this.begin());
  }

  makeViews(code, models) {
    const at = (name) => this.root.querySelector(`#gr-${name}`);
    return {
      fit: new FitView(at("fit"), this), variance: new VarianceView(at("variance"), this), trick: new TrickView(at("trick"), this),
      divergences: new TwoView(at("divergences"), this), code: new CodeView(at("code"), this, code, models),
    };
  }

  begin() {
    if (this.destroyed) return;
    Object.assign(this.state, GradState.read(linkHash()));
    this.showTab();
    this.root.dataset.ready = "";
    performance.mark("elbo-room:interactive");
  }

  get view() {
    return this.views[this.state.tab];
  }

  changed(changed) {
    this.startedAt ??= performance.now();
    for (const view of Object.values(this.views)) if (view.target) view.changed(changed);
    if (changed.has("tab")) this.showTab();
    this.saveHashSoon();
    this.wake();
  }

  showTab() {
    const { tab } = this.state;
    for (const name of TABS) {
      this.root.querySelector(`#gr-${name}`).hidden = name !== tab;
      const button = this.root.querySelector(`[data-tab="${name}"]`);
      button.setAttribute("aria-selected", String(name === tab));
      button.tabIndex = name === tab ? 0 : -1;
    }
    this.view.shown();
    this.wake();
  }

  listen() {
    this.listener = new AbortController();
    const { signal } = this.listener;
    const tabs = this.root.querySelector(".gr-tabs");
    tabs.addEventListener("click", ({ target }) => target.dataset.tab && this.state.set({ tab: target.dataset.tab }), { signal });
    tabs.addEventListener("keydown", (event) => this.walkTabs(event), { signal });
    window.addEventListener("hashchange", () => this.state.set(GradState.read(location.hash)), { signal });
    window.addEventListener("resize", () => this.resized(), { signal });
  }

  walkTabs(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const tab = TABS[(TABS.indexOf(this.state.tab) + way + TABS.length) % TABS.length];
    this.state.set({ tab });
    this.root.querySelector(`[data-tab="${tab}"]`).focus();
  }

  resized() {
    this.fill();
    this.view.retheme();
    this.wake();
  }

  // The page ends where the window does.
  fill() {
    this.root.style.setProperty("--er-top", `${Math.round(this.root.getBoundingClientRect().top + window.scrollY + 10)}px`);
  }

  retheme() {
    for (const view of Object.values(this.views)) view.retheme();
    this.wake();
  }

  wake() {
    if (!this.destroyed) this.request ??= requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.request = null;
    if (!this.root.isConnected) return this.destroy(); // the page has moved on to another
    if (!("ready" in this.root.dataset)) return;
    const started = this.startedAt;
    this.startedAt = undefined;
    const more = this.view.tick(now);
    if (started !== undefined) afterPaint(() => measure("elbo-room:input-to-paint", started));
    if (more) this.wake();
  }

  destroy() {
    this.destroyed = true;
    this.listener.abort();
  }

  saveHashSoon() {
    if (this.hashTimer) return;
    this.hashTimer = setTimeout(() => {
      this.hashTimer = null;
      if (this.destroyed || !this.root.isConnected) return;
      const hash = this.state.toHash();
      history.replaceState(history.state, "", `${location.pathname}${location.search}${hash && `#${hash}`}`);
    }, HASH_EVERY);
  }
}

let opening = true;

// What stands behind the "#"; on opening the page, what stood there before Streamlit dropped it.
function linkHash() {
  const [navigation] = performance.getEntriesByType("navigation");
  const opened = opening && navigation ? new URL(navigation.name) : null;
  opening = false;
  return location.hash || (opened?.pathname === location.pathname ? opened.hash : "");
}
