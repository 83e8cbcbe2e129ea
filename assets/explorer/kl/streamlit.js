// The view of a beta path as a Streamlit component.

import { address, viewIn } from "../core/streamlit-component.js";
import { Kl } from "./kl.js";

// `data` = { place, frame, decoders }: where in the address it stands, and addresses below the app's root, the last with {stop}
// for the number of a stop.
export function mount({ parentElement, data }) {
  const decoder = (stop) => address(data.decoders.replace("{stop}", stop));
  viewIn(parentElement, (root) => new Kl(root), data.place)?.load(address(data.frame), decoder);
}
