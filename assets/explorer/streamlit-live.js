// The live view as a Streamlit component (v2): `mount` is called whenever its data or the theme changes.

import { Live } from "./live.js";

const views = new WeakMap();

// `data` = { run, compare, token }: the run, one to compare it with, and the key that steers it.
export function mount({ parentElement, data, setTriggerValue }) {
  const shown = { run: data.run, compare: data.compare, token: data.token };
  const root = parentElement.querySelector(".er-root");
  if (!root) return;
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  const known = views.get(root);
  if (known && !known.live.destroyed) {
    if (known.background !== background) known.live.retheme();
    known.background = background;
    known.live.update(shown);
    return;
  }
  const onAction = (message) => setTriggerValue?.("done", message);
  views.set(root, { background, live: new Live(root, { ...shown, base: document.baseURI, onAction }) });
}
