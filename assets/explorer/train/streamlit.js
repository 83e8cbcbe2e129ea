// The live view as a Streamlit component.

import { viewIn } from "../core/streamlit-component.js";
import { Live } from "./live.js";
import { renameKey } from "./session.js";

// `data` = { place, run, compare, token, renamed }: where in the address it stands, the run, one to compare it with, the key
// that steers it, and the two names of a run that was given another.
export function mount({ parentElement, data: { place, run, compare, token, renamed }, setTriggerValue }) {
  if (renamed) renameKey(...renamed);
  const shown = { run, compare, token };
  const onAction = (message) => setTriggerValue?.("done", message);
  viewIn(parentElement, (root) => new Live(root, { ...shown, base: document.baseURI, onAction }), place)?.update(shown);
}
