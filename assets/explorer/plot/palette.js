// Colours. The ten of the classes were found by making the smallest difference between any two (OKLab distance) as large
// as possible under full colour vision and under simulated protanopia, deuteranopia and tritanopia (Machado et al. 2009),
// all of them readable on white and on the dark background. Digits that are mistaken for each other lie furthest apart.

import { contextOf } from "../core/dom.js";

/** @typedef {[red: number, green: number, blue: number]} Rgb each from 0 to 255 */

/**
 * The colours and the font of the page's theme.
 * @typedef {object} Colours
 * @property {string} text
 * @property {string} background
 * @property {string} accent
 * @property {string} font family
 */

const TEN = [
  "#d45d74",
  "#bd9708",
  "#96aff0",
  "#8c4384",
  "#0999b2",
  "#a275fd",
  "#2754dd",
  "#07e3c7",
  "#f9b373",
  "#ad3113",
];

// The colours of ordered classes, from dark to light (viridis, without its ends).
const RAMP = ["#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39"];

/**
 * The colour of class i of `count`, the same on every page. With more than ten classes the hues go round the colour circle
 * at two lightnesses.
 * @param {number} i
 * @param {number} count
 * @param {boolean} [ordered] whether the classes have an order, as the values of a factor do
 */
export function classColour(i, count, ordered = false) {
  if (ordered) return ramp(i / Math.max(1, count - 1));
  if (count <= TEN.length) return TEN[i];
  const stride = count % 7 ? 7 : 11; // no divisor of the count, so that no hue comes twice
  return `hsl(${Math.round((360 * i * stride) / count) % 360} 65% ${i % 2 ? 60 : 42}%)`;
}

/** @param {number} share from 0 to 1 */
function ramp(share) {
  const at = share * (RAMP.length - 1);
  const low = Math.min(RAMP.length - 2, Math.floor(at));
  const [from, to] = [low, low + 1].map((i) => [1, 3, 5].map((c) => parseInt(RAMP[i].slice(c, c + 2), 16)));
  return `rgb(${from.map((c, i) => Math.round(c + (at - low) * (to[i] - c))).join(" ")})`;
}

/** @type {Map<string, Rgb>} */
const parsed = new Map();

/**
 * The channels of any CSS colour. The browser parses it, once for each colour.
 * @param {string} colour
 */
export function rgb(colour) {
  const known = parsed.get(colour);
  if (known) return known;
  const context = contextOf(new OffscreenCanvas(1, 1), { willReadFrequently: true });
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  /** @type {Rgb} */
  const channels = [red, green, blue];
  parsed.set(colour, channels);
  return channels;
}

// The colour of theoretical values that are drawn beside measured ones; kl.css repeats it.
export const THEORY = "#e8890c";

/**
 * @param {string} colour
 * @param {number} alpha
 */
export const faded = (colour, alpha) => `rgba(${rgb(colour).join(", ")}, ${alpha})`;

/**
 * The colours of the page's theme as it is now, light or dark.
 * @param {Element} element
 * @returns {Colours}
 */
export function theme(element) {
  const style = getComputedStyle(element);
  const read = (/** @type {string} */ name, /** @type {string} */ fallback) =>
    style.getPropertyValue(name).trim() || fallback;
  return {
    text: read("--st-text-color", "#1c2733"),
    background: read("--st-background-color", "#ffffff"),
    accent: read("--st-primary-color", "#0b7285"),
    font: read("--st-font", "system-ui, sans-serif"),
  };
}

const AA = 4.5; // the least contrast of text (WCAG 2)

/**
 * A colour for text: `colour`, mixed with just as much of the page's text colour as makes it readable on the background.
 * @param {string} colour
 * @param {Pick<Colours, "background" | "text">} colours
 */
export function readable(colour, { background, text }) {
  const [from, to, ground] = [rgb(colour), rgb(text), luminance(rgb(background))];
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = from.map((c, i) => c + share * (to[i] - c));
    const [low, high] = [ground, luminance(mixed)].sort((a, b) => a - b);
    if ((high + 0.05) / (low + 0.05) >= AA) return `rgb(${mixed.map(Math.round).join(" ")})`;
  }
  return text;
}

/**
 * Relative luminance, from 0 to 1 (WCAG 2).
 * @param {number[]} colour
 */
function luminance(colour) {
  const [red, green, blue] = colour.map((c) => (c <= 10 ? c / 3294 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

// The colours that Plotly calls Viridis.
const VIRIDIS = [
  "#440154",
  "#48186a",
  "#472d7b",
  "#424086",
  "#3b528b",
  "#33638d",
  "#2c728e",
  "#26828e",
  "#21918c",
  "#1fa088",
  "#28ae80",
  "#3fbc73",
  "#5ec962",
  "#84d44b",
  "#addc30",
  "#d8e219",
  "#fde725",
].map(channels);

// The part of that scale, from 0 to 1, that stays visible on a dark or a bright background.
const VISIBLE = { dark: [0.22, 1], bright: [0, 0.9] };

/**
 * A value from 0 to 1 as [r, g, b], on a background of colour `ground`.
 * @param {number} share
 * @param {string} ground
 */
export function viridis(share, ground) {
  const [from, to] = VISIBLE[luminance(rgb(ground)) < 0.2 ? "dark" : "bright"];
  const at = (from + share * (to - from)) * (VIRIDIS.length - 1);
  const low = Math.min(VIRIDIS.length - 2, Math.floor(at));
  return VIRIDIS[low].map((channel, c) => channel + (at - low) * (VIRIDIS[low + 1][c] - channel));
}

/**
 * The same scale in Plotly's format.
 * @param {string} ground
 * @returns {[share: number, colour: string][]}
 */
export function colorscale(ground) {
  const last = VIRIDIS.length - 1;
  return VIRIDIS.map((_, i) => [
    i / last,
    `rgb(${viridis(i / last, ground)
      .map(Math.round)
      .join(", ")})`,
  ]);
}

/** @param {string} hex "#rrggbb" */
function channels(hex) {
  return [1, 3, 5].map((c) => parseInt(hex.slice(c, c + 2), 16));
}
