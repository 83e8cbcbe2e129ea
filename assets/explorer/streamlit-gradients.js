// The Gradients page as a Streamlit component (v2): `mount` is called whenever its data or the theme changes.

import { Gradients } from "./grad.js";

const views = new WeakMap();

// `data` = { katex, code, models }: addresses below the app's root, and [id, name] of the models for the code.
export function mount({ parentElement, data }) {
  const root = parentElement.querySelector(".er-root");
  if (!root) return;
  const address = (path) => new URL(path, document.baseURI).href;
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  const known = views.get(root);
  if (!known || known.page.destroyed) {
    const page = new Gradients(root, { katex: address(data.katex), code: address(data.code), models: data.models });
    views.set(root, { page, background });
    return;
  }
  if (known.background !== background) known.page.retheme();
  known.background = background;
}
