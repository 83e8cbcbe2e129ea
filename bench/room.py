"""Two hundred visitors open the page at once, then follow one link, then request the posteriors of forty images.

One more visitor is a real Chromium. The others are simulated (bench/people.py): each fetches the files that Chromium
fetched, compressed, over six connections, and has a session whose script runs. They use this machine's network address,
as an audience would, but no wireless network; and visitors, Chromium and server share this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import IO, Any
from urllib.parse import urlsplit

import psutil
from playwright.sync_api import Browser, Page

from bench.browser import ROOT, chromium, collecting, start, wait_until_up
from server.access import LECTURE
from server.lecture_link import network_address

PEOPLE = 200
LINKED = "digits-2d"  # the model of the link
INPUT, MOVES = "elbo-room:input-to-paint", 150
READY = ".er-root[data-ready]"


def main(count: int = PEOPLE) -> dict[str, Any]:
    numbers: dict[str, Any] = {"people": count, "load_before": round(os.getloadavg()[0], 2)}
    process, local = start(ROOT / "app.py", {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", LECTURE: "presenter"})
    address = f"http://{network_address() or '127.0.0.1'}:{urlsplit(local).port}"
    try:
        wait_until_up(process, local)
        with chromium() as browser:
            for _ in range(2):  # the first time, no file is compressed yet
                numbers["chromium_alone_s"], page, files = opened(browser, address)
                numbers["lens_alone_ms_p95"] = lens(page)
                page.close()
            with together(address, count, files) as (tell, hear):
                numbers |= measured(tell, hear, browser, address, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(10)
    report(numbers)
    return numbers


def opened(browser: Browser, address: str) -> tuple[float, Page, list[str]]:
    """Seconds until the map responds in a browser with an empty cache, its page, and the files that it fetched."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(collecting(INPUT))
    files: list[str] = []
    page.on("request", lambda request: files.append(request.url.removeprefix(address)))
    began = time.monotonic()
    page.goto(address + "/", wait_until="commit")
    page.wait_for_selector(READY, timeout=100_000)
    seconds = time.monotonic() - began
    page.wait_for_function("performance.getEntriesByName('elbo-room:plotted').length", timeout=100_000)
    # the page itself comes first, its frame after the script; other files are requested by address
    return seconds, page, [file for file in files[1:] if file.startswith("/") and "/room/frame/" not in file]


def lens(page: Page) -> float:
    """Milliseconds from the pointer's move to the paint, 95th percentile."""
    box = page.locator(".er-map").bounding_box()
    assert box
    page.evaluate("for (const list of Object.values(window.times)) list.length = 0")
    for i in range(MOVES):
        page.mouse.move(box["x"] + box["width"] * (0.3 + 0.4 * i / MOVES), box["y"] + box["height"] / 2)
        page.wait_for_timeout(16)
    times: list[float] = page.evaluate(f"window.times['{INPUT}']")
    return quantiles(times, n=20)[-1]


@contextmanager
def together(address: str, count: int, files: list[str]) -> Iterator[tuple[Any, Any]]:
    """A function that starts an action of all visitors at once, and one that reads its results."""
    command = [sys.executable, "-m", "bench.people", address]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        into: IO[str] = process.stdin
        out: IO[str] = process.stdout

        def tell(what: Any) -> None:
            into.write(what + "\n")
            into.flush()

        tell(json.dumps([count, files]))
        out.readline()  # they are ready
        try:
            yield tell, lambda: json.loads(out.readline())
        finally:
            process.terminate()


def measured(tell: Any, hear: Any, browser: Browser, address: str, server: psutil.Process) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    memory, spent = server.memory_info().rss, server.cpu_times()
    tell("open")
    numbers["chromium_among_them_s"], page, _ = opened(browser, address)
    opening = hear()
    used = server.cpu_times()
    numbers |= summary("open", opening)
    numbers["open_clients_cpu_s"] = opening["cpu_s"]
    numbers["open_server_cpu_s"] = used.user + used.system - spent.user - spent.system
    numbers["megabytes_each"] = median(one["megabytes"] for one in opening["measured"])
    numbers["server_kib_each"] = (server.memory_info().rss - memory) / len(opening["measured"]) / 1024
    for kind, what in (("follow", f"follow {LINKED}"), ("ask", "ask")):
        tell(what)
        numbers[f"{kind}_lens_ms_p95"] = lens(page)
        numbers |= summary(kind, hear())
    page.close()
    numbers["server_mib"] = server.memory_info().rss / (1 << 20)
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in numbers.items()}


def summary(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    numbers: dict[str, Any] = {f"{kind}_failed": sum(found["errors"].values())}
    if found["errors"]:
        numbers[f"{kind}_errors"] = found["errors"]
    for name in ("script_s", "everything_s"):
        if times := sorted(one[name] for one in found["measured"] if name in one):
            numbers |= {f"{kind}_{name}_median": median(times), f"{kind}_{name}_last": times[-1]}
    if refused := sum(one.get("refused", 0) for one in found["measured"]):
        numbers[f"{kind}_refused"] = refused
    return numbers


def report(numbers: dict[str, Any]) -> None:
    print(f"\n{numbers['people']} people at once, and one Chromium among them, all on the server's machine")
    for name, value in numbers.items():
        print(f"  {name:<34}{value}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
