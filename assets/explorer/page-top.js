// How far below the top of its page an element begins, however far that is scrolled.

export function topOf(element) {
  let scrolled = window.scrollY;
  for (let parent = element.parentElement; parent; parent = parent.parentElement) {
    if (parent !== document.documentElement) scrolled += parent.scrollTop;
  }
  return Math.round(element.getBoundingClientRect().top + scrolled);
}
