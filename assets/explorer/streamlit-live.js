// The live view as a Streamlit component.

import { Live } from "./live.js";
import { renameKey } from "./session.js";
import { viewIn } from "./streamlit-view.js";

// `data` = { run, compare, token, renamed }: the run, one to compare it with, the key that steers it, and the two names
// of a run that was given another.
export function mount({ parentElement, data: { run, compare, token, renamed }, setTriggerValue }) {
  if (renamed) renameKey(...renamed);
  const shown = { run, compare, token };
  const onAction = (message) => setTriggerValue?.("done", message);
  viewIn(parentElement, (root) => new Live(root, { ...shown, base: document.baseURI, onAction }))?.update(shown);
}
