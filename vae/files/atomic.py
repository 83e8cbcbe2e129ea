"""Files that are replaced whole, or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Replace `path` by a file of `data`; a crash at any moment leaves the old file or the new one.

    Where that has to hold for a crash of the whole machine too, `durable`, this waits for the disk.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")  # no two writers share one
    try:
        with open(beside, "wb") as f:
            f.write(data)
            f.flush()
            if durable:
                os.fsync(f.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
