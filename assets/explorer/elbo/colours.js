// One colour for a density and for the term of the bound that it stands in, on the map, in the bars and in the formulas.

import { rgb, theme } from "../plot/palette.js";

const LIGHT = { prior: "#1971c2", likelihood: "#c2410c", q: "#9c36b5" };
const DARK = { prior: "#74c0fc", likelihood: "#ff922b", q: "#e599f7" };

// The page's own colours with those of the densities; the posterior has the accent. Style sheets find them as --eb-….
export function elboTheme(root) {
  const page = theme(root);
  const [red, green, blue] = rgb(page.background);
  const own = 0.3 * red + 0.6 * green + 0.1 * blue > 128 ? LIGHT : DARK;
  for (const [name, colour] of Object.entries(own)) root.style.setProperty(`--eb-${name}`, colour);
  root.style.setProperty("--eb-posterior", page.accent);
  return { ...page, ...own, posterior: page.accent };
}
