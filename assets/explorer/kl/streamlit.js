// The view of a beta path as a Streamlit component.

/** @import { Place } from "../core/link-hash.js" */
/** @import { Component } from "../core/streamlit-component.js" */

import { address, viewIn } from "../core/streamlit-component.js";
import { Kl } from "./kl.js";

/**
 * Streamlit calls this whenever the component's data or the theme has changed.
 *
 * `place` is where in the address the view stands; `frame` and `decoders` are addresses below the app's root, the latter with
 * {stop} in place of the number of a stop.
 * @param {Component<{ place: Place, frame: string, decoders: string }>} component
 */
export function mount({ parentElement, data }) {
  const decoder = (/** @type {number} */ stop) => address(data.decoders.replace("{stop}", String(stop)));
  viewIn(parentElement, (root) => new Kl(root), data.place)?.load(address(data.frame), decoder);
}
