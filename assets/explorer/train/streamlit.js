// The live view as a Streamlit component.

import { viewIn } from "../core/streamlit-component.js";
import { Live } from "./live.js";
import { renameKey } from "./session.js";

/** @import { Place } from "../core/link-hash.js" */
/** @import { Component } from "../core/streamlit-component.js" */
/** @import { DoneMessage } from "./protocol.js" */

/**
 * @typedef {object} LiveData
 * @property {Place} place of the view in the address
 * @property {string} run
 * @property {string | null} compare a second run beside it
 * @property {string | null} token the key that steers the run
 * @property {[from: string, to: string] | null} renamed old and new name of a run that has just been renamed
 */

/** @param {Component<LiveData>} component */
export function mount({ parentElement, data: { place, run, compare, token, renamed }, setTriggerValue }) {
  if (renamed) renameKey(...renamed);
  const shown = { run, compare, token };
  const onAction = (/** @type {DoneMessage} */ message) => setTriggerValue?.("done", message);
  viewIn(parentElement, (root) => new Live(root, { ...shown, base: document.baseURI, onAction }), place)?.update(shown);
}
