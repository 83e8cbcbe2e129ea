// What stands behind the "#"; on opening the site, what stood there before Streamlit dropped it from the address.

let opening = true;

export function linkHash() {
  const [navigation] = performance.getEntriesByType("navigation");
  const opened = opening && navigation ? new URL(navigation.name) : null;
  opening = false;
  return location.hash || (opened?.pathname === location.pathname ? opened.hash : ""); // what another page opened with is not ours
}
