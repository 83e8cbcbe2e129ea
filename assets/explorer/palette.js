// Colours. The first ten are Petroff's (2021) sequence, made by measurement for viewers with any colour vision.

const PETROFF = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"];

// Class → colour, the same on every page. Beyond ten classes hues go round the circle at two lightnesses.
export function classColour(i, count) {
  if (count <= PETROFF.length) return PETROFF[i];
  return `hsl(${Math.round((360 * i * 7) / count) % 360} 65% ${i % 2 ? 60 : 42}%)`;
}

const parsed = new Map();

// Colour → [r, g, b] in 0–255, through the browser's own parser.
export function rgb(colour) {
  if (!parsed.has(colour)) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    parsed.set(colour, [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
  }
  return parsed.get(colour);
}

export const faded = (colour, alpha) => `rgba(${rgb(colour).join(", ")}, ${alpha})`;

// The colours of the page as it is now, light or dark.
export function theme(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  return {
    text: read("--st-text-color", "#1c2733"),
    background: read("--st-background-color", "#ffffff"),
    accent: read("--st-primary-color", "#0b7285"),
    font: read("--st-font", "system-ui, sans-serif"),
  };
}
