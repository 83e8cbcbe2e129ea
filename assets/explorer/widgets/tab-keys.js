// Arrow keys go from tab to tab of a row, Home and End to its ends, as readers of screens expect it.

const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

// `row` is the tablist; whatever opens a tab is its click.
export function walkTabs(row) {
  row.addEventListener("keydown", (event) => {
    const tabs = [...row.querySelectorAll('[role="tab"]')].filter((tab) => !tab.disabled && !tab.hidden);
    const [at, step] = [tabs.indexOf(event.target), STEPS[event.key]];
    if (at < 0 || !step) return;
    event.preventDefault();
    const next = Number.isFinite(step) ? (at + step + tabs.length) % tabs.length : step < 0 ? 0 : tabs.length - 1;
    tabs[next].focus();
    tabs[next].click();
  });
}
