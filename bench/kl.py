"""The KL page with 5,000 points, zones and decoded plane: time from the slider to the painted map, and frame times."""

from __future__ import annotations

from math import sin
from typing import Any

import numpy as np
from playwright.sync_api import Page

from bench.browser import ROOT, chromium, collecting, served

PATH = "mnist-2d"
MOVES = 300  # of the slider
INPUT, HANDLED = "elbo-room:input-to-paint", "elbo-room:handled-to-paint"
COLLECT = collecting(INPUT, HANDLED)
WAYS = {
    "whole": (0.0, 1.0),
    "zones": (0.25, 0.6),
    "collapse": (0.85, 1.0),
}  # shares of the slider


def main() -> dict[str, Any]:
    with served(ROOT / "app.py") as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(COLLECT)
        page.goto(f"{address}/kl?path={PATH}#beta=1&plane=1")
        page.wait_for_selector(".er-root[data-complete]", timeout=120_000)
        page.wait_for_timeout(1500)
        points = page.locator(".kl-map").first.get_attribute("data-points")
        numbers = {name: _dragged(page, *ends) for name, ends in WAYS.items()} | {"playing": _played(page)}
    print(f"\nThe KL page, {PATH}, {points} points, zones and decoded plane; ms, median / p95 (goals: at most 33)")
    for name, times in numbers.items():
        cells = [f"{kind} {ms['median']:.1f} / {ms['p95']:.1f}" for kind, ms in times.items()]
        print(f"  {name:10} {'   '.join(cells)}")
    return numbers


def _dragged(page: Page, low: float, high: float) -> dict[str, dict[str, float]]:
    """Drag the slider back and forth between two positions, given as shares of its track."""
    box = page.locator(".kl-track input").bounding_box()
    assert box
    x, y = (lambda share: box["x"] + 13 + (box["width"] - 26) * share), box["y"] + box["height"] / 2
    middle, half = (low + high) / 2, (high - low) / 2
    page.mouse.move(x(middle), y)
    page.mouse.down()
    page.evaluate("for (const list of Object.values(window.times)) list.length = 0")
    for i in range(MOVES):
        page.mouse.move(x(middle + half * sin(i * 0.06)), y)
        page.wait_for_timeout(8)
    times = page.evaluate("window.times")
    page.mouse.up()
    page.wait_for_timeout(500)
    kinds = {"beta → paint": INPUT, "handled → paint": HANDLED, "between frames": "frame"}
    return {kind: _summary(times[name]) for kind, name in kinds.items()}


def _played(page: Page) -> dict[str, dict[str, float]]:
    page.click(".kl-play")
    page.evaluate("for (const list of Object.values(window.times)) list.length = 0")
    page.wait_for_timeout(8000)
    frames = page.evaluate("window.times.frame")
    page.click(".kl-play")
    return {"between frames": _summary(frames)}


def _summary(ms: list[float]) -> dict[str, float]:
    return {"n": len(ms), "median": float(np.median(ms)), "p95": float(np.percentile(ms, 95))}


if __name__ == "__main__":
    main()
