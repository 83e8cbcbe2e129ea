"""The device that torch computes on, and the settings of the process."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from vae.errors import InputError

MAX_THREADS = 8  # networks of this size gain nothing from more


def pick_device(name: str) -> torch.device:
    """The device of a setting; "auto" is cuda, else mps, else cpu. `InputError` where it is not available."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, found in available.items() if found)
    if not available[name]:
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
    """Configure this process for training on a CPU; call it before anything has run in parallel.

    Uses at most `MAX_THREADS` threads and no more than its allowed cores, unless OMP_NUM_THREADS is set; in the
    `background`, it takes the lowest priority and leaves one core free. Denormal numbers (below 1e-38) become 0: Adam's
    moments of a weight without gradients decay to them, and computing with them makes a step a quarter slower.
    """
    if background and hasattr(os, "nice"):
        os.nice(19)
    if "OMP_NUM_THREADS" not in os.environ:
        allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, min(torch.get_num_threads(), allowed - background, MAX_THREADS)))
    torch.set_flush_denormal(True)
