"""A queue of processes for a device, so that one training at a time uses it. No torch here.

The queue is a folder of tickets, each a file that its process holds locked. The operating system releases the lock of a
process that dies, so the queue needs no server. Processes are served by priority, which each writes to a file beside
its ticket, and with equal priority in order of arrival. One more lock ensures that only one process has the device.
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
TURN = ".turn"  # locked by the process that has the device
FIRST = 2**53  # priority of that process


@contextmanager
def turn(folder: Path, wait: Callable[[int], int | None]) -> Iterator[Callable[[], bool]]:
    """Wait in the queue `folder` for the device, and keep it until the context ends.

    Meanwhile `wait(place)` is called again and again with the number of processes before this one. It may raise to
    leave the queue, and returns the priority (None: 0): larger ones come first. The context's value is a function that
    tells whether another process is waiting.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # ticket numbers are given in order of arrival
        ticket = folder / f"{_last_number(folder) + 1:012d}-{os.getpid()}"
        lock = FileLock(ticket)
        lock.acquire()
    device = FileLock(folder / TURN)
    priority = 0
    try:
        while (place := _place(folder, ticket)) or not _try_acquire(device):
            wanted = wait(max(1, place)) or 0
            if wanted != priority:
                priority = wanted
                _write_priority(ticket, priority)
            time.sleep(LOOK_EVERY)
        _write_priority(ticket, FIRST)
        yield lambda: any(_is_held(other) for other in _tickets(folder) if other != ticket)
    finally:
        device.release()
        _priority_file(ticket).unlink(missing_ok=True)
        ticket.unlink(missing_ok=True)
        lock.release()


def _write_priority(ticket: Path, priority: int) -> None:
    write_atomically(_priority_file(ticket), str(priority).encode(), durable=False)


def _place(folder: Path, ticket: Path) -> int:
    """How many processes come before this ticket."""
    own = _sort_key(ticket)
    return sum(_is_held(other) for other in _tickets(folder) if other != ticket and _sort_key(other) < own)


def _sort_key(ticket: Path) -> tuple[int, str]:
    """The queue is sorted by priority, then by arrival."""
    try:
        priority = int(_priority_file(ticket).read_text())
    except (OSError, ValueError):
        priority = 0
    return -priority, ticket.name


def _try_acquire(device: FileLock) -> bool:
    """Take the lock of the device if it is free. Whether it was."""
    try:
        device.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _priority_file(ticket: Path) -> Path:
    return ticket.with_name(f".priority-{ticket.name}")


def _tickets(folder: Path) -> list[Path]:
    return list(folder.glob("[0-9]*-[0-9]*"))


def _last_number(folder: Path) -> int:
    """The largest ticket number in the folder, or 0."""
    return max((int(ticket.name.partition("-")[0]) for ticket in _tickets(folder)), default=0)


def _is_held(ticket: Path) -> bool:
    """Whether a process still holds the ticket; the ticket of a dead process is removed."""
    with suppress(OSError):
        try:
            with FileLock(ticket, timeout=0):
                _priority_file(ticket).unlink(missing_ok=True)
                ticket.unlink(missing_ok=True)
        except Timeout:
            return True
    return False
