// The explorer in a page of its own, which contains everything that it needs.

import { Explorer } from "../explore/explorer.js";

/**
 * @param {HTMLElement} root its data-carries names the parts that the page contains
 * @param {string} frame the URL of the map's frame
 * @param {(name: string, type: string) => Promise<string>} unpack returns the URL of a part
 */
export async function start(root, frame, unpack) {
  const explorer = new Explorer(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => explorer.retheme());
  const carries = (root.dataset.carries ?? "").split(" ");
  await explorer.load(frame, carries.includes("encoder") ? () => unpack("encoder", "application/octet-stream") : null);
  await explorer.plotWith(async () => loadPlotly(await unpack("plotly", "text/javascript")));
}

/**
 * @param {string} address
 * @returns {Promise<PlotlyLibrary>}
 */
function loadPlotly(address) {
  return new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: address });
    const failed = () => reject(new Error("Plotly could not be loaded"));
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : failed());
    script.onerror = failed;
    document.head.append(script);
  });
}
