// The explorer in a page of its own, which carries all that it needs. `unpack(name, type)` gives the address of a part.

import { Explorer } from "./explorer.js";

export async function start(root, unpack, hasEncoder) {
  const explorer = new Explorer(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => explorer.retheme());
  const frame = (name) => unpack(name, "application/octet-stream");
  await explorer.load(await frame("frame"), hasEncoder ? () => frame("encoder") : null);
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
