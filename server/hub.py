"""The hub: a WebSocket for every follower of a run, which sends what is new in its folder and receives requests.

One task reads a run's folder for all its followers. Snapshots and views are not queued: a slow follower gets the latest
one when its connection is ready for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from starlette.websockets import WebSocket, WebSocketDisconnect

from server import access, control_messages, launcher
from server.run_watch import Changes, Watch
from vae.errors import InputError
from vae.files import runs

SNAPSHOT_EVERY, POLL_EVERY = 0.02, 0.25  # seconds between reads: of a run's snapshot while it trains, and of everything
MAX_MESSAGE = 16_384  # characters
FOREIGN, TOO_SLOW = 4403, 1013  # close codes
MAX_QUEUE = 400, 8 << 20  # messages, and characters of them, that may be queued for a follower
BURST, MESSAGES_PER_SECOND = 120.0, 60.0  # messages of a follower at once, and in the long run
HEARTBEAT_EVERY = 5.0  # seconds: a network may drop all packets without closing a connection (feed.js)
TIMEOUT = 150.0  # seconds without a message from a page, which sends heartbeats too, rarely where it is hidden
READ_ONLY = "This run is steered by others; enter its key to steer it."

_log = logging.getLogger(__name__)
_threads = ThreadPoolExecutor(32, "room-live")  # disks may be slow: they are read off the event loop
_T = TypeVar("_T")


async def in_thread(work: Callable[..., _T], *args: Any) -> _T:
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)


class Follower:
    """A connected page: its queue of messages, and the latest snapshot and view that it has not been sent yet."""

    def __init__(self) -> None:
        self.steers = False
        self.initialized = False  # it has been sent the first message
        self.queue: deque[str] = deque()
        self.queued = 0  # characters
        self.frame: bytes | None = None
        self.view: str | None = None
        self.wake = asyncio.Event()
        self.too_slow = asyncio.Event()
        self.tokens, self.refilled = BURST, time.monotonic()  # a token bucket

    def send(self, message: dict[str, Any]) -> None:
        self.send_text(json.dumps(message))

    def send_text(self, text: str) -> None:
        self.queue.append(text)
        self.queued += len(text)
        if len(self.queue) > MAX_QUEUE[0] or self.queued > MAX_QUEUE[1]:
            self.queue.clear()
            self.too_slow.set()
        self.wake.set()

    def replace(self, frame: bytes | None = None, view: str | None = None) -> None:
        self.frame = frame or self.frame
        self.view = view or self.view
        self.wake.set()

    def take_token(self) -> bool:
        """Whether one more message is within the rate limit."""
        now = time.monotonic()
        self.tokens = min(BURST, self.tokens + (now - self.refilled) * MESSAGES_PER_SECOND)
        self.refilled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    async def send_heartbeats(self) -> None:
        """Queue a heartbeat every so many seconds, unless other messages are queued. Never returns."""
        while True:
            await asyncio.sleep(HEARTBEAT_EVERY)
            if not self.queue:
                self.send({"type": "heartbeat"})

    async def send_queue(self, socket: WebSocket) -> None:
        """Send whatever is queued. Never returns."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            while self.queue:
                text = self.queue.popleft()
                self.queued -= len(text)
                await socket.send_text(text)
            if self.view is not None:
                view, self.view = self.view, None
                await socket.send_text(view)
            if self.frame is not None:
                frame, self.frame = self.frame, None
                await socket.send_bytes(frame)


