// Formulas in LaTeX, set by KaTeX.

/**
 * The part of KaTeX that is used here.
 * @typedef {object} Katex
 * @property {(tex: string, element: HTMLElement, options: KatexOptions) => void} render
 */

/**
 * @typedef {object} KatexOptions
 * @property {boolean} displayMode
 * @property {boolean} throwOnError
 * @property {boolean} strict
 * @property {(context: { command: string }) => boolean} trust
 */

/** @type {Promise<Katex> | null} */
let katex = null; // once it is asked for

/**
 * Loads KaTeX from the folder at `url`, once for a page; after a failure it can be asked for again.
 * @param {string} url
 */
export function fetchKatex(url) {
  katex ??= Promise.all([style(`${url}/katex.min.css`), import(`${url}/katex.min.js`)]).then(
    () => /** @type {Katex} */ (self.katex),
  );
  katex.catch(() => {
    katex = null;
  });
  return katex;
}

/** @param {string} href */
function style(href) {
  return new Promise((resolve) => {
    const link = Object.assign(document.createElement("link"), {
      rel: "stylesheet",
      href,
      onload: resolve,
      onerror: resolve,
    });
    document.head.append(link);
  });
}

/**
 * Sets `tex` in `element`, once KaTeX is loaded. \htmlClass and \htmlData in it name parts of the formula: they are trusted
 * because every formula comes from our own sources.
 * @param {HTMLElement} element
 * @param {string} tex
 */
export async function formula(element, tex, displayMode = false) {
  const loaded = await katex;
  if (!loaded) throw new Error("KaTeX is not loaded.");
  loaded.render(tex, element, {
    displayMode,
    throwOnError: false,
    strict: false,
    trust: ({ command }) => command.startsWith("\\html"),
  });
  fit(element);
  widths.observe(element);
}

const widths = new ResizeObserver((changed) => {
  for (const { target } of changed) if (target instanceof HTMLElement) fit(target);
});

/**
 * Where a formula is wider than its line even after a line break, it is set smaller, by the factor --fit.
 * @param {HTMLElement} element
 */
function fit(element) {
  element.style.removeProperty("--fit");
  const { clientWidth, scrollWidth } = element;
  if (clientWidth && scrollWidth > clientWidth)
    element.style.setProperty("--fit", ((clientWidth - 1) / scrollWidth).toFixed(3));
}
