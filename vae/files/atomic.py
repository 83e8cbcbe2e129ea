"""Atomic replacement of files."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes, durable: bool = True) -> None:
    """Replace `path` by a file with the content `data`; a crash at any moment leaves the old file or the new one.

    With `durable`, this also holds for a crash of the whole machine: the data are flushed to the disk first.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")  # a different one for every writer
    try:
        with open(temporary, "wb") as f:
            f.write(data)
            f.flush()
            if durable:
                os.fsync(f.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
