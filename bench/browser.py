"""A Chromium for benchmarks, browser tests and screenshots, and the app served to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOW_TO = "install Chromium (Debian: apt-get install chromium), or run: python -m playwright install chromium"
# WebGL in software, as in a browser without a GPU; and no network requests of Chromium itself
FLAGS = [
    "--no-sandbox",
    "--enable-unsafe-swiftshader",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def executable() -> str | None:
    """The installed Chromium, Playwright's own or the system's; None where there is none."""
    with sync_playwright() as playwright:
        return _found(playwright.chromium.executable_path)


def _found(own: str) -> str | None:
    return own if Path(own).exists() else next((path for name in NAMES if (path := shutil.which(name))), None)


def without_webgl(browser: Browser) -> Browser:
    """Start another Chromium without WebGL, not even in software."""
    flags = [flag for flag in FLAGS if "swiftshader" not in flag]
    kind = browser.browser_type
    return kind.launch(
        executable_path=_found(kind.executable_path), args=[*flags, "--disable-gpu", "--disable-3d-apis"]
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    path = executable()
    if path is None:
        raise SystemExit(f"There is no Chromium here: {HOW_TO}.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def start(
    script: str | Path, environment: dict[str, str] | None = None, port: int | None = None
) -> tuple[subprocess.Popen[bytes], str]:
    """Start `streamlit run script`, on a free port unless one is given; the process and its address.

    Does not wait until it answers.
    """
    if port is None:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless=true", f"--server.port={port}"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    return process, f"http://localhost:{port}"


def wait_until_up(process: subprocess.Popen[bytes], address: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}")
        try:
            urllib.request.urlopen(address + "/_stcore/health", timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise TimeoutError(f"the server did not answer within {seconds:g} s")


@contextmanager
def served(script: str | Path, environment: dict[str, str] | None = None) -> Iterator[str]:
    """The address of `streamlit run script`, up as long as the context lasts."""
    process, address = start(script, environment)
    try:
        wait_until_up(process, address)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def collecting(*names: str) -> str:
    """A script that keeps the durations of these User Timing marks in window.times, and the time between frames."""
    return f"""
window.times = {{ {", ".join(f'"{name}": []' for name in (*names, "frame"))} }};
new PerformanceObserver((list) => {{
  for (const entry of list.getEntries()) window.times[entry.name]?.push(entry.duration);
}}).observe({{ type: "measure" }});
let last = null;
requestAnimationFrame(function tick(now) {{
  if (last !== null) window.times.frame.push(now - last);
  last = now;
  requestAnimationFrame(tick);
}});
"""
