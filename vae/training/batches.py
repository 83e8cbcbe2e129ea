"""Batches of image indices, cut from an endless sequence of shuffled passes over the images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor


def resident(pixels: np.ndarray, device: torch.device) -> Tensor:
    """All images as one uint8 tensor: on the device if they fit into half of its free memory, else on the host."""
    images = torch.from_numpy(pixels)
    if device.type == "cuda" and images.nbytes > torch.cuda.mem_get_info(device)[0] // 2:
        return images
    return images.to(device)


def batches(seed: int, n: int, size: int, first_step: int, device: torch.device) -> Iterator[Tensor]:
    """Yield the indices (size,) of the images of every step from `first_step` on, without end."""
    epoch, place = divmod(first_step * size, n)
    indices = order(seed, epoch, n, device)
    while True:
        parts, missing = [], size
        while missing:
            parts.append(indices[place : place + missing])
            missing -= len(parts[-1])
            place += len(parts[-1])
            if place == n:
                epoch, place = epoch + 1, 0
                indices = order(seed, epoch, n, device)
        yield torch.cat(parts) if len(parts) > 1 else parts[0]


def order(seed: int, epoch: int, n: int, device: torch.device) -> Tensor:
    """The order of the images in one pass, (n,): it depends on seed and epoch only, so a resumed run continues it."""
    return torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(n)).to(device)
