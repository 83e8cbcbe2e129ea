// The page of the bound as a Streamlit component (v2): `mount` is called whenever its data or the theme changes.

import { Elbo } from "./elbo.js";

const views = new WeakMap();

// `data` = { frame, encoder, evidence, katex, table }: addresses below the app's root; table may be null.
export function mount({ parentElement, data }) {
  const root = parentElement.querySelector(".er-root");
  if (!root) return;
  const address = (path) => path && new URL(path, document.baseURI).href;
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  let known = views.get(root);
  if (!known || known.elbo.destroyed) views.set(root, (known = { elbo: new Elbo(root), background }));
  if (known.background !== background) known.elbo.retheme();
  known.background = background;
  const names = ["frame", "encoder", "evidence", "katex", "table"];
  known.elbo.load(Object.fromEntries(names.map((name) => [name, address(data[name])])));
}