class Room:
    """One run with all who follow it."""

    def __init__(self, folder: Path) -> None:
        self.watch = Watch(folder)
        self.followers: set[Follower] = set()
        self.view: str | None = None  # the presenter's latest
        self.requests = asyncio.Lock()  # a request depends on the ones before it
        self._entered = asyncio.Event()
        self._counted = 0  # followers, as they were last sent
        self._polled = -1e9

    def enter(self, follower: Follower) -> None:
        self.followers.add(follower)
        self._polled = -1e9
        self._entered.set()

    async def poll(self) -> None:
        """Send the followers whatever is new, until cancelled. Nothing that is in the folder ends it."""
        while True:
            fully = time.monotonic() - self._polled >= POLL_EVERY
            try:
                changes = await in_thread(self.watch.poll, fully)
                if fully:
                    self._polled = time.monotonic()
                self._publish(changes, fully)
            except Exception:
                _log.exception("reading %s", self.watch.folder)
                await asyncio.sleep(1)
            try:
                await asyncio.wait_for(self._entered.wait(), SNAPSHOT_EVERY if self.watch.alive else POLL_EVERY)
            except TimeoutError:
                continue
            self._entered.clear()

    def _publish(self, changes: Changes, fully: bool) -> None:
        if changes.facts is not None:  # it has only now become known what is trained
            for follower in self.followers:
                follower.initialized = False
        texts = self._texts(changes) if fully else []
        for follower in self.followers:
            if follower.initialized:
                for text in texts:
                    follower.send_text(text)
                if changes.frame is not None:
                    follower.replace(changes.frame)
            elif fully:
                self._initialize(follower)

    def _texts(self, changes: Changes) -> list[str]:
        texts = []
        if changes.log is not None:
            start, records = changes.log
            again = {"from": 0} if start == 0 else {}
            texts.append(json.dumps({"type": "log", "records": records, **again}))
        if changes.status is not None or len(self.followers) != self._counted:
            self._counted = len(self.followers)
            # before the log: the status has the branch that the log belongs to
            texts.insert(0, json.dumps({"type": "status", "status": self.watch.status, "followers": self._counted}))
        return texts

    def _initialize(self, follower: Follower) -> None:
        follower.initialized = True
        self._counted = len(self.followers)
        follower.send(
            {
                "type": "run",
                "name": self.watch.folder.name,
                "status": self.watch.status,
                "steer": follower.steers,
                "followers": self._counted,
                "snapshot": self.watch.frame is not None,
                **self.watch.facts,
                "log": self.watch.log,
            }
        )
        follower.replace(self.watch.frame, self.view)


class Hub:
    """The runs that have followers."""

    def __init__(self) -> None:
        self.rooms: dict[str, tuple[Room, asyncio.Task[None]]] = {}

    def enter(self, name: str, folder: Path, follower: Follower) -> Room:
        if name not in self.rooms:
            room = Room(folder)
            self.rooms[name] = room, asyncio.create_task(room.poll())
        room = self.rooms[name][0]
        room.enter(follower)
        return room

    def leave(self, name: str, follower: Follower) -> None:
        room, task = self.rooms[name]
        room.followers.discard(follower)
        if not room.followers:
            del self.rooms[name]
            task.cancel()

    async def follow(self, socket: WebSocket) -> None:
        """The WebSocket route: one follower of one run."""
        name = socket.path_params["run"]
        folder = await in_thread(launcher.find, name)
        if folder is None or not access.same_origin(socket.headers):
            await socket.close(FOREIGN)
            return
        await socket.accept()
        follower = Follower()
        follower.steers = await in_thread(_may_steer_without_key, socket, folder)
        room = self.enter(name, folder, follower)
        try:
            await _until_first(
                follower.send_queue(socket),
                follower.send_heartbeats(),
                _Receiver(socket, room, follower).run(),
                follower.too_slow.wait(),
            )
            if follower.too_slow.is_set():
                async with asyncio.timeout(2):
                    await socket.close(TOO_SLOW, "Your connection is too slow for this run; reload the page.")
        except (WebSocketDisconnect, RuntimeError, TimeoutError):  # the connection is closed
            pass
        finally:
            self.leave(name, follower)


def _may_steer_without_key(socket: WebSocket, folder: Path) -> bool:
    if "origin" not in socket.headers:
        return False
    client = socket.client.host if socket.client else ""
    return access.is_presenters(socket.cookies.get(access.COOKIE)) or access.opens_to_all(
        folder, socket.headers, client
    )


