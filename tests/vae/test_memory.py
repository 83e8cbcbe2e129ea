"""Bounds on what a process takes, as the system keeps them and as a thread does where it cannot."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from vae import memory

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
HUNGRY = "kept = []\nwhile True: kept.append(b'x' * (8 << 20))"
SLOW = "while True: pass"


@pytest.mark.parametrize("bound", ["bound", "watch"])
@pytest.mark.parametrize(("work", "most"), [(HUNGRY, "600 << 20, 60"), (SLOW, "600 << 20, 1")])
def test_a_process_ends_beyond_its_bounds(bound, work, most) -> None:
    code = f"from vae import memory\nmemory.{bound}({most})\n{work}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=600)
    assert done.returncode not in (0, 2)


def test_what_is_held_is_counted() -> None:
    before = memory.resident()
    with mmap.mmap(-1, 64 << 20) as kept:  # pages of its own: an allocator may have freed ones at hand
        for start in range(0, len(kept), mmap.PAGESIZE):
            kept[start] = 1
        assert memory.resident() - before > len(kept) // 2
