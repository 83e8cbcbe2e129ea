// The Gradients page as a Streamlit component.

/** @import { Place } from "../core/link-hash.js" */
/** @import { ModelSource } from "./posterior.js" */

import { address, viewIn } from "../core/streamlit-component.js";
import { Gradients } from "./gradients.js";

/**
 * What the server sends; addresses are below the app's root.
 * @typedef {object} GradientsData
 * @property {Place} place the page that the link belongs to
 * @property {string} katex address of KaTeX's folder
 * @property {string} code address that executes the loss
 * @property {[id: string, name: string][]} models whose loss can be executed
 * @property {ModelSource | null} posteriors the model whose posteriors can be targets
 */

/** @param {{ parentElement: HTMLElement, data: GradientsData }} component */
export function mount({ parentElement, data: { place, katex, code, models, posteriors: of } }) {
  const posteriors = of && { ...of, frame: address(of.frame), evidence: address(of.evidence) };
  /** @param {HTMLElement} root */
  const make = (root) => new Gradients(root, { code: address(code), models, posteriors });
  viewIn(parentElement, make, place)?.load(address(katex));
}
