// Colours of the densities. A density and its term of the ELBO have the same colour on the map, in the bar and in the formulas.

import { rgb, theme } from "../plot/palette.js";

const LIGHT = { prior: "#1971c2", likelihood: "#c2410c", q: "#9c36b5" };
const DARK = { prior: "#74c0fc", likelihood: "#ff922b", q: "#e599f7" };

/**
 * The theme's colours of the page with those of the densities; the posterior has the accent colour. Also sets them as the
 * CSS variables `--eb-…` of `root`.
 * @typedef {ReturnType<typeof elboTheme>} ElboColours
 * @param {HTMLElement} root
 */
export function elboTheme(root) {
  const page = theme(root);
  const [red, green, blue] = rgb(page.background);
  const own = 0.3 * red + 0.6 * green + 0.1 * blue > 128 ? LIGHT : DARK;
  for (const [name, colour] of Object.entries(own)) root.style.setProperty(`--eb-${name}`, colour);
  root.style.setProperty("--eb-posterior", page.accent);
  return { ...page, ...own, posterior: page.accent };
}
