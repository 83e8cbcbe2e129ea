// The picture beside the button that starts a first run, as a Streamlit component.

import { address, viewIn } from "../core/streamlit-component.js";
import { Overture } from "./overture.js";

// `data` = { frame }: the address of a model's frame below the app's root.
export function mount({ parentElement, data: { frame } }) {
  viewIn(parentElement, (root) => new Overture(root, address(frame)));
}
