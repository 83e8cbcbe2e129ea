"""The README's screenshots, taken of the real page: `python -m bench.screenshots`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from bench.browser import ROOT, chromium, served

FOLDER = ROOT / "assets" / "screenshots"
SHOTS: list[tuple[str, str, tuple[int, int], Literal["light", "dark"]]] = [
    ("explore", "?model=mnist-2d#zones=all&z=0.9,-0.1", (1440, 900), "light"),
    ("explore-dark", "?model=mnist-2d#density=ratio&z=-0.35,1.6", (1440, 900), "dark"),
    ("explore-10d", "?model=mnist-10d#zones=4&colour=distortion&z=1,0,0.5,0,0,-1,0,0,1,0", (1440, 900), "light"),
    ("explore-phone", "?model=mnist-conv-2d#zones=all&z=0.5,1", (390, 844), "light"),
]
PAGES: list[tuple[str, str, str]] = [  # name, link, the tab that is opened
    ("elbo", "elbo?model=mnist-2d#image=1900", "two gaps"),
    ("gradients", "gradients", "Variance"),
    ("trick", "gradients", "The trick, drawn"),
]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    runs = tempfile.TemporaryDirectory()
    with runs, chromium() as browser, served(ROOT / "app.py", {"ELBO_ROOM_RUNS": runs.name}) as address:
        _train(browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light"), address)
        _kl(browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light"), address)
        for name, link, (width, height), scheme in SHOTS:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(f"{address}/{link}")
            page.wait_for_function("performance.getEntriesByName('elbo-room:plotted').length", timeout=60_000)
            page.wait_for_timeout(1000)
            page.screenshot(path=Path(FOLDER, f"{name}.png"))
            page.close()
        for name, link, tab in PAGES:
            page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
            page.goto(f"{address}/{link}")
            page.get_by_role("tab", name=tab).click(timeout=60_000)
            page.wait_for_timeout(8000)
            page.screenshot(path=Path(FOLDER, f"{name}.png"))
            page.close()


def _kl(page: Page, address: str) -> None:
    page.goto(f"{address}/kl?path=mnist-2d")
    page.wait_for_selector(".er-root[data-ready]", timeout=60_000)
    page.wait_for_timeout(6000)
    page.screenshot(path=Path(FOLDER, "kl.png"))
    page.close()


def _train(page: Page, address: str) -> None:
    """A typical run: beta is lowered, then raised, then set back to 1."""
    page.goto(f"{address}/train")
    page.get_by_role("button", name="Train").first.click()
    page.wait_for_selector(".page-maps canvas")
    field = page.locator(".page-beta input[type=text]")
    for beta, seconds in ((None, 15), ("0.05", 6), ("20", 4), ("1", 20)):
        if beta is not None:
            field.fill(beta)
            field.press("Enter")
        page.wait_for_timeout(1000 * seconds)
    page.screenshot(path=Path(FOLDER, "train.png"))
    page.get_by_role("button", name="finish").click()
    page.wait_for_timeout(5000)
    page.close()


if __name__ == "__main__":
    main()
