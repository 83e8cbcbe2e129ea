// What every Streamlit component (v2) of the app has in common: its `mount` is called whenever its data or the theme changes.

import { leftAt } from "./link-hash.js";

const views = new WeakMap();

// The view in a component's element, made by `make(root)` where there is none, after it has heard of a new theme; `place`
// is where in the address it stands, of a view with a link.
export function viewIn(parentElement, make, place = null) {
  const root = parentElement.querySelector(".er-root");
  if (!root) return null;
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  let known = views.get(root);
  if (!known || known.view.destroyed) views.set(root, (known = { view: make(root), background }));
  if (place) known.view.link.moveTo(place);
  if (known.background !== background) known.view.retheme();
  known.background = background;
  return known.view;
}

// An address below the app's root, whatever page is open.
export const address = (path) => path && new URL(path, document.baseURI).href;

// Streamlit's own links open a page as it begins. A page that was open in this tab is opened as it was left instead: its
// whole address becomes a new entry of the history, and Streamlit goes there as it does on Back and Forward.
document.addEventListener("click", openAsLeft, { capture: true });

function openAsLeft(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || link.target || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const { origin, pathname, search, hash } = new URL(link.href);
  if (origin !== location.origin || pathname === location.pathname || search || hash) return;
  const left = leftAt(pathname);
  if (!left) return;
  event.preventDefault();
  event.stopPropagation();
  history.pushState({}, "", pathname + left);
  window.dispatchEvent(new PopStateEvent("popstate", { state: history.state }));
  closeMenuOf(link);
}

// Where the window is narrow the links stand in a sidebar, which Streamlit closes by the click that it does not hear of.
function closeMenuOf(link) {
  link.closest('[data-testid="stSidebar"]')?.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
}
