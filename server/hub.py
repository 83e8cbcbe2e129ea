"""The hub: whoever follows a run gets what is new in its folder pushed, and whoever may steer it is heard.

One task looks into a run's folder for all its followers. Snapshots and views are never queued: a slow follower gets the
latest there is when he is ready for it.
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
from server.run_watch import News, Watch
from vae.errors import InputError
from vae.files import runs

GLANCE, LOOK = 0.02, 0.25  # seconds between looks: at the frame of a run that trains, and at everything
MESSAGE = 16_384  # characters of a message, at most
FOREIGN, TOO_SLOW = 4403, 1013  # close codes
WAITING = 400, 8 << 20  # texts, and characters of them, that may wait for a follower
ASKS, ASKS_PER_SECOND = 120.0, 60.0  # messages at once, and in the long run
BEAT = 5.0  # seconds between two signs of life: a network may drop everything and close nothing (feed.js)
SILENCE = 150.0  # seconds without one from a page, which sends them too, though seldom where it is out of sight
MAY_NOT = "This run is steered by others; enter its key to steer it."

_log = logging.getLogger(__name__)
_threads = ThreadPoolExecutor(32, "room-live")  # disks may be slow; the event loop never waits for one
_T = TypeVar("_T")


async def in_thread(work: Callable[..., _T], *args: Any) -> _T:
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)


class Follower:
    """One who follows: what he is yet to be sent. Texts go in order; of snapshots and views only the latest."""

    def __init__(self) -> None:
        self.steers = False
        self.greeted = False
        self.texts: deque[str] = deque()
        self.waiting = 0  # characters in them
        self.frame: bytes | None = None
        self.view: str | None = None
        self.wake = asyncio.Event()
        self.too_slow = asyncio.Event()
        self.credit, self.credited = ASKS, time.monotonic()

    def say(self, message: dict[str, Any]) -> None:
        self.say_text(json.dumps(message))

    def say_text(self, text: str) -> None:
        self.texts.append(text)
        self.waiting += len(text)
        if len(self.texts) > WAITING[0] or self.waiting > WAITING[1]:
            self.texts.clear()
            self.too_slow.set()
        self.wake.set()

    def show(self, frame: bytes | None = None, view: str | None = None) -> None:
        self.frame = frame or self.frame
        self.view = view or self.view
        self.wake.set()

    def may_speak(self) -> bool:
        """Whether one more message is not too many."""
        now = time.monotonic()
        self.credit = min(ASKS, self.credit + (now - self.credited) * ASKS_PER_SECOND)
        self.credited = now
        if self.credit < 1:
            return False
        self.credit -= 1
        return True

    async def beat(self) -> None:
        """Say that the server is there, for good; not where other words wait to be sent."""
        while True:
            await asyncio.sleep(BEAT)
            if not self.texts:
                self.say({"type": "beat"})

    async def deliver(self, socket: WebSocket) -> None:
        """Send what there is, for good."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            while self.texts:
                text = self.texts.popleft()
                self.waiting -= len(text)
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
        self.asking = asyncio.Lock()  # what is asked depends on what was asked before
        self._nudged = asyncio.Event()
        self._counted = 0
        self._looked = -1e9

    def enter(self, follower: Follower) -> None:
        self.followers.add(follower)
        self._looked = -1e9
        self._nudged.set()

    async def keep_looking(self) -> None:
        """Tell the followers whatever is new, until cancelled. Nothing that is in the folder ends it."""
        while True:
            thoroughly = time.monotonic() - self._looked >= LOOK
            try:
                news = await in_thread(self.watch.look, thoroughly)
                if thoroughly:
                    self._looked = time.monotonic()
                self._tell(news, thoroughly)
            except Exception:
                _log.exception("looking into %s", self.watch.folder)
                await asyncio.sleep(1)
            try:
                await asyncio.wait_for(self._nudged.wait(), GLANCE if self.watch.alive else LOOK)
            except TimeoutError:
                continue
            self._nudged.clear()

    def _tell(self, news: News, thoroughly: bool) -> None:
        if news.facts is not None:  # it has only now become known what is trained
            for follower in self.followers:
                follower.greeted = False
        texts = self._texts(news) if thoroughly else []
        for follower in self.followers:
            if follower.greeted:
                for text in texts:
                    follower.say_text(text)
                if news.frame is not None:
                    follower.show(news.frame)
            elif thoroughly:
                self._greet(follower)

    def _texts(self, news: News) -> list[str]:
        texts = []
        if news.log is not None:
            start, records = news.log
            again = {"from": 0} if start == 0 else {}
            texts.append(json.dumps({"type": "log", "records": records, **again}))
        if news.status is not None or len(self.followers) != self._counted:
            self._counted = len(self.followers)
            # before the log: a status may say that the log is another one from here on
            texts.insert(0, json.dumps({"type": "status", "status": self.watch.status, "followers": self._counted}))
        return texts

    def _greet(self, follower: Follower) -> None:
        follower.greeted = True
        self._counted = len(self.followers)
        follower.say(
            {
                "type": "run",
                "name": self.watch.folder.name,
                "status": self.watch.status,
                "steer": follower.steers,
                "followers": self._counted,
                **self.watch.facts,
                "log": self.watch.log,
            }
        )
        follower.show(self.watch.frame, self.view)