async def _until_first(*coroutines: Any) -> None:
    """Run them all until one ends; raise what it raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Receiver:
    """Handles the messages of one follower."""

    def __init__(self, socket: WebSocket, room: Room, follower: Follower) -> None:
        self.socket, self.room, self.follower = socket, room, follower
        self.folder = room.watch.folder
        self.action: asyncio.Task[None] | None = None
        self.sends_heartbeats = False  # as pages do; other programs need not

    async def run(self) -> None:
        while True:
            async with asyncio.timeout(TIMEOUT if self.sends_heartbeats else None):
                received = await self.socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            try:
                if not self.follower.take_token():
                    raise InputError("That was too much at once; wait a moment.")
                await self._handle(_parse(received.get("text")))
            except InputError as error:
                self.follower.send({"type": "refused", "reason": str(error)})

    async def _handle(self, message: dict[str, Any]) -> None:
        if "token" in message:
            await self._take_key(message["token"])
            return
        if message.get("heartbeat") is True:
            self.sends_heartbeats = True
            return
        if not self.follower.steers:
            raise InputError(READ_ONLY)
        if "request" in message:
            await self._request(message["request"])
        elif "action" in message:
            self._start(message)
        elif isinstance(message.get("view"), dict):
            self._broadcast(json.dumps({"type": "view", "view": message["view"]}))
        else:
            raise InputError("A message has one of token, heartbeat, request, action and view.")

    async def _take_key(self, key: Any) -> None:
        known = isinstance(key, str) and "origin" in self.socket.headers
        if known and await in_thread(access.opens, self.folder, key):
            self.follower.steers = True
        self.follower.send({"type": "steer", "steer": self.follower.steers})

    async def _request(self, change: Any) -> None:
        watch = self.room.watch
        async with self.room.requests:
            status = watch.status or await in_thread(runs.observe, self.folder)
            if isinstance(change, dict) and change.get("resume") is True and not status.get("alive"):
                await in_thread(launcher.resume, self.folder.name)
                return
            id = await in_thread(control_messages.request, self.folder, change, watch.step, watch.facts, status)
        self.follower.send({"type": "accepted", "id": id})

    def _start(self, message: dict[str, Any]) -> None:
        """Start an action, and handle messages meanwhile. It runs to its end though the follower may have left."""
        if self.action is not None and not self.action.done():
            raise InputError("The last action is still being done; wait a moment.")
        self.action = asyncio.create_task(self._act(message))

    async def _act(self, message: dict[str, Any]) -> None:
        try:
            done = await in_thread(_act, self.folder.name, message)
            self.follower.send({"type": "done", "action": message["action"], **done})
        except InputError as error:
            self.follower.send({"type": "refused", "reason": str(error)})
        except Exception:
            _log.exception("%s of %s", message["action"], self.folder)
            self.follower.send({"type": "refused", "reason": "This failed; the server's log has the reason."})

    def _broadcast(self, view: str) -> None:
        self.room.view = view
        for other in self.room.followers - {self.follower}:
            other.replace(view=view)


def _act(name: str, message: dict[str, Any]) -> dict[str, str]:
    match message:
        case {"action": "resume", "batch_size": int(size)} if not isinstance(size, bool):
            return _named(*launcher.resume(name, size))
        case {"action": "resume", **rest} if "batch_size" not in rest:
            return _named(*launcher.resume(name))
        case {"action": "fork", "kept": int(number)} if not isinstance(number, bool):
            return _named(*launcher.go_on_from(name, number))
        case {"action": "fork", **rest} if "kept" not in rest:
            return _named(*launcher.fork(name))
        case {"action": "keep"}:
            return {"run": launcher.keep(name)}
        case _:
            raise InputError(
                "An action is resume (with a batch_size, if it is to change), fork (of a kept state) or keep."
            )


def _named(run: str, key: str | None) -> dict[str, str]:
    return {"run": run} if key is None else {"run": run, "token": key}


def _parse(text: str | None) -> dict[str, Any]:
    if text is None or len(text) > MAX_MESSAGE:
        raise InputError(f"A message is text of at most {MAX_MESSAGE:,} characters.")
    try:
        message = json.loads(text, parse_constant=_reject)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise InputError("A message is a JSON object.")
    return message


def _reject(name: str) -> Any:
    raise ValueError(name)
