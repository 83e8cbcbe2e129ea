"""One training at a time on a device: a line of tickets, each a file that its process holds locked. No torch here.

Whoever dies lets go of his ticket, so the line moves on by itself; no server keeps it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LOOK_EVERY = 0.25  # seconds


@contextmanager
def turn(line: Path, wait: Callable[[int], None]) -> Iterator[Callable[[], bool]]:
    """Wait in the `line`, a folder, until it is one's turn; keep the turn until the context ends.

    `wait(place)` is called over and over meanwhile, with the number of those before; it may raise to leave the line.
    The context's value tells whether somebody waits behind.
    """
    line.mkdir(parents=True, exist_ok=True)
    with FileLock(line / ".lock"):  # so that nobody slips in before a ticket that counts already
        ticket = line / f"{_last(line) + 1:012d}-{os.getpid()}"
        lock = FileLock(ticket)
        lock.acquire()
    try:
        while place := sum(_is_held(other) for other in _tickets(line) if other.name < ticket.name):
            wait(place)
            time.sleep(LOOK_EVERY)
        yield lambda: any(_is_held(other) for other in _tickets(line) if other.name > ticket.name)
    finally:
        ticket.unlink(missing_ok=True)
        lock.release()


def _tickets(line: Path) -> list[Path]:
    return list(line.glob("[0-9]*-[0-9]*"))


def _last(line: Path) -> int:
    """The number of the last ticket in the line, be it held or left behind."""
    return max((int(ticket.name.partition("-")[0]) for ticket in _tickets(line)), default=0)


def _is_held(ticket: Path) -> bool:
    """Whether a process still holds the ticket; one that was left behind is thrown away."""
    with suppress(OSError):
        try:
            with FileLock(ticket, timeout=0):
                ticket.unlink(missing_ok=True)
        except Timeout:
            return True
    return False
