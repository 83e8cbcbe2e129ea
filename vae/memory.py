"""The memory that this process uses, and limits on its memory and processor time, on every operating system."""

from __future__ import annotations

import os
import sys
import time
from threading import Thread

import psutil

LOOK_EVERY = 0.01  # seconds


def resident() -> int:
    """Resident memory of this process, in bytes."""
    return int(psutil.Process().memory_info().rss)


def bound(memory: int, seconds: int) -> None:
    """End this process once it uses more than `memory` bytes, or `seconds` of processor time.

    On Linux the operating system enforces both. Other systems lack such limits or ignore them: there a thread checks.
    """
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    else:
        watch(memory, seconds)


def watch(memory: int, seconds: int) -> None:
    """The thread of `bound` for systems other than Linux: checks every `LOOK_EVERY` seconds."""
    Thread(target=_end_beyond, args=(memory, seconds), daemon=True).start()


def _end_beyond(memory: int, seconds: int) -> None:
    while resident() <= memory and time.process_time() <= seconds:
        time.sleep(LOOK_EVERY)
    os._exit(1)
