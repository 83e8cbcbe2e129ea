"""The README's screenshots, taken of the real page: `python -m bench.screenshots`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bench.browser import ROOT, chromium, served

FOLDER = ROOT / "assets" / "screenshots"
SHOTS: list[tuple[str, str, tuple[int, int], Literal["light", "dark"]]] = [
    ("explore", "?model=mnist-2d#zones=all&z=0.9,-0.1", (1440, 900), "light"),
    ("explore-dark", "?model=mnist-2d#density=ratio&z=-0.35,1.6", (1440, 900), "dark"),
    ("explore-10d", "?model=mnist-10d#zones=4&colour=distortion&z=1,0,0.5,0,0,-1,0,0,1,0", (1440, 900), "light"),
    ("explore-phone", "?model=mnist-conv-2d#zones=all&z=0.5,1", (390, 844), "light"),
]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser, served(ROOT / "app.py") as address:
        for name, link, (width, height), scheme in SHOTS:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(f"{address}/{link}")
            page.wait_for_function("performance.getEntriesByName('elbo-room:plotted').length", timeout=60_000)
            page.wait_for_timeout(1000)
            page.screenshot(path=Path(FOLDER, f"{name}.png"))
            page.close()


if __name__ == "__main__":
    main()
