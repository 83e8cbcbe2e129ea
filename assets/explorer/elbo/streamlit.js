// The ELBO page as a Streamlit component.

/** @import { Place } from "../core/link-hash.js" */

import { address, viewIn } from "../core/streamlit-component.js";
import { Elbo } from "./elbo.js";

/**
 * Streamlit calls this whenever the component's data or the theme changes.
 * @param {{ parentElement: HTMLElement, data: { place: Place, frame: string, encoder: string, evidence: string,
 *   katex: string, table: string | null } }} component `place` is the page's place in the address; the others are paths
 *   below the app's root
 */
export function mount({ parentElement, data }) {
  viewIn(parentElement, (root) => new Elbo(root), data.place)?.load({
    frame: address(data.frame),
    encoder: address(data.encoder),
    evidence: address(data.evidence),
    katex: address(data.katex),
    table: data.table && address(data.table),
  });
}
