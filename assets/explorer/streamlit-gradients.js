// The Gradients page as a Streamlit component (v2): `mount` is called whenever its data or the theme changes.

import { Gradients } from "./grad.js";

const views = new WeakMap();

// `data` = { katex, code, models, posteriors }: addresses below the app's root, [id, name] of the models for the code, and
// of one model its name and the addresses of its frame and of what is computed of its posteriors.
export function mount({ parentElement, data }) {
  const root = parentElement.querySelector(".er-root");
  if (!root) return;
  const address = (path) => new URL(path, document.baseURI).href;
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  const known = views.get(root);
  if (!known || known.page.destroyed) {
    const posteriors = data.posteriors && { ...data.posteriors, frame: address(data.posteriors.frame), evidence: address(data.posteriors.evidence) };
    const page = new Gradients(root, { katex: address(data.katex), code: address(data.code), models: data.models, posteriors });
    views.set(root, { page, background });
    return;
  }
  if (known.background !== background) known.page.retheme();
  known.background = background;
}
