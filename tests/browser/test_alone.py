"""The app needs nobody: no other machine, and no torch until something must be computed on the server."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.browser.room import DEEP, FLAT, ROOT, Room, eventually


def test_a_tour_of_the_page_asks_nothing_of_anyone_else(browser, address) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    context.set_default_timeout(60_000)
    asked: list[str] = []
    own: list[str] = []

    def judge(route) -> None:
        url = route.request.url
        if url.startswith((address, "data:", "blob:")):
            own.append(url)
            route.continue_()
        else:
            asked.append(url)
            route.abort()

    context.route("**/*", judge)
    context.on("page", lambda page: page.on("websocket", lambda socket: own.append(socket.url)))
    room = Room(context.new_page(), address)
    room.open()
    room.hover(1.0, 0.5)
    room.click(0.5, 1.0)
    room.choose("MNIST · 10-D · β = 1").ready(DEEP)
    room.page.get_by_role("button", name="Open a model").click()
    room.page.wait_for_selector('input[type="file"]', state="attached")
    room.page.keyboard.press("Escape")
    for scheme in ("dark", "light"):
        before = _background(room)
        room.page.emulate_media(color_scheme=scheme)
        eventually(lambda before=before: _assert_other(before, _background(room)))
    for colour in ("rate", "class"):
        room.page.select_option("select.er-colour", colour)
    room.page.locator('[data-testid="stMainMenu"] button').click()
    room.page.wait_for_selector('[data-testid="stMainMenuPopover"], [data-testid="stMainMenuList"]')
    room.page.keyboard.press("Escape")
    room.page.reload()
    room.ready(DEEP)
    room.frames()
    context.close()
    assert not asked
    assert len(own) > 20
    sockets = [url for url in own if url.startswith("ws")]
    assert sockets
    assert all(url.startswith(address.replace("http", "ws")) for url in sockets)


def _background(room: Room) -> str:
    return room.page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")


def _assert_other(before: str, now: str) -> None:
    assert now != before


STAND_IN = """
import os, sys
with open(os.environ["TRACE"], "a") as trace:
    trace.write(" ".join(sys.argv) + "\\n")
raise ImportError("there is no torch here")
"""


def test_the_map_is_there_before_torch(browser, tmp_path) -> None:
    """The server runs with a torch that cannot be imported, and that remembers who has tried."""
    from bench.browser import served

    (tmp_path / "torch.py").write_text(STAND_IN)
    trace = tmp_path / "trace"
    environment = {"PYTHONPATH": str(tmp_path), "TRACE": str(trace), "ELBO_ROOM_RUNS": str(tmp_path / "none")}
    script = [sys.executable, "-c", "import torch"]
    tried = subprocess.run(script, env={**os.environ, **environment}, cwd=ROOT, capture_output=True)
    assert tried.returncode == 1  # the stand-in is in force
    trace.unlink()

    with served(ROOT / "app.py", environment) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(60_000)
        room = Room(context.new_page(), address)
        room.open(FLAT)
        image = room.picture()
        at = room.hover(1.0, 1.0)
        assert abs(room.picture() - image).max() > 50
        assert abs(room.fields() - at).max() < 0.00501
        room.choose("MNIST · 10-D · β = 1").ready(DEEP)
        context.close()
    assert not trace.exists()
