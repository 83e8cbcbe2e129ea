// The animation beside the button that starts a first run, as a Streamlit component.

import { address, viewIn } from "../core/streamlit-component.js";
import { Overture } from "./overture.js";

/** @import { Component } from "../core/streamlit-component.js" */

/** @param {Component<{ frame: string }>} component `frame`: address of a model's frame, relative to the app's root */
export function mount({ parentElement, data: { frame } }) {
  viewIn(parentElement, (root) => new Overture(root, address(frame)));
}
