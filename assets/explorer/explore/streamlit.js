// The explorer as a Streamlit component.

import { address, viewIn } from "../core/streamlit-component.js";
import { Explorer } from "./explorer.js";

// `data` = { place, frame, encoder, tsne, plotly }: where in the address it stands, and addresses below the app's root; latents alone have no encoder.
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
  explorer.tsneAddress = address(data.tsne);
  await explorer.load(address(data.frame), data.encoder && (async () => address(data.encoder)));
  if (isNew) await explorer.plotWith(() => loadPlotly(address(data.plotly)));
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
