// The only file that knows Streamlit: a component (v2) calls `mount` whenever its data or the theme changes.

import { Explorer } from "./explorer.js";

const explorers = new WeakMap();

export async function mount({ parentElement, data }) {
  const root = parentElement.querySelector(".er-root");
  if (!root) return;
  const address = (path) => new URL(path, document.baseURI).href;
  const encoder = data.encoder && (async () => address(data.encoder));
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  const known = explorers.get(root);
  if (known) {
    if (known.background !== background) known.explorer.retheme();
    known.background = background;
    known.explorer.tsneAddress = address(data.tsne);
    return known.explorer.load(address(data.frame), encoder);
  }
  const explorer = new Explorer(root);
  explorer.tsneAddress = address(data.tsne);
  explorers.set(root, { explorer, background });
  await explorer.load(address(data.frame), encoder);
  await explorer.plotWith(() => loadPlotly(address(data.plotly)));
}

function loadPlotly(url) {
  return new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("Plotly could not be loaded; reload the page."));
    document.head.append(script);
  });
}
