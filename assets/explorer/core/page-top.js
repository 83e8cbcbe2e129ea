/**
 * The distance in px from the top of the document to an element, however far it is scrolled.
 * @param {Element} element
 */
export function topOf(element) {
  let scrolled = window.scrollY;
  for (let parent = element.parentElement; parent; parent = parent.parentElement) {
    if (parent !== document.documentElement) scrolled += parent.scrollTop;
  }
  return Math.round(element.getBoundingClientRect().top + scrolled);
}

/**
 * Calls `moved` whenever the top of the element may have moved, because something above it or the text has another
 * size. Returns the observer, which the caller disconnects.
 * @param {Element} element
 * @param {() => void} moved
 */
export function watchTop(element, moved) {
  const observer = new ResizeObserver(moved);
  for (let each = /** @type {Element | null} */ (element); each; each = each.parentElement) observer.observe(each);
  return observer;
}
