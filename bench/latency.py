"""Latency from the pointer, a slider or a stroke to the painted image, with 10,000 points, by User Timing marks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from math import cos, sin
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from bench.browser import ROOT, chromium, served
from vae.files import checkpoint, runs
from vae.files.held_out import FILE_NAME, HeldOut, read_held_out, save_held_out

POINTS = 10_000
MOVES = 300
INPUT, HANDLED, DECODE = "elbo-room:input-to-paint", "elbo-room:handled-to-paint", "elbo-room:decode"
COLLECT = f"""
window.times = {{ "{INPUT}": [], "{HANDLED}": [], "{DECODE}": [] }};
new PerformanceObserver((list) => {{
  for (const entry of list.getEntries()) window.times[entry.name]?.push(entry.duration);
}}).observe({{ type: "measure" }});
"""


def main() -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        models = [path.name for path in runs.find(ROOT / "assets" / "gallery")]
        for name in models:
            _crowd(ROOT / "assets" / "gallery" / name, Path(folder, name))
        with served(ROOT / "app.py", {"ELBO_ROOM_RUNS": folder}) as address:
            for name in models:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.add_init_script(COLLECT)
                page.goto(f"{address}/?model=runs/{name}")
                page.wait_for_function("performance.getEntriesByName('elbo-room:plotted').length", timeout=60_000)
                page.wait_for_timeout(1500)
                acts = {"pointer": _move_pointer, "slider": _drag_slider, "drawing": _draw}
                numbers[name] = {kind: _measured(page, act) for kind, act in acts.items()}
                page.close()
    print(f"\nMilliseconds with {POINTS:,} points, median / p95 (goals: painted within 16.7, decoding within 2)")
    print(f"  {'':26}{'input → paint':>16}{'handled → paint':>18}{'decoding':>14}")
    for name, kinds in numbers.items():
        for kind, times in kinds.items():
            cells = [f"{times[m]['median']:.1f} / {times[m]['p95']:.1f}" for m in (INPUT, HANDLED, DECODE)]
            print(f"  {name:16}{kind:10}{cells[0]:>16}{cells[1]:>18}{cells[2]:>14}")
    return numbers


def _crowd(source: Path, target: Path) -> None:
    """A copy of a model whose held-out points are repeated with small shifts until there are `POINTS`."""
    target.mkdir(parents=True)
    for name in (runs.SETTINGS, runs.STATUS, runs.TEST, runs.CHECKPOINT):
        (target / name).write_bytes((source / name).read_bytes())
    assert checkpoint.read(target)
    shipped = read_held_out(source / FILE_NAME)
    rows = np.resize(np.arange(len(shipped.labels)), POINTS)
    arrays = {name: array[rows] for name, array in vars(shipped).items()}
    noise = np.random.default_rng(0).normal(0, 0.05, arrays["mu"].shape)
    arrays["mu"] = (arrays["mu"] + noise).astype(np.float32)
    save_held_out(target / FILE_NAME, HeldOut(**arrays))


def _measured(page: Page, act: Callable[[Page], None]) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of every mark while `act` goes on, in ms.

    An input is stamped when it arrives, and handled when the browser delivers it: for a pointer, as a frame begins.
    """
    page.evaluate("for (const list of Object.values(window.times)) list.length = 0")
    act(page)
    page.wait_for_timeout(300)
    times = page.evaluate("window.times")
    return {
        mark: {"n": len(ms), "median": float(np.median(ms)), "p95": float(np.percentile(ms, 95))}
        for mark, ms in times.items()
    }


def _move_pointer(page: Page) -> None:
    box = page.locator(".er-map").bounding_box()
    assert box
    page.keyboard.press("Escape")
    for i in range(MOVES):
        angle, radius = i * 0.11, 40 + 0.7 * i
        x = box["x"] + box["width"] / 2 + radius * cos(angle)
        page.mouse.move(x, box["y"] + box["height"] / 2 + 0.8 * radius * sin(angle))
        page.wait_for_timeout(8)  # inputs at about the rate of a mouse


def _drag_slider(page: Page) -> None:
    box = page.locator(".er-slider input[type=range]").first.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for i in range(MOVES):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.45 * sin(i * 0.06)), y)
        page.wait_for_timeout(8)
    page.mouse.up()


def _draw(page: Page) -> None:
    """Draw a long stroke on the pad, which is fitted, encoded and decoded before every paint."""
    page.locator('[data-tool="draw"]').click()
    page.wait_for_selector(".er-pad")
    page.wait_for_timeout(800)  # the encoder is fetched
    page.evaluate("for (const list of Object.values(window.times)) list.length = 0")
    box = page.locator(".er-pad").bounding_box()
    assert box
    for i in range(MOVES):
        angle, radius = i * 0.09, 0.1 + 0.3 * i / MOVES
        x, y = 0.5 + radius * cos(angle), 0.5 + radius * sin(angle)
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        if i == 0:
            page.mouse.down()
        page.wait_for_timeout(8)
    page.mouse.up()


if __name__ == "__main__":
    main()
