"""The app's own routes behind a real server, and a follower as a browser would be one."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from websockets.sync.client import ClientConnection, connect

from server.hub import Hub
from server.lecture_link import PresenterLink
from server.routes import PreloadHeader, routes

PATIENCE = 600.0  # seconds for what takes its time: a run in the background gets what a busy machine leaves


class Server:
    """The routes on a port of their own."""

    def __init__(self, port: int, hub: Hub) -> None:
        self.host, self.hub = f"127.0.0.1:{port}", hub

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(f"http://{self.host}{path}", headers=headers)
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=PATIENCE) as response:
                return response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    @contextmanager
    def follow(
        self, run: str, key: str | None = None, origin: str | None = "own", queue: int = 16, **headers: str
    ) -> Iterator[Guest]:
        origin = f"http://{self.host}" if origin == "own" else origin
        address = f"ws://{self.host}/room/live/{run}"
        with connect(
            address, origin=origin, additional_headers=headers, max_size=None, max_queue=queue, proxy=None
        ) as socket:
            guest = Guest(socket)
            if key is not None:
                guest.send(token=key)
                assert guest.hear("steer")["steer"]
            yield guest


class Guest:
    """One who follows a run."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.received: list[dict[str, Any]] = []
        self.heard: dict[str, int] = {}  # how many of them have been looked at for messages of a kind

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def receive(self, timeout: float = PATIENCE) -> dict[str, Any]:
        """The next message; a frame as {"type": "frame", "meta": …, "data": …}."""
        data = self.socket.recv(timeout=timeout)
        if isinstance(data, str):
            message = json.loads(data)
        else:
            length = int.from_bytes(data[4:8], "little")
            message = {"type": "frame", "meta": json.loads(data[8 : 8 + length]), "data": data}
        self.received.append(message)
        return message

    def hear(
        self, kind: str, when: Callable[[dict[str, Any]], bool] = lambda _: True, timeout: float = PATIENCE
    ) -> dict[str, Any]:
        """The next message of this kind for which `when` holds. Messages of other kinds may come before or after it."""
        return self._next(kind, lambda message: message["type"] == kind and when(message), timeout)

    def frame(self, when: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The header of the next frame for which `when` holds."""
        return self.hear("frame", lambda message: when(message["meta"]))["meta"]

    def status(self, when: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The next status for which `when` holds, whatever message brings it."""
        return self._next("any status", lambda message: "status" in message and when(message["status"]))["status"]

    def _next(self, kind: str, when: Callable[[dict[str, Any]], bool], timeout: float = PATIENCE) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while True:
            i = self.heard.get(kind, 0)
            if i == len(self.received):
                self.receive(max(0.01, deadline - time.monotonic()))
            self.heard[kind] = i + 1
            if when(self.received[i]):
                return self.received[i]

    def refusal(self) -> str:
        reason = self.hear("refused")["reason"]
        assert reason.endswith(".")
        assert len(reason) < 300
        return reason


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@contextmanager
def serving() -> Iterator[Server]:
    app = Starlette(routes=routes(), middleware=[Middleware(PresenterLink), Middleware(PreloadHeader)])
    [hub] = [route.endpoint.__self__ for route in app.routes if isinstance(route, WebSocketRoute)]
    options = {"ws": "websockets-sansio", "ws_per_message_deflate": False, "log_level": "error"}  # as Streamlit has it
    config = uvicorn.Config(app, host="127.0.0.1", port=0, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Server(server.servers[0].sockets[0].getsockname()[1], hub)
    server.should_exit = True
    thread.join(PATIENCE)


def until(condition: Callable[[], Any], timeout: float = PATIENCE) -> Any:
    """What `condition()` says once it is true."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)