class Hub:
    """The runs that are followed now."""

    def __init__(self) -> None:
        self.rooms: dict[str, tuple[Room, asyncio.Task[None]]] = {}

    def enter(self, name: str, folder: Path, follower: Follower) -> Room:
        if name not in self.rooms:
            room = Room(folder)
            self.rooms[name] = room, asyncio.create_task(room.keep_looking())
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
        """The WebSocket route: everything between one follower and one run."""
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
                follower.deliver(socket),
                follower.beat(),
                _Listener(socket, room, follower).listen(),
                follower.too_slow.wait(),
            )
            if follower.too_slow.is_set():
                async with asyncio.timeout(2):
                    await socket.close(TOO_SLOW, "Your connection is too slow for this run; reload the page.")
        except (WebSocketDisconnect, RuntimeError, TimeoutError):  # it is gone, in one way or another
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


async def _until_first(*works: Any) -> None:
    """Run them all until one ends; raise what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Listener:
    """Hears one follower."""

    def __init__(self, socket: WebSocket, room: Room, follower: Follower) -> None:
        self.socket, self.room, self.follower = socket, room, follower
        self.folder = room.watch.folder
        self.doing: asyncio.Task[None] | None = None
        self.beats = False  # whether it sends signs of life, as pages do and other programs need not

    async def listen(self) -> None:
        while True:
            async with asyncio.timeout(SILENCE if self.beats else None):
                received = await self.socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            try:
                if not self.follower.may_speak():
                    raise InputError("That was too much at once; wait a moment.")
                await self._hear(_parse(received.get("text")))
            except InputError as error:
                self.follower.say({"type": "refused", "reason": str(error)})

    async def _hear(self, message: dict[str, Any]) -> None:
        if "token" in message:
            await self._take_key(message["token"])
            return
        if message.get("beat") is True:
            self.beats = True
            return
        if not self.follower.steers:
            raise InputError(MAY_NOT)
        if "ask" in message:
            await self._ask(message["ask"])
        elif "do" in message:
            self._do(message)
        elif isinstance(message.get("view"), dict):
            self._relay(json.dumps({"type": "view", "view": message["view"]}))
        else:
            raise InputError("A message has one of token, beat, ask, do and view.")

    async def _take_key(self, key: Any) -> None:
        known = isinstance(key, str) and "origin" in self.socket.headers
        if known and await in_thread(access.opens, self.folder, key):
            self.follower.steers = True
        self.follower.say({"type": "steer", "steer": self.follower.steers})

    async def _ask(self, wanted: Any) -> None:
        watch = self.room.watch
        async with self.room.asking:
            status = watch.status or await in_thread(runs.observe, self.folder)
            if isinstance(wanted, dict) and wanted.get("resume") is True and not status.get("alive"):
                await in_thread(launcher.resume, self.folder.name)
                return
            id = await in_thread(control_messages.ask, self.folder, wanted, watch.step, watch.facts, status)
        self.follower.say({"type": "asked", "id": id})

    def _do(self, message: dict[str, Any]) -> None:
        """Begin what takes its time, and hear on meanwhile; it ends also where nobody waits for it any more."""
        if self.doing is not None and not self.doing.done():
            raise InputError("The last thing asked for is still being done; wait a moment.")
        self.doing = asyncio.create_task(self._act(message))

    async def _act(self, message: dict[str, Any]) -> None:
        try:
            done = await in_thread(_act, self.folder.name, message)
            self.follower.say({"type": "done", "do": message["do"], **done})
        except InputError as error:
            self.follower.say({"type": "refused", "reason": str(error)})
        except Exception:
            _log.exception("%s of %s", message["do"], self.folder)
            self.follower.say({"type": "refused", "reason": "This failed; the server's log says why."})

    def _relay(self, view: str) -> None:
        self.room.view = view
        for other in self.room.followers - {self.follower}:
            other.show(view=view)


def _act(name: str, message: dict[str, Any]) -> dict[str, str]:
    match message:
        case {"do": "resume", "batch_size": int(size)} if not isinstance(size, bool):
            return _named(*launcher.resume(name, size))
        case {"do": "resume", **rest} if "batch_size" not in rest:
            return _named(*launcher.resume(name))
        case {"do": "fork", "kept": int(number)} if not isinstance(number, bool):
            return _named(*launcher.go_on_from(name, number))
        case {"do": "fork", **rest} if "kept" not in rest:
            return _named(*launcher.fork(name))
        case {"do": "keep"}:
            return {"run": launcher.keep(name)}
        case _:
            raise InputError(
                "What can be done is resume (with a batch_size, if it is to change), fork (of a kept state) and keep."
            )


def _named(run: str, key: str | None) -> dict[str, str]:
    return {"run": run} if key is None else {"run": run, "token": key}


def _parse(text: str | None) -> dict[str, Any]:
    if text is None or len(text) > MESSAGE:
        raise InputError(f"A message is text of at most {MESSAGE:,} characters.")
    try:
        message = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise InputError("A message is a JSON object.")
    return message


def _no_number(name: str) -> Any:
    raise ValueError(name)
