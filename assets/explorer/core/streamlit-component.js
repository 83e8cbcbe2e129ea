// What every Streamlit component (v2) of the app shares: Streamlit calls its `mount` whenever its data or the theme
// changes.

import { leftAt } from "./link-hash.js";

/** @import { Link, Place } from "./link-hash.js" */

/**
 * What a component's view has to offer; a view with a link in the address has `link`.
 * @typedef {{ destroyed?: boolean, link?: Link, retheme: () => void }} Mounted
 */

/**
 * The argument of a component's `mount`.
 * @template Data
 * @typedef {{
 *   parentElement: ParentNode,
 *   data: Data,
 *   setTriggerValue: (name: string, value: unknown) => void,
 * }} Component
 */

/** @type {WeakMap<Element, { view: Mounted, background: string }>} */
const views = new WeakMap();

/**
 * The view in a component's element; created by `make` if there is none. Calls its `retheme` when the theme has
 * changed.
 * @template {Mounted} V
 * @param {ParentNode} parentElement
 * @param {(root: HTMLElement) => V} make
 * @param {Place | null} place the view's place in the address, if it has a link
 */
export function viewIn(parentElement, make, place = null) {
  const root = /** @type {HTMLElement | null} */ (parentElement.querySelector(".er-root"));
  if (!root) return null;
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  let known = views.get(root);
  if (!known || known.view.destroyed) {
    known = { view: make(root), background };
    views.set(root, known);
  }
  if (place) known.view.link?.moveTo(place);
  if (known.background !== background) known.view.retheme();
  known.background = background;
  return /** @type {V} */ (known.view); // a root belongs to one component, so `make` is always the same
}

/**
 * The view of a component's root element, if it has one.
 * @param {Element} root
 */
export const viewOf = (root) => views.get(root)?.view;

/**
 * The URL of a path below the app's root, whatever page is open; an empty or missing path is returned as it is.
 * @template {string | null | undefined} Path
 * @param {Path} path
 * @returns {Path}
 */
export const address = (path) => path && /** @type {Path} */ (new URL(path, document.baseURI).href);

// Streamlit's own links open a page in its initial state. A page that was open in this tab is opened as it was left
// instead: its whole address becomes a new history entry, and Streamlit goes there as on Back and Forward.
document.addEventListener("click", openAsLeft, { capture: true });

/** @param {MouseEvent} event */
function openAsLeft(event) {
  const link = event.target instanceof Element && event.target.closest("a[href]");
  if (
    !(link instanceof HTMLAnchorElement) ||
    link.target ||
    event.button ||
    event.ctrlKey ||
    event.metaKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
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

/**
 * Closes the sidebar that the link is in, if it is in one (in a narrow window). Streamlit does so on a click, but it
 * does not get this one.
 * @param {Element} link
 */
function closeMenuOf(link) {
  /** @type {HTMLElement | null | undefined} */
  const button = link
    .closest('[data-testid="stSidebar"]')
    ?.querySelector('[data-testid="stSidebarCollapseButton"] button');
  button?.click();
}
