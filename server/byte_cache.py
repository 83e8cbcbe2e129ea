"""LRU caches and budgets with a limit in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Generic, TypeVar

from vae.errors import InputError

ENTRY_BYTES = 1 << 10  # bytes counted for every entry in addition to its size

T = TypeVar("T")


class ByteCache(Generic[T]):
    """An LRU cache of `most` bytes, thread-safe. The newest entry is kept even if it is larger."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self._values: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, key: str) -> bool:
        """Counts as a use of the entry."""
        return self.get(key) is not None

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> T | None:
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: str, value: T, size: int) -> None:
        """Add `value`, of `size` bytes, or replace the entry of this key."""
        with self._lock:
            self._drop(key)
            self._values[key] = value, size + ENTRY_BYTES
            self.bytes += size + ENTRY_BYTES
            while self.bytes > self.most and len(self._values) > 1:
                self._drop(next(iter(self._values)))

    def _drop(self, key: str) -> None:
        if key in self._values:
            self.bytes -= self._values.pop(key)[1]


class Budget:
    """A limit on the bytes of requests in progress; raises `Busy` beyond it. Thread-safe."""

    def __init__(self, most: int) -> None:
        self.most, self.used = most, 0
        self._lock = Lock()

    @contextmanager
    def share(self, sentence: str) -> Iterator[Callable[[int], None]]:
        """Yield a function that reserves bytes, or raises `Busy(sentence)`; all are released at the end."""
        reserved = 0

        def take(size: int) -> None:
            nonlocal reserved
            with self._lock:
                if self.used + size > self.most:
                    raise Busy(sentence)
                self.used += size
                reserved += size

        try:
            yield take
        finally:
            with self._lock:
                self.used -= reserved


class Busy(InputError):
    """The server has no capacity for this now."""
