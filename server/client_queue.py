"""A line before one thread that computes: everybody has one place in it for each kind of question, the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from starlette.requests import Request

from server.byte_cache import Budget, Busy
from vae.errors import InputError

T = TypeVar("T")


class Line:
    """At most `most` wait, with at most `most_bytes` of questions."""

    def __init__(self, name: str, most: int, most_bytes: int) -> None:
        self.most = most
        self.full = f"The server is busy: {most} questions wait already. Ask again in a minute."
        self._budget = Budget(most_bytes)
        self._waiting: dict[Hashable, tuple[Future[Any], Callable[[], Any]]] = {}
        self._thread = ThreadPoolExecutor(1, name)
        self._going = False
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, place: Hashable, work: Callable[[], T]) -> Future[T]:
        """Wait at `place`; a question that waits there gives it up, turn and all. `Busy` where the line is full."""
        future: Future[T] = Future()
        with self._lock:
            if place in self._waiting:
                self._waiting[place][0].cancel()
            elif len(self._waiting) >= self.most:
                raise Busy(self.full)
            self._waiting[place] = future, work
            if not self._going:
                self._going = True
                self._thread.submit(self._compute)
        return future

    def leave(self, place: Hashable, future: Future[Any]) -> None:
        """Give up a question; one that has had its turn is computed to its end."""
        with self._lock:
            future.cancel()
            if place in self._waiting and self._waiting[place][0] is future:
                del self._waiting[place]

    def _compute(self) -> None:
        while True:
            with self._lock:
                self._going = bool(self._waiting)
                if not self._going:
                    return
                future, work = self._waiting.pop(next(iter(self._waiting)))
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:  # whoever waits for it hears of it
                future.set_exception(error)

    async def answer(
        self, request: Request, place: Hashable, work: Callable[[bytes], T], most_bytes: int, too_long: str
    ) -> T | None:
        """What `work` makes of the request's body, once it is its turn.

        None, and nothing computed, where the client has gone before or has asked anew. `InputError` for a body of more
        than `most_bytes`, `Busy` where the line is full.
        """
        with self._budget.share(self.full) as take:
            body = await _read(request, take, most_bytes, too_long)
            future = self.enter(place, lambda: work(body))
            return await self._in_turn(request, place, future)

    async def _in_turn(self, request: Request, place: Hashable, future: Future[T]) -> T | None:
        turn = asyncio.wrap_future(future)
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait((turn, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not turn.done():
                self.leave(place, future)
                turn.cancel()
        return None if turn.cancelled() else turn.result()


async def _read(request: Request, take: Callable[[int], None], most: int, too_long: str) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        take(len(chunk))
        body += chunk
        if len(body) > most:
            raise InputError(too_long)
    return bytes(body)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
