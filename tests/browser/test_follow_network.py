"""A follower behind a network that drops everything without closing a connection: it is said, and it comes back."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from server import hub, runs_root
from tests.browser.conftest import PATIENCE
from tests.browser.room import GALLERY, eventually
from tests.serving import Server, serving
from vae.files import runs

NAME = "done"


class Network:
    """A way to a server on this machine that can go silent: whatever was connected then is never answered again."""

    def __init__(self, port: int) -> None:
        self.target = ("127.0.0.1", port)
        self.silent = threading.Event()
        self.generation = 0  # a connection of an earlier one is lost for good
        self.door = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.door.getsockname()[1]}"
        self.open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> None:
        self.generation += 1
        self.silent.set()

    def recover(self) -> None:
        self.generation += 1
        self.silent.clear()

    def close(self) -> None:
        self.door.close()
        for end in self.open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.door.accept()
                self.open.append(near)
                if self.silent.is_set():
                    continue
                far = socket.create_connection(self.target)
                self.open.append(far)
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink, self.generation), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, generation: int) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if generation != self.generation:
                    return  # swallowed, and neither end hears of it
                sink.sendall(data)
            if generation == self.generation:
                sink.shutdown(socket.SHUT_WR)


@contextmanager
def network(server: Server) -> Iterator[Network]:
    way = Network(int(server.host.rpartition(":")[2]))
    try:
        yield way
    finally:
        way.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runs_root, "RUNS", tmp_path)
    shutil.copytree(GALLERY / "digits-2d", tmp_path / NAME)
    return tmp_path / NAME


def test_a_silent_network_is_told_of_and_come_back_from(browser, folder, monkeypatch) -> None:
    monkeypatch.setattr(hub, "HEARTBEAT_EVERY", 0.2)
    with serving() as server, network(server) as way:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"http://{way.host}/room/follow/{NAME}")
        lost, state = page.locator(".page-lost"), page.locator(".page-state")
        eventually(lambda: _check(state.inner_text() == "finished"))
        times = "{ silence: 1500, attempt: 1000, heartbeat: 500 }"
        module = "new URL('feed.js', new URL(document.querySelector('.er-root').dataset.module, new URL('../..', location.href)))"
        page.evaluate(f"async () => Object.assign((await import({module})).TIMES, {times})")
        page.wait_for_timeout(2500)  # longer than a silence may last: a server that only beats is there
        assert lost.is_hidden()
        way.drop()
        start = time.monotonic()
        lost.wait_for()
        assert time.monotonic() - start > 0.5
        assert "No connection" in lost.inner_text()
        runs.write_status(folder, "failed", step=7, reason="It ended while nobody could hear of it.")
        page.wait_for_timeout(1500)  # attempts are made, which nobody answers
        assert lost.is_visible()
        way.recover()
        lost.wait_for(state="hidden")
        eventually(lambda: _check(state.inner_text() == "failed"))
        page.close()


def _check(truth: object) -> None:
    assert truth
