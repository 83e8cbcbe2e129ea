// What stands behind the "#" of the address.

let opening = true;
let known = location.hash; // the last link that was heard of or written
window.addEventListener("hashchange", () => (known = location.hash));

// The link that a page begins with; on opening the site, what stood there before Streamlit dropped it from the address.
export function linkHash() {
  const [navigation] = performance.getEntriesByType("navigation");
  const opened = opening && navigation ? new URL(navigation.name) : null;
  opening = false;
  return location.hash || (opened?.pathname === location.pathname ? opened.hash : ""); // what another page opened with is not ours
}

// Puts `hash` behind the "#"; not, and false, where a link has just been put there that no page has heard of yet.
export function writeHash(hash) {
  if (location.hash && location.hash !== known) {
    known = location.hash;
    return false;
  }
  history.replaceState(history.state, "", location.pathname + location.search + (hash && `#${hash}`));
  known = location.hash;
  return true;
}
