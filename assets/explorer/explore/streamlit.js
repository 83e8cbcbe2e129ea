// The explorer as a Streamlit component.

/** @import { Place } from "../core/link-hash.js" */
/** @import { Component } from "../core/streamlit-component.js" */

import { address, viewIn } from "../core/streamlit-component.js";
import { Explorer } from "./explorer.js";

/**
 * What the server sends: where in the address the explorer stands, and addresses below the app's root.
 * @typedef {object} ExplorerData
 * @property {Place} place
 * @property {string} frame
 * @property {string} plotly
 * @property {string | null} [encoder] latents alone have none
 * @property {string | null} [tsne] none where there are too many points
 */

/** @param {Component<ExplorerData>} component */
export async function mount({ parentElement, data }) {
  let isNew = false;
  const explorer = viewIn(
    parentElement,
    (root) => {
      isNew = true;
      return new Explorer(root);
    },
    data.place,
  );
  if (!explorer) return;
  const { encoder, tsne } = data;
  explorer.tsneAddress = tsne && address(tsne);
  await explorer.load(address(data.frame), encoder ? async () => address(encoder) : null);
  if (isNew) await explorer.plotWith(() => loadPlotly(address(data.plotly)));
}

/**
 * @param {string} url
 * @returns {Promise<PlotlyLibrary>}
 */
function loadPlotly(url) {
  return new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const failed = () => reject(new Error("Plotly could not be loaded; reload the page."));
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : failed());
    script.onerror = failed;
    document.head.append(script);
  });
}
