"""A map of very many points, compared with `st.plotly_chart` of the same points: time to interaction, frame rates.

And what the plain one cannot do: picking, a lasso, and buffer zones.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from math import cos, pi, sin
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from bench.browser import ROOT, chromium, collecting, start, wait_until_up
from vae.data.latents import frame, read

COUNTS = (100_000, 1_000_000)
ROUNDS = {"room": 3, "plain": 2}  # pages opened of each; the plain one takes a minute each
MOVES = 60
HOVERS = 250
LASSOS = 3
LONGEST = 6.0  # most seconds of moving, if fewer views are shown
PLAIN = """
import numpy as np, plotly.graph_objects as go, streamlit as st
st.set_page_config(layout="wide")
points = np.load({path!r})
figure = go.Figure()
for c in range(10):
    mu = points["mu"][points["labels"] == c]
    figure.add_trace(go.Scattergl(x=mu[:, 0], y=mu[:, 1], mode="markers", marker={{"size": 4}}, hoverinfo="skip"))
figure.update_layout(height=800, dragmode="pan")
st.plotly_chart(figure, config={{"scrollZoom": True}})
"""
# Start times, by the page's clock, of frames in which the range of the plot's axes has changed.
VIEWS = """
window.views = [];
window.follow = (plot) => {
  let before = null;
  (function next(now) {
    const { xaxis, yaxis } = document.querySelector(plot)._fullLayout;
    const range = `${xaxis.range} ${yaxis.range}`;
    if (range !== before) window.views.push(now);
    before = range;
    requestAnimationFrame(next);
  })(performance.now());
};
"""
OURS, THEIRS = ".er-plot", ".js-plotly-plot"
PICKED, SELECTED, ZONED = "elbo-room:input-to-paint", "elbo-room:selection", "elbo-room:all-zones"
OURS_READY = "performance.getEntriesByName('elbo-room:interactive')[0]?.startTime"
THEIRS_READY = """() => {
  const plot = document.querySelector(".js-plotly-plot");
  if (!plot?._fullLayout?._size || !plot.querySelector("canvas.gl-canvas-context")) return 0;
  return (window.ready ??= performance.now());
}"""


def main() -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for n in COUNTS:
            path = Path(folder, f"{n}.npz")
            _write(path, n)
            plain = Path(folder, f"{n}.py")
            plain.write_text(PLAIN.format(path=str(path)))
            numbers[f"{n}"] = {
                "frame_MB": len(frame("points", read(path, path.name))) / 1e6,
                "room": _measured(browser, "room", f"?model=path:{path}", ROOT / "app.py"),
                "plain": _measured(browser, "plain", "", plain),
            }
    _print(numbers)
    return numbers


def _print(numbers: dict[str, Any]) -> None:
    print("\nMany points, medians (goals at 1,000,000: 6 s, frame under 20 MB, 15 views/s, server under 1,500 MB)")
    columns = ("opens, s", "again, s", "sent, MB", "pan, /s", "zoom, /s", "server, MB")
    print(f"  {'':34}" + "".join(f"{column:>12}" for column in columns))
    for n, kinds in numbers.items():
        for kind, title in (("room", "this map"), ("plain", "st.plotly_chart")):
            m = kinds[kind]
            cells = [m["first_s"], m["again_s"], m["sent_MB"], m["pan_fps"], m["zoom_fps"], m["server_MB"]]
            print(f"  {int(n):>10,} points  {title:16}" + "".join(f"{cell:12.1f}" for cell in cells))
        print(f"  {'':20}  frame {kinds['frame_MB']:.1f} MB")
    print("\nThis map: pointer → nearest point shown, lasso's end → selection shown, zones of all, fewer where deep")
    headings = ("pick, ms", "p95, ms", "of points", "select, ms", "pan, /s", "zoom, /s", "zones, ms")
    print(f"  {'':17}" + "".join(f"{column:>12}" for column in headings))
    for n, kinds in numbers.items():
        m = kinds["room"]
        cells = [m["pick_ms"], m["pick_p95_ms"], m["selected"], m["select_ms"]]
        cells += [m["zoned_pan_fps"], m["zoned_zoom_fps"], m["zones_ms"]]
        print(f"  {int(n):>10,} points" + "".join(f"{cell:12,.0f}" if cell > 99 else f"{cell:12.1f}" for cell in cells))


def _write(path: Path, n: int) -> None:
    """Ten clusters of means with their variances and labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, n)
    mu = rng.normal(0, 1.6, (10, 2))[labels] + rng.uniform(0.2, 0.6, (10, 2))[labels] * rng.standard_normal((n, 2))
    np.savez(path, mu=mu.astype(np.float32), logvar=rng.normal(-4, 0.5, (n, 2)).astype(np.float32), labels=labels)


