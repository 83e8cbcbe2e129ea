// The part of the address after the "#", which holds the state of the page's view. Every entry of the tab's history has
// its own, so Back, Forward, a reload and a pasted link restore what the page showed. The last address of every page is
// kept in sessionStorage, so that a link to that page can open it as it was left.

/**
 * A place in the app: the page's path below the app's root, and the query parameters that the server reads.
 * @typedef {{ page: string, query: Record<string, string> }} Place
 */

const EVERY = 200; // ms between two changes of the address: browsers allow no more than a few a second
const OURS = "elboRoom"; // marks an entry of the history whose hash a page has written
const KEPT = "elbo-room:"; // before a path: what sessionStorage keeps the last address of that page under

let opening = true; // until the address that the site was opened with has been read
let known = location.hash; // the last hash that was read or written here
window.addEventListener("hashchange", () => {
  known = location.hash;
});
/** @type {Set<Link>} */
const links = new Set();

export class Link {
  /**
   * @param {HTMLElement} root element of the view
   * @param {{ hash: () => string, follow: (hash: string) => void }} handlers
   *   `hash` returns the view's state as text, `follow` restores the state from such text
   */
  constructor(root, { hash, follow }) {
    this.root = root;
    this.hash = hash;
    this.follow = follow;
    /** @type {Place | null} */
    this.place = null;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.timer = null;
    this.moved = false;
    for (const link of links) if (!link.root.isConnected) link.close(); // of a page that was left
    this.listener = new AbortController();
    window.addEventListener("hashchange", () => this.changed(), { signal: this.listener.signal });
    links.add(this);
  }

  /**
   * Sets the place where the view is, as the server says. The hash belongs to the view only while the address names
   * that place and after `begin` was called there. A view without a server has no place, and the hash is always its
   * own.
   * @param {Place} place
   */
  moveTo(place) {
    this.moved ||= JSON.stringify(place) !== JSON.stringify(this.place);
    this.place = place;
  }

  /** Whether the hash of the address belongs to this view now. */
  get isHere() {
    if (this.moved || !this.place) return !this.moved;
    const { page, query } = this.place;
    const asked = new URLSearchParams(location.search);
    const sameQuery = Object.entries(query).every(([name, value]) => (asked.get(name) ?? "") === value);
    return sameQuery && location.pathname === new URL(page || ".", document.baseURI).pathname;
  }

  /** The hash that the view starts from: that of this history entry, or null if none has been written to it yet. */
  begin() {
    this.moved = false;
    this.wait(null); // the state shown before does not belong to this entry
    if (!this.isHere) return null;
    known = location.hash;
    const opened = openedWith();
    return location.hash || (history.state?.[OURS] ? "" : opened);
  }

  /** Handles a move to another place where the view shows the same data: follows the hash of that history entry. */
  arrive() {
    if (!this.moved) return;
    const hash = this.begin();
    if (hash === null) this.save();
    else this.follow(hash);
  }

  /** Handles a change of the hash that the view has not made. */
  changed() {
    if (!this.root.isConnected) this.close();
    else if (this.isHere) {
      this.wait(null);
      this.follow(location.hash);
    }
  }

  /** Writes the view's state into the address, at most once every `EVERY` ms. */
  save() {
    this.root.dataset.address = "behind"; // the address is not up to date yet: tests wait for it
    if (!this.timer) this.wait(() => this.flush());
  }

  /**
   * Calls `then` after `EVERY` ms instead of what was to be called before; null: nothing.
   * @param {(() => void) | null} then
   */
  wait(then) {
    if (this.timer) clearTimeout(this.timer);
    this.timer = then && setTimeout(then, EVERY);
  }

  /** Writes a pending change now. */
  flush() {
    if (!this.timer) return;
    this.wait(null);
    if (!this.root.isConnected) this.close();
    else if (!this.write()) this.save();
  }

  /** Writes the address; false if it is not the view's, or has changed and no view has read it yet. */
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

/**
 * Query and hash with which the page at `path` was left in this tab; "" if it has not been open.
 * @param {string} path
 */
export function leftAt(path) {
  for (const link of links) link.flush();
  try {
    return sessionStorage.getItem(KEPT + path) ?? "";
  } catch {
    return "";
  }
}

/**
 * @param {string} path
 * @param {string} address query and hash
 */
function keep(path, address) {
  try {
    sessionStorage.setItem(KEPT + path, address);
  } catch {
    // sessionStorage is not available: pages open in their initial state
  }
}

/** On the first call the hash that the site was opened with, which Streamlit drops from the address; later null. */
function openedWith() {
  const [navigation] = opening ? performance.getEntriesByType("navigation") : [];
  opening = false;
  const opened = navigation && new URL(navigation.name);
  return (opened?.pathname === location.pathname && opened.hash) || null; // the hash of another page does not count
}
