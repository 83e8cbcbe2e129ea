"""What the server keeps in memory, bounded in bytes: what has not been used for longest makes room for what is new."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Generic, TypeVar

from vae.errors import InputError

BESIDE = 1 << 10  # bytes that the smallest of things takes

T = TypeVar("T")


class ByteCache(Generic[T]):
    """Key → value, `most` bytes in all. The newest stays even where it alone is larger."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.bytes = 0
        self._values: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, key: str) -> bool:
        """Asking keeps it a while longer."""
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
        """Keep `value`, of `size` bytes, in place of what had this key."""
        with self._lock:
            self._drop(key)
            self._values[key] = value, size + BESIDE
            self.bytes += size + BESIDE
            while self.bytes > self.most and len(self._values) > 1:
                self._drop(next(iter(self._values)))

    def _drop(self, key: str) -> None:
        if key in self._values:
            self.bytes -= self._values.pop(key)[1]


class Budget:
    """Bytes that are taken by what is under way; more are refused by `Busy`."""

    def __init__(self, most: int) -> None:
        self.most, self.used = most, 0
        self._lock = Lock()

    @contextmanager
    def share(self, sentence: str) -> Iterator[Callable[[int], None]]:
        """A function that takes so many bytes more, all of them given back at the end."""
        mine = 0

        def take(size: int) -> None:
            nonlocal mine
            with self._lock:
                if self.used + size > self.most:
                    raise Busy(sentence)
                self.used += size
                mine += size

        try:
            yield take
        finally:
            with self._lock:
                self.used -= mine


class Busy(InputError):
    """There is no room for this now: a sentence that says so, and what to do."""
