"""The ELBO page: time from choosing an image to its posterior at 200 × 200 cells, and frame times of dragging q."""

from __future__ import annotations

from math import cos, sin
from typing import Any

import numpy as np
from playwright.sync_api import Page

from bench.browser import ROOT, chromium, collecting, served

MODELS = ("mnist-2d", "mnist-conv-2d")
CHOICES = 40
MOVES = 300
CHOSEN, INPUT = "elbo-room:choice-to-picture", "elbo-room:input-to-paint"
COLLECT = collecting(CHOSEN, INPUT)
WAITS = "(row) => document.querySelector('.er-root').dataset.image === String(row)"
EXACT = '.eb-bar[data-exact="1"]'


def main() -> dict[str, Any]:
    numbers = {}
    with served(ROOT / "app.py") as address, chromium() as browser:
        for model in MODELS:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(COLLECT)
            page.goto(f"{address}/elbo?model={model}#image=0")
            page.wait_for_selector(".er-root[data-image]", timeout=120_000)
            page.wait_for_selector(EXACT, timeout=120_000)
            numbers[model] = {"choosing": _chosen(page), "dragging": _dragged(page)}
            page.close()
    print("\nThe ELBO page; ms, median / p95 (goals: a picture within 300, frames within 33)")
    for name, kinds in numbers.items():
        cells = [
            f"{what} {ms['median']:.0f} / {ms['p95']:.0f}" for times in kinds.values() for what, ms in times.items()
        ]
        print(f"  {name:16}{'   '.join(cells)}")
    return numbers


def _chosen(page: Page) -> dict[str, dict[str, float]]:
    """Choose images that are not cached, one after the other, each when the numbers of the last one are exact."""
    page.evaluate("for (const list of Object.values(window.times)) list.length = 0")
    for i in range(CHOICES):
        row = 17 + 100 * i
        page.evaluate("(row) => { location.hash = `image=${row}`; }", row)
        page.wait_for_function(WAITS, arg=row)
        page.wait_for_selector(EXACT, timeout=60_000)
    return {"choice → picture": _summary(page.evaluate("window.times")[CHOSEN])}


def _dragged(page: Page) -> dict[str, dict[str, float]]:
    """Drag the mean of q in circles about the encoder's mean."""
    page.wait_for_timeout(1500)
    x, y = page.evaluate(
        """() => {
          const map = document.querySelector(".eb-map");
          const box = map.getBoundingClientRect();
          const [u0, u1, v0, v1] = map.dataset.view.split(" ").map(Number);
          const [u, v] = document.querySelector(".eb-mu").textContent.replaceAll("−", "-").split(", ").map(Number);
          const [width, height] = [box.width - 50, box.height - 36];
          return [box.left + 41 + (u - u0) / (u1 - u0) * width, box.top + 9 + (v1 - v) / (v1 - v0) * height];
        }"""
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("for (const list of Object.values(window.times)) list.length = 0")
    for i in range(MOVES):
        page.mouse.move(x + 0.2 * i * cos(i * 0.11), y + 0.2 * i * sin(i * 0.11))
        page.wait_for_timeout(8)
    times = page.evaluate("window.times")
    page.mouse.up()
    return {"drag → paint": _summary(times[INPUT]), "between frames": _summary(times["frame"])}


def _summary(ms: list[float]) -> dict[str, float]:
    return {"n": len(ms), "median": float(np.median(ms)), "p95": float(np.percentile(ms, 95))}


if __name__ == "__main__":
    main()
