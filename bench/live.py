"""Live training on the digits: the cost of a viewer, the delay of a change of beta, and frame times of map and lens."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from math import cos, sin
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, WebSocket

from bench.browser import ROOT, chromium, collecting, served
from vae.files import control, runs
from vae.training import live

OPTIONS = {
    "data": "digits", "hidden": "256,128", "batch-size": "64", "lr": "1e-3", "lr-schedule": "constant",
    "epochs": "100000",
}  # fmt: skip
ROUNDS, SECONDS = 5, 6.0  # of training without and with a viewer in turn
TURNS = 40  # of the beta slider
MOVES = 300  # of the pointer
NAMES = ("elbo-room:control-to-frame", "elbo-room:input-to-paint")
COLLECT = collecting(*NAMES)


def main() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "digits")
        trainer = _train(folder)
        try:
            numbers = {"watching": _cost_of_watching(folder)}
            with served(ROOT / "app.py", {"ELBO_ROOM_RUNS": root}) as address, chromium() as browser:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.add_init_script(COLLECT)
                numbers |= _on_the_page(page, address, folder)
        finally:
            trainer.terminate()
            trainer.wait(30)
    _print(numbers)
    return numbers


def _train(folder: Path) -> subprocess.Popen[bytes]:
    options = [word for name, value in OPTIONS.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "vae", "train", "--out", str(folder), *options, "--background"]
    trainer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while runs.read_status(folder)["state"] != "running":
        if trainer.poll() is not None:
            raise RuntimeError("the training has ended before it began")
        time.sleep(0.1)
    return trainer


def _cost_of_watching(folder: Path) -> dict[str, float]:
    """Steps a second with and without a viewer, in turn, and their ratio."""
    speeds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for watched in (False, True):
            if not watched:
                time.sleep(live.WATCHED_FOR + live.LOOK_EVERY)
            speeds[watched].append(_speed(folder, watched))
    alone, watched_speed = (float(np.median(speeds[key])) for key in (False, True))
    ratios = [b / a for a, b in zip(speeds[False], speeds[True], strict=True)]
    return {"steps_per_s_alone": alone, "steps_per_s_watched": watched_speed, "share_kept": float(np.median(ratios))}


def _speed(folder: Path, watched: bool) -> float:
    start = (time.monotonic(), _steps_now(folder))
    while time.monotonic() < start[0] + SECONDS:
        if watched:
            live.watch(folder)
        time.sleep(0.2)
    return (_steps_now(folder) - start[1]) / (time.monotonic() - start[0])


def _steps_now(folder: Path) -> int:
    """The exact number of steps, from a checkpoint that is requested."""
    wanted = control.ask(folder, save=control.read(folder).save + 1)
    while (status := runs.read_status(folder)).get("control", 0) < wanted:
        time.sleep(0.002)
    return status["saved_step"]


def _on_the_page(page: Page, address: str, folder: Path) -> dict[str, Any]:
    frames: list[bytes] = []
    page.on("websocket", lambda socket: _listen(socket, frames))
    page.goto(f"{address}/train?run={folder.name}")
    page.wait_for_selector(".page-maps canvas", timeout=60_000)
    page.wait_for_timeout(4000)
    frames.clear()
    page.evaluate("window.times.frame.length = 0")
    page.wait_for_timeout(5000)
    snapshots = len(frames) / 5
    painted = page.evaluate("window.times.frame")
    _turn_beta(page)
    controls = page.evaluate(f"window.times['{NAMES[0]}']")
    training = _move_pointer(page)
    control.ask(folder, until=0)
    page.wait_for_timeout(1500)
    idle = _move_pointer(page)
    return {
        "snapshots_per_s": snapshots,
        "frame_ms": {"median": float(np.median(painted)), "p95": float(np.percentile(painted, 95))},
        "control_to_frame_ms": {
            "n": len(controls), "median": float(np.median(controls)), "p95": float(np.percentile(controls, 95)),
        },
        "lens_ms": {"training": training, "paused": idle},
    }  # fmt: skip


def _listen(socket: WebSocket, frames: list[bytes]) -> None:
    """Collect the snapshots from the socket of the run (not Streamlit's)."""
    if "/room/live/" in socket.url:
        socket.on("framereceived", lambda data: frames.append(data) if isinstance(data, bytes) else None)


def _turn_beta(page: Page) -> None:
    slider = page.locator(".page-beta input[type=range]")
    box = slider.bounding_box()
    assert box
    for i in range(TURNS):
        page.mouse.click(box["x"] + box["width"] * (0.5 + 0.25 * sin(i)), box["y"] + box["height"] / 2)
        page.wait_for_timeout(400)


def _move_pointer(page: Page) -> dict[str, float]:
    """Median and 95th percentile of the lens, from the pointer to the painted image, in ms."""
    box = page.locator(".page-maps canvas").first.bounding_box()
    assert box
    page.evaluate("for (const list of Object.values(window.times)) list.length = 0")
    for i in range(MOVES):
        angle, radius = i * 0.11, 40 + 0.5 * i
        x = box["x"] + box["width"] / 2 + radius * cos(angle)
        page.mouse.move(x, box["y"] + box["height"] / 2 + 0.8 * radius * sin(angle))
        page.wait_for_timeout(8)
    page.wait_for_timeout(300)
    ms = page.evaluate(f"window.times['{NAMES[1]}']")
    return {"n": len(ms), "median": float(np.median(ms)), "p95": float(np.percentile(ms, 95))}


def _print(numbers: dict[str, Any]) -> None:
    watching, lens, turned = numbers["watching"], numbers["lens_ms"], numbers["control_to_frame_ms"]
    print("\nLive training, digits, 64-256-128-2 and back, one thread at the lowest priority")
    print(f"  throughput kept while watched         {watching['share_kept']:.3f} (goal: at least 0.9)")
    print(f"  snapshots a second                    {numbers['snapshots_per_s']:.1f} (goal: at least 10)")
    frame = numbers["frame_ms"]
    print(f"  between two frames of the page, ms    {frame['median']:.1f} / {frame['p95']:.1f} (goal: at most 33)")
    print(f"  beta to the map under it, ms          {turned['median']:.0f} / {turned['p95']:.0f} (goal: at most 300)")
    ratio = lens["training"]["p95"] / lens["paused"]["p95"]
    print(
        f"  lens, pointer to paint, ms            training {lens['training']['median']:.1f} / "
        f"{lens['training']['p95']:.1f}, paused {lens['paused']['median']:.1f} / {lens['paused']['p95']:.1f}: "
        f"{ratio:.2f} times (goal: at most 1.5)"
    )


if __name__ == "__main__":
    main()
