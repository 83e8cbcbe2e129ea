"""A network of 160 million multiplications, with 10,000 points: time from the pointer to the paint and to the image."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Page

from bench.browser import ROOT, chromium, collecting, served
from bench.latency import HANDLED, INPUT, _measured, _move_pointer
from vae.files import checkpoint, runs
from vae.files.held_out import FILE_NAME, HeldOut, save_held_out
from vae.model import VAE
from vae.plan import make_plan
from vae.settings import Settings

POINTS = 10_000
SHAPE = (3, 64, 64)
HIDDEN = (256, 256, 16)  # few weights, much to multiply
TOOLS = ("lens", "draw", "interpolate", "traverse", "sample", "select", "neighbours")
MARKS = (INPUT, HANDLED, "elbo-room:far-decode")
REST = 1200  # ms for a tool to show its first picture


def main() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        _model(Path(folder, "large"))
        with served(ROOT / "app.py", {"ELBO_ROOM_RUNS": folder}) as address:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(collecting(*MARKS))
            page.goto(f"{address}/?model=runs/large")
            page.wait_for_function("performance.getEntriesByName('elbo-room:plotted').length", timeout=60_000)
            numbers = {tool: _with(page, tool) for tool in TOOLS}
    load = os.getloadavg()[0]
    print(f"\nMilliseconds with a network of 160 million products, median / p95 (load average {load:.1f})")
    print(f"  {'tool':14}{'input → paint':>16}{'handled → paint':>18}{'asked → picture':>18}")
    for tool, times in numbers.items():
        cells = [f"{times[m]['median']:.1f} / {times[m]['p95']:.1f}" for m in MARKS]
        print(f"  {tool:14}{cells[0]:>16}{cells[1]:>18}{cells[2]:>18}")
    return {"load": load, **numbers}


def _model(folder: Path) -> None:
    """A model with random weights, points and images, which do not change the times."""
    folder.mkdir()
    shipped = ROOT / "assets" / "gallery" / "mnist-2d"
    for name in (runs.SETTINGS, runs.STATUS, runs.TEST):
        (folder / name).write_bytes((shipped / name).read_bytes())
    torch.manual_seed(0)  # initial weights only; the modules take no generator
    weights = VAE(make_plan("conv", HIDDEN, 2, SHAPE), SHAPE, "bernoulli").weights()
    checkpoint.write(folder / runs.CHECKPOINT, Settings(arch="conv", hidden=HIDDEN, latent_dim=2), SHAPE, 0, weights)
    rng = np.random.default_rng(0)
    rows = np.arange(POINTS)
    held_out = HeldOut(
        images=rng.integers(0, 256, (POINTS, 3, 8, 8), np.uint8).repeat(8, 2).repeat(8, 3),
        labels=(rows % 10).astype(np.int32),
        index=rows.astype(np.int32),
        mu=rng.standard_normal((POINTS, 2), np.float32),
        logvar=np.full((POINTS, 2), -4, np.float32),
        distortion=rng.normal(8000, 50, POINTS).astype(np.float32),
    )
    save_held_out(folder / FILE_NAME, held_out)


def _with(page: Page, tool: str) -> dict[str, dict[str, float]]:
    """Durations of all marks while the pointer moves over the map with a tool open."""
    page.locator(f'.er-tabs [data-tool="{tool}"]').click()
    page.wait_for_selector(f'.er-root[data-tool="{tool}"]')
    page.wait_for_timeout(REST)
    return _measured(page, _move_pointer)


if __name__ == "__main__":
    main()
