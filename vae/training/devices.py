"""Devices that torch computes on, and the process that uses them."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from vae.errors import InputError

MAX_THREADS = 8  # networks of this size gain nothing from more


def pick_device(name: str) -> torch.device:
    """The device of a setting; "auto" takes cuda, then mps, then cpu. `InputError` where it is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, found in there.items() if found)
    if not there[name]:
        raise InputError(f"This machine has no {name} device that torch can use; choose --device auto or cpu.")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """A device in words, as in "NVIDIA H200" or "AMD EPYC 7763, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return f"Apple GPU ({platform.processor()})"
    return f"{_cpu_name()}, {torch.get_num_threads()} threads"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def prepare_process(background: bool = False) -> None:
    """Set this process up to train well on a CPU; call it before anything else has run in parallel.

    At most `MAX_THREADS`, and no more than the process may run on, unless OMP_NUM_THREADS says otherwise; in the
    `background`, at the lowest priority, and one core is left to whoever watches. And numbers
    below 1e-38 become 0: Adam's memory of a weight that gets no gradient for a while fades into them, and a processor
    computes with them so slowly that a step takes a quarter longer.
    """
    if background and hasattr(os, "nice"):
        os.nice(19)
    if "OMP_NUM_THREADS" not in os.environ:
        allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, min(torch.get_num_threads(), allowed - background, MAX_THREADS)))
    torch.set_flush_denormal(True)
