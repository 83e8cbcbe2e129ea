"""A queue of requests for one thread that computes. Of a client's requests of one kind only the newest is queued."""

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


class ClientQueue:
    """At most `most` requests, with at most `most_bytes` in their bodies."""

    def __init__(self, name: str, most: int, most_bytes: int) -> None:
        self.most = most
        self.full = f"The server is busy: {most} requests are queued already. Try again in a minute."
        self._budget = Budget(most_bytes)
        self._queue: dict[Hashable, tuple[Future[Any], Callable[[], Any]]] = {}
        self._thread = ThreadPoolExecutor(1, name)
        self._running = False
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._queue)

    def submit(self, key: Hashable, work: Callable[[], T]) -> Future[T]:
        """Queue `work` in the place of a queued request of the same `key`. `Busy` where the queue is full."""
        future: Future[T] = Future()
        with self._lock:
            if key in self._queue:
                self._queue[key][0].cancel()
            elif len(self._queue) >= self.most:
                raise Busy(self.full)
            self._queue[key] = future, work
            if not self._running:
                self._running = True
                self._thread.submit(self._compute)
        return future

    def cancel(self, key: Hashable, future: Future[Any]) -> None:
        """Remove a request from the queue; one that has begun is computed to its end."""
        with self._lock:
            future.cancel()
            if key in self._queue and self._queue[key][0] is future:
                del self._queue[key]

    def _compute(self) -> None:
        while True:
            with self._lock:
                self._running = bool(self._queue)
                if not self._running:
                    return
                future, work = self._queue.pop(next(iter(self._queue)))
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:  # raised where the result is awaited
                future.set_exception(error)

    async def answer(
        self, request: Request, key: Hashable, work: Callable[[bytes], T], most_bytes: int, too_long: str
    ) -> T | None:
        """What `work` computes from the request's body.

        None, and nothing computed, where the client disconnects or sends a newer request before. `InputError` for a
        body of more than `most_bytes`, `Busy` where the queue is full.
        """
        with self._budget.share(self.full) as take:
            body = await _read(request, take, most_bytes, too_long)
            future = self.submit(key, lambda: work(body))
            return await self._result(request, key, future)

    async def _result(self, request: Request, key: Hashable, future: Future[T]) -> T | None:
        result = asyncio.wrap_future(future)
        disconnect = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait((result, disconnect), return_when=asyncio.FIRST_COMPLETED)
        finally:
            disconnect.cancel()
            if not result.done():
                self.cancel(key, future)
                result.cancel()
        return None if result.cancelled() else result.result()


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
