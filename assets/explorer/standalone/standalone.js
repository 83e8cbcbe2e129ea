// The explorer in a page of its own, which carries all that it needs. `unpack(name, type)` gives the address of a part.

import { Explorer } from "../explore/explorer.js";

export async function start(root, frame, unpack) {
  const explorer = new Explorer(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => explorer.retheme());
  const carries = root.dataset.carries.split(" ");
  await explorer.load(frame, carries.includes("encoder") ? () => unpack("encoder", "application/octet-stream") : null);
  await explorer.plotWith(async () => loadPlotly(await unpack("plotly", "text/javascript")));
}

function loadPlotly(address) {
  return new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: address });
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("Plotly could not be loaded"));
    document.head.append(script);
  });
}
