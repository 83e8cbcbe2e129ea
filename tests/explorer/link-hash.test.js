import assert from "node:assert/strict";
import { after, beforeEach, mock, test } from "node:test";

// As much of a browser as the link needs: an address, a history with one entry, and the event of a change.
const address = { pathname: "/", search: "", hash: "" };
const entry = {
  /** @type {Record<string, unknown> | null} */
  state: null,
  written: 0,
  /** @type {History["replaceState"]} */
  replaceState(state, _title, url) {
    const { pathname, search, hash } = new URL(String(url), "http://room/");
    Object.assign(address, { pathname, search, hash });
    entry.state = state;
    entry.written++;
  },
};
/** @type {Map<string, string>} */
const stored = new Map();
const sessionStorage = {
  getItem: (/** @type {string} */ key) => stored.get(key) ?? null,
  setItem: (/** @type {string} */ key, /** @type {string} */ value) => stored.set(key, value),
};
const document = { baseURI: "http://room/" };
const page = { window: new EventTarget(), location: address, history: entry, document, sessionStorage };
for (const [name, value] of Object.entries(page))
  Object.defineProperty(globalThis, name, { value, configurable: true });
const { leftAt, Link } = await import("../../assets/explorer/core/link-hash.js");

mock.timers.enable({ apis: ["setTimeout"] });
after(() => mock.timers.reset());

/** A person or the history changes the hash. @param {string} hash */
function arriveAt(hash) {
  address.hash = hash;
  window.dispatchEvent(new Event("hashchange"));
}

/** A view with a hash of its own, and what it was told to follow. */
function opened() {
  const root = /** @type {HTMLElement} */ (/** @type {unknown} */ ({ dataset: {}, isConnected: true }));
  /** @type {string[]} */
  const followed = [];
  const view = { root, hash: "", followed };
  const link = new Link(root, { hash: () => view.hash, follow: (hash) => followed.push(hash) });
  return { link, view };
}

beforeEach(() => {
  arriveAt("");
  Object.assign(address, { pathname: "/", search: "" });
  Object.assign(entry, { state: null, written: 0 });
});

test("many changes are one change of the address, with the last state", () => {
  const { link, view } = opened();
  link.begin();
  for (const hash of ["beta=1", "beta=2", "beta=3"]) {
    view.hash = hash;
    link.save();
  }
  assert.equal(view.root.dataset.address, "behind");
  mock.timers.tick(199);
  assert.equal(entry.written, 0);
  mock.timers.tick(1);
  assert.deepEqual([entry.written, address.hash, view.root.dataset.address], [1, "#beta=3", undefined]);
  link.close();
});

test("a hash from elsewhere is followed, in place of what was to be written", () => {
  const { link, view } = opened();
  link.begin();
  view.hash = "beta=1";
  link.save();
  arriveAt("#beta=9");
  mock.timers.tick(1000);
  assert.deepEqual(view.followed, ["#beta=9"]);
  assert.deepEqual([entry.written, address.hash], [0, "#beta=9"]);
  link.close();
});

test("an address that has changed unread is not overwritten at first", () => {
  const { link, view } = opened();
  link.begin();
  view.hash = "beta=1";
  link.save();
  address.hash = "#beta=9"; // its event has not come yet
  mock.timers.tick(200);
  assert.equal(address.hash, "#beta=9");
  link.close();
});

test("the hash of another model or page is not the view's", () => {
  const { link, view } = opened();
  link.moveTo({ page: "", query: { model: "a" } });
  address.search = "?model=b";
  assert.equal(link.begin(), null);
  arriveAt("#beta=9");
  assert.deepEqual(view.followed, []);
  address.search = "?model=a";
  assert.equal(link.begin(), "#beta=9");
  link.moveTo({ page: "", query: { model: "c" } }); // the server shows it before the address names it
  assert.equal(link.isHere, false);
  link.close();
});

test("an entry of the history that a page has written opens as it was, also without a hash", () => {
  const { link } = opened();
  assert.equal(link.begin(), null); // nothing was written to it yet
  link.save();
  mock.timers.tick(200);
  assert.equal(link.begin(), "");
  link.close();
});

test("the last address of a page is known when it was left", () => {
  const { link, view } = opened();
  link.begin();
  view.hash = "beta=2";
  link.save();
  assert.equal(leftAt("/"), "#beta=2"); // what was pending is written first
  assert.equal(leftAt("/kl"), "");
  link.close();
});

test("a view that is no longer in the document writes nothing", () => {
  const { link, view } = opened();
  link.begin();
  link.save();
  Object.assign(view.root, { isConnected: false });
  mock.timers.tick(1000);
  assert.equal(entry.written, 0);
  assert.ok(link.listener.signal.aborted);
});
