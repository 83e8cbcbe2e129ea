// Arrow keys go from tab to tab of a row, Home and End to its ends, as users of screen readers expect it.

import { findAll } from "../core/dom.js";

/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

/**
 * Opens a tab by clicking on it.
 * @param {HTMLElement} row the tablist; its tabs are buttons
 */
export function walkTabs(row) {
  row.addEventListener("keydown", (event) => {
    const tabs = findAll(row, '[role="tab"]', HTMLButtonElement).filter(
      (tab) => !tab.disabled && !tab.inert && tab.checkVisibility(),
    );
    const at = event.target instanceof HTMLButtonElement ? tabs.indexOf(event.target) : -1;
    const step = STEPS[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    const next = Number.isFinite(step) ? (at + step + tabs.length) % tabs.length : step < 0 ? 0 : tabs.length - 1;
    tabs[next].focus();
    tabs[next].click();
  });
}
