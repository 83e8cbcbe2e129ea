// The view of a beta path as a Streamlit component (v2): `mount` is called whenever its data or the theme changes.

import { Kl } from "./kl.js";

const views = new WeakMap();

// `data` = { frame, decoders }: addresses below the app's root, the latter with {stop} for the number of a stop.
export function mount({ parentElement, data }) {
  const root = parentElement.querySelector(".er-root");
  if (!root) return;
  const address = (path) => new URL(path, document.baseURI).href;
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  let known = views.get(root);
  if (!known || known.kl.destroyed) views.set(root, (known = { kl: new Kl(root), background }));
  if (known.background !== background) known.kl.retheme();
  known.background = background;
  known.kl.load(address(data.frame), (stop) => address(data.decoders.replace("{stop}", stop)));
}
