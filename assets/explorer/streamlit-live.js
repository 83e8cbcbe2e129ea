// The live view as a Streamlit component.

import { Live } from "./live.js";
import { viewIn } from "./streamlit-view.js";

// `data` = { run, compare, token }: the run, one to compare it with, and the key that steers it.
export function mount({ parentElement, data: { run, compare, token }, setTriggerValue }) {
  const shown = { run, compare, token };
  const onAction = (message) => setTriggerValue?.("done", message);
  viewIn(parentElement, (root) => new Live(root, { ...shown, base: document.baseURI, onAction }))?.update(shown);
}
