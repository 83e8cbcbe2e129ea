// The Gradients page as a Streamlit component.

import { address, viewIn } from "../core/streamlit-component.js";
import { Gradients } from "./gradients.js";

// `data` = { place, katex, code, models, posteriors }: where in the address it stands, addresses below the app's root, [id, name]
// of the models for the code, and of one model its name and the addresses of its frame and of what is computed of its posteriors.
export function mount({ parentElement, data: { place, katex, code, models, posteriors: of } }) {
  const posteriors = of && { ...of, frame: address(of.frame), evidence: address(of.evidence) };
  const make = (root) => new Gradients(root, { code: address(code), models, posteriors });
  viewIn(parentElement, make, place)?.load(address(katex));
}
