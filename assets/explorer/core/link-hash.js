// The part of the address that belongs to the browser: what stands behind the "#". Every entry of the tab's history has its
// own, which says all that the page showed there, so Back, Forward, a reload and a pasted link bring it back; the last
// address of every page is kept for the tab, so a link to that page can open it as it was left.

const EVERY = 200; // ms between two changes of the address: browsers allow no more than a few a second
const OURS = "elboRoom"; // marks an entry of the history whose hash a page has written
const KEPT = "elbo-room:"; // before a path: what sessionStorage keeps the last address of that page under

let opening = true;
let known = location.hash; // the last one that was heard of or written
window.addEventListener("hashchange", () => (known = location.hash));
const links = new Set();

export class Link {
  // The link of the view in `root`: `hash()` says what is shown, `follow(hash)` shows what another link says.
  constructor(root, { hash, follow }) {
    this.root = root;
    this.hash = hash;
    this.follow = follow;
    this.place = null;
    this.moved = false;
    for (const link of links) if (!link.root.isConnected) link.close(); // of a page that was left
    this.listener = new AbortController();
    window.addEventListener("hashchange", () => this.changed(), { signal: this.listener.signal });
    links.add(this);
  }

  // Where the server says that the view stands: { page: its path below the app's root, query: { parameter: value } }. What the
  // address says belongs to the view only while it names that place, and once the view has begun there; a view without a
  // server is always at its place.
  moveTo(place) {
    this.moved ||= JSON.stringify(place) !== JSON.stringify(this.place);
    this.place = place;
  }

  get isHere() {
    if (this.moved || !this.place) return !this.moved;
    const { page, query } = this.place;
    const asked = new URLSearchParams(location.search);
    const sameQuery = Object.entries(query).every(([name, value]) => (asked.get(name) ?? "") === value);
    return sameQuery && location.pathname === new URL(page || ".", document.baseURI).pathname;
  }

  // What the view is to begin with: the hash of this entry of the history; null where none has been written here yet.
  begin() {
    this.moved = false;
    this.wait(null); // what was shown before has no place in this entry
    if (!this.isHere) return null;
    known = location.hash;
    const opened = openedWith();
    return location.hash || (history.state?.[OURS] ? "" : opened);
  }

  // The server has moved the view to another place where it shows the same: it follows what is said there.
  arrive() {
    if (!this.moved) return;
    const hash = this.begin();
    if (hash === null) this.save();
    else this.follow(hash);
  }

  changed() {
    if (!this.root.isConnected) this.close();
    else if (this.isHere) {
      this.wait(null);
      this.follow(location.hash);
    }
  }

  // Puts what is shown into the address, as soon as browsers allow.
  save() {
    this.root.dataset.address = "behind"; // of what is shown, for whoever reads it
    if (!this.timer) this.wait(() => this.flush());
  }

  wait(then) {
    clearTimeout(this.timer);
    this.timer = then && setTimeout(then, EVERY);
  }

  // Writes now what waits to be written.
  flush() {
    if (!this.timer) return;
    this.wait(null);
    if (!this.root.isConnected) this.close();
    else if (!this.write()) this.save();
  }

  // False where the address is not the view's, or says what no view has heard of yet.
  write() {
    if (!this.isHere) return false;
    if (location.hash !== known) {
      known = location.hash;
      return false;
    }
    const hash = this.hash();
    const address = location.search + (hash && `#${hash}`);
    history.replaceState({ ...history.state, [OURS]: true }, "", location.pathname + address);
    keep(location.pathname, address);
    known = location.hash;
    delete this.root.dataset.address;
    return true;
  }

  close() {
    this.wait(null);
    this.listener.abort();
    links.delete(this);
  }
}

// The query and the hash with which the page at `path` was left in this tab; "" where it has not been open.
export function leftAt(path) {
  for (const link of links) link.flush();
  try {
    return sessionStorage.getItem(KEPT + path) ?? "";
  } catch {
    return "";
  }
}

function keep(path, address) {
  try {
    sessionStorage.setItem(KEPT + path, address);
  } catch {
    // a browser that keeps nothing: pages open as they begin
  }
}

// Once, on opening the site: what stood behind the "#" before Streamlit dropped it from the address; null where nothing did.
function openedWith() {
  const [navigation] = opening ? performance.getEntriesByType("navigation") : [];
  opening = false;
  const opened = navigation && new URL(navigation.name);
  return (opened?.pathname === location.pathname && opened.hash) || null; // what another page opened with is not ours
}
