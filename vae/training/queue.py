"""One training at a time on a device: a line of tickets, each a file that its process holds locked. No torch here.

Whoever dies lets go of his ticket, so the line moves on by itself; no server keeps it. The order is that of coming,
unless some are put ahead: each process says beside its ticket how far ahead it wants to be. Whatever the order, only
one has the turn, for that is a lock of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vae.files.atomic import write_atomically

LOOK_EVERY = 0.25  # seconds
TURN = ".turn"  # locked by who has the turn
FIRST = 2**53  # how far ahead that one is


@contextmanager
def turn(line: Path, wait: Callable[[int], int | None]) -> Iterator[Callable[[], bool]]:
    """Wait in the `line`, a folder, until it is one's turn; keep the turn until the context ends.

    `wait(place)` is called over and over meanwhile, with the number of those before; it may raise to leave the line,
    and may say how far ahead to be: those with a larger number come first, equal ones in the order of coming. The
    context's value tells whether somebody waits behind.
    """
    line.mkdir(parents=True, exist_ok=True)
    with FileLock(line / ".lock"):  # so that nobody slips in before a ticket that counts already
        ticket = line / f"{_last(line) + 1:012d}-{os.getpid()}"
        lock = FileLock(ticket)
        lock.acquire()
    device = FileLock(line / TURN)
    ahead = 0
    try:
        while (place := _before(line, ticket)) or not _take(device):
            wanted = wait(max(1, place)) or 0
            if wanted != ahead:
                ahead = wanted
                _put_ahead(ticket, ahead)
            time.sleep(LOOK_EVERY)
        _put_ahead(ticket, FIRST)
        yield lambda: any(_is_held(other) for other in _tickets(line) if other != ticket)
    finally:
        device.release()
        _beside(ticket).unlink(missing_ok=True)
        ticket.unlink(missing_ok=True)
        lock.release()


def _put_ahead(ticket: Path, ahead: int) -> None:
    write_atomically(_beside(ticket), str(ahead).encode(), durable=False)


def _before(line: Path, ticket: Path) -> int:
    """How many others come before this ticket."""
    own = _rank(ticket)
    return sum(_is_held(other) for other in _tickets(line) if other != ticket and _rank(other) < own)


def _rank(ticket: Path) -> tuple[int, str]:
    """What the line is sorted by."""
    try:
        ahead = int(_beside(ticket).read_text())
    except (OSError, ValueError):
        ahead = 0
    return -ahead, ticket.name


def _take(device: FileLock) -> bool:
    """Take the turn, if nobody has it."""
    try:
        device.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _beside(ticket: Path) -> Path:
    return ticket.with_name(f".ahead-{ticket.name}")


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
                _beside(ticket).unlink(missing_ok=True)
                ticket.unlink(missing_ok=True)
        except Timeout:
            return True
    return False
