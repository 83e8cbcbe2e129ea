// What every Streamlit component (v2) of the app has in common: its `mount` is called whenever its data or the theme changes.

const views = new WeakMap();

// The view in a component's element, made by `make(root)` where there is none, after it has heard of a new theme.
export function viewIn(parentElement, make) {
  const root = parentElement.querySelector(".er-root");
  if (!root) return null;
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  let known = views.get(root);
  if (!known || known.view.destroyed) views.set(root, (known = { view: make(root), background }));
  if (known.background !== background) known.view.retheme();
  known.background = background;
  return known.view;
}

// An address below the app's root, whatever page is open.
export const address = (path) => path && new URL(path, document.baseURI).href;
