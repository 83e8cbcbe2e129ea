"""Time until the map responds to the pointer, compared with an empty Streamlit page, and from a cold server start."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from bench.browser import ROOT, chromium, served, start

ROUNDS = 7
SETTLED = 5000  # ms until a reload: Plotly has started, and the browser has cached the compiled code
# the time, on the page's clock, at which an element that matches the selector exists
WATCH = """
new MutationObserver((_, observer) => {
  if (!document.querySelector(%r)) return;
  window.appeared = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true, attributes: true });
"""
EMPTY = "import streamlit as st\nst.markdown('<p id=\"here\">empty</p>', unsafe_allow_html=True)\n"


def main() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        empty_script = Path(folder, "empty.py")
        empty_script.write_text(EMPTY)
        with served(empty_script) as empty, served(ROOT / "app.py") as room:
            _open(browser, room, ".er-root[data-ready]")  # warm up both servers
            _open(browser, empty, "#here")
            rounds = [
                (_open(browser, empty, "#here"), _open(browser, room, ".er-root[data-ready]")) for _ in range(ROUNDS)
            ]
        starts = [_cold_start(browser) for _ in range(3)]
    numbers = {
        "empty_page_s": median(e[0] for e, _ in rounds),
        "room_s": median(r[0] for _, r in rounds),
        "open_longer_s": median(r[0] - e[0] for e, r in rounds),
        "empty_reload_s": median(e[1] for e, _ in rounds),
        "room_reload_s": median(r[1] for _, r in rounds),
        "reload_longer_s": median(r[1] - e[1] for e, r in rounds),
        "start_to_interactive_s": median(starts),
    }
    print("\nPage loading, seconds (medians)                  open   reload")
    for title, first, again in (
        ("empty Streamlit page", "empty_page_s", "empty_reload_s"),
        ("interactive map", "room_s", "room_reload_s"),
        ("longer by (goals 1.5 and 0.5)", "open_longer_s", "reload_longer_s"),
    ):
        print(f"  {title:44} {numbers[first]:6.2f}   {numbers[again]:6.2f}")
    print(f"  {'server start to interactive map (goal 7)':44} {numbers['start_to_interactive_s']:6.2f}")
    return numbers


def _open(browser: Browser, address: str, selector: str) -> tuple[float, float]:
    """Seconds from navigation to `selector`: with an empty cache, then by a reload of the same page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(WATCH % selector)
    page = context.new_page()
    page.goto(address, wait_until="commit")
    first = _appeared(page)
    page.wait_for_timeout(SETTLED)
    page.reload(wait_until="commit")
    second = _appeared(page)
    _close(context)
    return first, second


def _appeared(page: Page) -> float:
    return page.wait_for_function("window.appeared", timeout=60_000).json_value() / 1000


def _close(context: BrowserContext) -> None:
    context.close()


def _cold_start(browser: Browser) -> float:
    """Seconds from the start of the server's process to the interactive map, with files in the system's cache."""
    began = time.monotonic()
    process, address = start(ROOT / "app.py")
    try:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        while True:
            try:
                page.goto(address, wait_until="commit")
                break
            except Exception as error:
                if "ERR_CONNECTION_REFUSED" not in str(error) or time.monotonic() - began > 60:
                    raise
                time.sleep(0.05)
        page.wait_for_selector(".er-root[data-ready]", timeout=60_000)
        seconds = time.monotonic() - began
        context.close()
        return seconds
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main()
