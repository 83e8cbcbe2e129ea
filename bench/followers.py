"""Lag and load when many clients follow a run.

    python -m bench.followers

Fifty followers of one digits run, in a separate process, while a hundred controls are sent. Lag is the time from a
snapshot (its meta.time) to its receipt. Followers, server and trainer share this machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from websockets.asyncio.client import connect
from websockets.typing import Origin

from bench.browser import ROOT, start, wait_until_up
from server import launcher, runs_root
from server.settings_form import FIRST
from vae.files import control, runs

FOLLOWERS, SECONDS = 50, 20.0
CONTROLS, CONTROL_EVERY = 100, 0.1  # seconds
GIVEN_UP = 3.0  # seconds to wait for the effect of the last control
GOALS = {"lag_p95_ms": "   (goal: at most 250)", "controls_missed": "   (goal: 0)"}


def main() -> dict[str, Any]:
    numbers: dict[str, Any] = {"load_before": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory() as folder, training(Path(folder, "runs")) as (run, key):
        process, address = start(ROOT / "app.py", {"ELBO_ROOM_RUNS": str(runs_root.RUNS)})
        try:
            wait_until_up(process, address)
            numbers |= measure(process.pid, address, f"{address.replace('http', 'ws', 1)}/room/live/{run}", key)
        finally:
            process.terminate()
            process.wait(10)
    print(f"\nOne digits run, {FOLLOWERS} followers for {SECONDS:g} s, {CONTROLS} controls")
    for name, value in numbers.items():
        print(f"  {name:<38}{value}{GOALS.get(name, '')}")
    return numbers


@contextmanager
def training(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and key of a run that trains during the benchmark."""
    before, runs_root.RUNS = runs_root.RUNS, folder
    run, key = launcher.start(replace(FIRST, epochs=100_000))
    try:
        yield run, key
    finally:
        control.ask(folder / run, finish=True)
        while runs.observe(folder / run)["alive"]:
            time.sleep(0.1)
        runs_root.RUNS = before


def measure(server: int, address: str, url: str, key: str) -> dict[str, Any]:
    asyncio.run(steer(url, address, key, 5))  # warm up: the cost of the first follower is not counted
    memory = resident(server)
    command = [sys.executable, "-m", "bench.followers", url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as followers:
        assert followers.stdout is not None
        followers.stdout.readline()  # all are connected
        steering = asyncio.run(steer(url, address, key, CONTROLS))
        added = resident(server) - memory
        lags = json.loads(followers.stdout.read())
    return {**lags, **steering, "server_kib_per_follower": round(added / FOLLOWERS / 1024)}


async def steer(url: str, origin: str, key: str, controls: int) -> dict[str, Any]:
    """Change beta so many times; the delays until a snapshot shows it, and the number of lost controls."""
    sent: list[float] = []
    ids: list[int] = []
    shown: list[tuple[float, int]] = []  # time of receipt of a snapshot, and the last control applied in it

    async def listen() -> None:
        async for message in socket:
            if isinstance(message, bytes):
                shown.append((time.time(), meta_of(message)["control"]))
            elif (reply := json.loads(message))["type"] == "accepted":
                ids.append(reply["id"])

    async with connect(url, origin=Origin(origin), max_size=None, proxy=None) as socket:
        await socket.send(json.dumps({"token": key}))
        listening = asyncio.create_task(listen())
        while not shown:
            await asyncio.sleep(0.05)
        for i in range(controls):
            sent.append(time.time())
            await socket.send(json.dumps({"request": {"beta": 0.5 + i / controls}}))
            await asyncio.sleep(CONTROL_EVERY)
        await asyncio.sleep(GIVEN_UP)
        listening.cancel()
    delays = [
        next((came - start for came, last in shown if last >= id), None) for start, id in zip(sent, ids, strict=False)
    ]
    applied = [delay for delay in delays if delay is not None]
    return {
        "controls_missed": controls - len(applied),
        "control_to_snapshot_p50_ms": round(median(applied) * 1000),
        "control_to_snapshot_p95_ms": round(quantiles(applied, n=20)[-1] * 1000),
    }


async def follow_all(url: str) -> None:
    """The followers' process: prints a line when all are connected, and at the end what they have received."""
    lags: list[float] = []
    counts = [0] * FOLLOWERS
    connected = asyncio.Barrier(FOLLOWERS)

    async def follow(number: int) -> None:
        async with connect(url, max_size=None, proxy=None, ping_interval=None) as socket:
            if await connected.wait() == 0:
                print("connected", flush=True)
            end = time.time() + SECONDS
            async for message in socket:
                now = time.time()
                if isinstance(message, bytes):
                    lags.append(now - meta_of(message)["time"])
                    counts[number] += 1
                if now > end:
                    return

    await asyncio.gather(*map(follow, range(FOLLOWERS)))
    numbers = {
        "followers": FOLLOWERS,
        "snapshots_per_s": round(median(counts) / SECONDS, 1),
        "lag_p50_ms": round(median(lags) * 1000, 1),
        "lag_p95_ms": round(quantiles(lags, n=20)[-1] * 1000, 1),
    }
    print(json.dumps(numbers))


def meta_of(frame: bytes) -> dict[str, Any]:
    return json.loads(frame[8 : 8 + int.from_bytes(frame[4:8], "little")])


def resident(process: int) -> int:
    """Resident memory of a process, in bytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(follow_all(sys.argv[1]))
    else:
        main()
