// Where an element begins below the top of its page, however far that is scrolled.

export function topOf(element) {
  let scrolled = window.scrollY;
  for (let parent = element.parentElement; parent; parent = parent.parentElement) {
    if (parent !== document.documentElement) scrolled += parent.scrollTop;
  }
  return Math.round(element.getBoundingClientRect().top + scrolled);
}

// Calls `moved` whenever the element may begin elsewhere: something above it has another height, or the text another size.
// Returns the observer, to be disconnected.
export function watchTop(element, moved) {
  const observer = new ResizeObserver(moved);
  for (let each = element; each; each = each.parentElement) observer.observe(each);
  return observer;
}