def _measured(browser: Browser, kind: str, query: str, script: Path) -> dict[str, float]:
    """Seconds from navigation to an interactive map (the first time the server reads the file), and frame rates."""
    ready, plot = {"room": (OURS_READY, OURS), "plain": (THEIRS_READY, THEIRS)}[kind]
    process, address = start(script)
    more: dict[str, float] = {}
    try:
        wait_until_up(process, address)
        rounds = []
        for left in reversed(range(ROUNDS[kind])):
            page, numbers = _open(browser, f"{address}/{query}", ready, plot)
            rounds.append(numbers | _moved(page, plot))
            if kind == "room" and not left:
                more = _handled(page)
            page.context.close()
        server = _peak(process)
    finally:
        process.terminate()
        process.wait(10)
    again = rounds[1:]
    return more | {
        "first_s": rounds[0]["seconds"],
        "again_s": median(r["seconds"] for r in again),
        "sent_MB": rounds[0]["sent_MB"],
        "pan_fps": median(r["pan_fps"] for r in rounds),
        "zoom_fps": median(r["zoom_fps"] for r in rounds),
        "server_MB": server,
    }


def _open(browser: Browser, url: str, ready: str, plot: str) -> tuple[Page, dict[str, float]]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(VIEWS + collecting(PICKED, SELECTED, ZONED))
    sent = _count_bytes(page)
    page.goto(url, wait_until="commit")
    seconds = page.wait_for_function(ready, timeout=180_000).json_value() / 1000
    page.wait_for_function("(plot) => document.querySelector(plot)?._fullLayout?._size", arg=plot, timeout=180_000)
    page.wait_for_timeout(2000)  # until everything is drawn
    page.evaluate("(plot) => window.follow(plot)", plot)
    return page, {"seconds": seconds, "sent_MB": sum(sent) / 1e6}


def _moved(page: Page, plot: str) -> dict[str, float]:
    x, y = _middle(page, plot)
    page.mouse.move(x, y)
    page.mouse.down()
    pan = _views_a_second(page, lambda i: page.mouse.move(x + 3 * i, y + i))
    page.mouse.up()
    zoom = _views_a_second(page, lambda i: page.mouse.wheel(0, -40 if i % 20 < 10 else 40))
    return {"pan_fps": pan, "zoom_fps": zoom}


def _handled(page: Page) -> dict[str, float]:
    """Other interactions: picking points, drawing a lasso, showing all buffer zones."""
    page.locator('.modebar-btn[data-title="Reset axes"]').click()
    picked = np.array(_marks(page, PICKED, lambda: _hover(page), HOVERS // 2))
    page.locator('[data-tool="select"]').click()
    page.wait_for_selector('.er-root[data-tool="select"]')
    selecting = median(_marks(page, SELECTED, lambda: _lasso(page), 1)[-1] for _ in range(LASSOS))
    selected = int(page.locator(".er-counted").inner_text().split()[0].replace(",", ""))
    page.locator('[data-tool="lens"]').click()
    page.wait_for_selector('.er-root[data-tool="lens"]')
    _marks(page, ZONED, lambda: page.select_option("select.er-zones", "all"), 1)
    motion: dict[str, float] = {}
    zones = _marks(page, ZONED, lambda: motion.update(_moved(page, OURS)), 1)
    return {
        "pick_ms": float(np.median(picked)),
        "pick_p95_ms": float(np.percentile(picked, 95)),
        "select_ms": selecting,
        "selected": selected,
        "zoned_pan_fps": motion["pan_fps"],
        "zoned_zoom_fps": motion["zoom_fps"],
        "zones_ms": zones[-1],
    }


def _marks(page: Page, name: str, act: Callable[[], Any], least: int) -> list[float]:
    """Durations of these marks, in ms, while `act` is repeated until there are enough."""
    page.evaluate("(name) => (window.times[name].length = 0)", name)
    act()
    page.wait_for_function("([name, least]) => window.times[name].length >= least", arg=[name, least], timeout=120_000)
    page.wait_for_timeout(300)
    return page.evaluate("(name) => window.times[name]", name)


def _hover(page: Page) -> None:
    """Move the pointer outwards in a spiral, at about the rate of a mouse."""
    x, y = _middle(page, OURS)
    for i in range(HOVERS):
        page.mouse.move(x + 1.2 * i * cos(0.11 * i), y + i * sin(0.11 * i))
        page.wait_for_timeout(8)


def _lasso(page: Page) -> None:
    """Draw a circle around most of the points."""
    x, y = _middle(page, OURS)
    page.mouse.move(x + 220, y)
    page.mouse.down()
    for i in range(60):
        page.mouse.move(x + 220 * cos(2 * pi * i / 60), y + 220 * sin(2 * pi * i / 60))
    page.mouse.up()


def _middle(page: Page, plot: str) -> tuple[float, float]:
    box = page.locator(plot).first.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _views_a_second(page: Page, move: Callable[[int], None]) -> float:
    """Views a second while the map is moved as fast as the page allows."""
    page.evaluate("window.views.length = 0")
    began = time.monotonic()
    for i in range(MOVES):
        move(i)
        if time.monotonic() - began > LONGEST:
            break
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return len(page.evaluate("window.views")) / (time.monotonic() - began)


def _count_bytes(page: Page) -> list[int]:
    """The sizes of all received data, over HTTP and WebSockets."""
    sent: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sent.append(int(event["encodedDataLength"])))
    session.on("Network.webSocketFrameReceived", lambda event: sent.append(_length(event["response"])))
    return sent


def _length(message: dict[str, Any]) -> int:
    text = len(message["payloadData"])
    return text if message["opcode"] == 1 else text * 3 // 4  # binary ones are given in base64


def _peak(process: subprocess.Popen[bytes]) -> float:
    """The peak memory of the server, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    main()
