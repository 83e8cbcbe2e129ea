// Formulas in LaTeX, set by KaTeX.

let katex = null; // the promise of it, once it is asked for

// Fetches KaTeX from the folder at `url`, once for a page; where that fails, it can be asked for again.
export function fetchKatex(url) {
  katex ??= Promise.all([style(`${url}/katex.min.css`), import(`${url}/katex.min.js`)]).then(() => self.katex);
  katex.catch(() => (katex = null));
  return katex;
}

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

// Sets `tex` in `element`; \htmlClass and \htmlData name parts of it, which only our own sources do.
export async function formula(element, tex, displayMode = false) {
  (await katex).render(tex, element, {
    displayMode,
    throwOnError: false,
    strict: false,
    trust: ({ command }) => command.startsWith("\\html"),
  });
  fit(element);
  widths.observe(element);
}

const widths = new ResizeObserver((changed) => changed.forEach(({ target }) => fit(target)));

// Where a formula is wider than its line, even going on in the next, it is set smaller, by the factor --fit.
function fit(element) {
  element.style.removeProperty("--fit");
  const { clientWidth, scrollWidth } = element;
  if (clientWidth && scrollWidth > clientWidth)
    element.style.setProperty("--fit", ((clientWidth - 1) / scrollWidth).toFixed(3));
}
