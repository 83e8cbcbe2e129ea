"""How much memory this process holds, and bounds on what it takes, on every system."""

from __future__ import annotations

import os
import sys
import time
from threading import Thread

import psutil

LOOK_EVERY = 0.01  # seconds


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(psutil.Process().memory_info().rss)


def bound(memory: int, seconds: int) -> None:
    """End this process once it takes more than so many bytes, or seconds of a processor.

    On Linux the system sees to that. Others have no such limit or do not heed it: there a thread looks.
    """
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    else:
        watch(memory, seconds)


def watch(memory: int, seconds: int) -> None:
    """What `bound` does where the system does not help."""
    Thread(target=_end_beyond, args=(memory, seconds), daemon=True).start()


def _end_beyond(memory: int, seconds: int) -> None:
    while resident() <= memory and time.process_time() <= seconds:
        time.sleep(LOOK_EVERY)
    os._exit(1)
