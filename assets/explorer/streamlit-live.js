// The live view as a Streamlit component (v2): `mount` is called whenever its data or the theme changes.

import { Live } from "./live.js";

const views = new WeakMap();

// `data` = { run, with, token }: the run, one to compare it with, and the key that steers it.
export function mount({ parentElement, data, setTriggerValue }) {
  const shown = { run: data.run, compare: data.with, token: data.token };
  const root = parentElement.querySelector(".er-root");
  if (!root) return undefined;
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  const known = views.get(root);
  if (known) {
    if (known.background !== background) known.live.retheme();
    known.background = background;
    return known.live.update(shown);
  }
  const onAction = (message) => setTriggerValue?.("done", message);
  views.set(root, { background, live: new Live(root, { ...shown, base: document.baseURI, onAction }) });
  return () => {
    views.get(root)?.live.destroy();
    views.delete(root);
  };
}
