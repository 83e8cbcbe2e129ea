"""Images as the library holds them, and what is let in: uint8 pixels, channels first, with labels. No torch here."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vae.errors import InputError
from vae.plan import ImageShape

MAX_SIDE = 1024  # pixels


class Images(NamedTuple):
    """`pixels` uint8 (N, C, H, W), 0 to 255, and `labels` int64 (N,)."""

    pixels: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, array: Any, labels: Any) -> Images:
        """Images from uint8, or from floats in [0, 1]: (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1 or 3.

        Where the last two could both be meant, (N, C, H, W) is. Raises `InputError` for anything else.
        """
        pixels = _channels_first(_to_uint8(np.asarray(array)))
        classes = np.asarray(labels)
        if classes.shape != (len(pixels),):
            raise InputError(f"{len(pixels)} images came with labels of shape {classes.shape}; give each image one.")
        if not np.issubdtype(classes.dtype, np.integer) or classes.min() < 0 or classes.max() >= 2**31:
            raise InputError("Labels must be whole numbers from 0 upwards; number the classes 0, 1, 2, …")
        return cls(np.ascontiguousarray(pixels), classes.astype(np.int64))

    @property
    def image_shape(self) -> ImageShape:
        """(channels, height, width)."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def take(self, indices: np.ndarray) -> Images:
        """The images at `indices`, in that order."""
        return Images(self.pixels[indices], self.labels[indices])


def _to_uint8(array: np.ndarray) -> np.ndarray:
    if array.ndim not in (3, 4) or not array.size:
        raise InputError(
            f"Images must be shaped (N, H, W), (N, H, W, C) or (N, C, H, W) and not be empty, not {array.shape}."
        )
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"Pixels must be uint8 (0 to 255) or floats in [0, 1], not {array.dtype}; convert them first.")
    low, high = float(array.min()), float(array.max())  # not a number, where a pixel is none
    if not np.isfinite([low, high]).all():
        raise InputError("Some pixels are not finite numbers (NaN or infinity); replace them first.")
    if low < 0 or high > 1:
        raise InputError(f"Floating-point pixels must lie in [0, 1], not in [{low:g}, {high:g}]; rescale them first.")
    return np.rint(array * 255).astype(np.uint8)


def _channels_first(array: np.ndarray) -> np.ndarray:
    if array.ndim == 3:
        array = array[:, None]
    elif array.shape[1] not in (1, 3) and array.shape[3] in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    if array.shape[1] not in (1, 3):
        raise InputError(f"Images must have 1 or 3 channels, and an array of shape {array.shape} has neither.")
    if max(array.shape[2:]) > MAX_SIDE:
        raise InputError(f"Images may be at most {MAX_SIDE} pixels wide and high, not {array.shape[2:]}; shrink them.")
    return array
