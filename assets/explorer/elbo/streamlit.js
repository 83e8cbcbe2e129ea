// The page of the bound as a Streamlit component.

import { address, viewIn } from "../core/streamlit-component.js";
import { Elbo } from "./elbo.js";

// `data` = { place, frame, encoder, evidence, katex, table }: where in the address it stands, and addresses below the app's root;
// table may be null.
export function mount({ parentElement, data }) {
  const names = ["frame", "encoder", "evidence", "katex", "table"];
  viewIn(parentElement, (root) => new Elbo(root), data.place)?.load(
    Object.fromEntries(names.map((name) => [name, address(data[name])])),
  );
}
