"""Python imports this where a child process of the tests starts: its priority is written down, and stays as it is.

At the lowest priority a process gets a hundredth of a core beside busy ones, and every test that waits for one hangs on
what else the machine does.
"""

import os
from pathlib import Path


def nice(by: int) -> int:
    if path := os.environ.get("ELBO_ROOM_TEST_NICE"):
        Path(path).write_text(str(by))
    return 0


if hasattr(os, "nice"):
    os.nice = nice
