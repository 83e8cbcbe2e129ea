// The page of the bound as a Streamlit component.

import { Elbo } from "./elbo.js";
import { address, viewIn } from "./streamlit-view.js";

// `data` = { frame, encoder, evidence, katex, table }: addresses below the app's root; table may be null.
export function mount({ parentElement, data }) {
  const names = ["frame", "encoder", "evidence", "katex", "table"];
  viewIn(parentElement, (root) => new Elbo(root))?.load(Object.fromEntries(names.map((name) => [name, address(data[name])])));
}
