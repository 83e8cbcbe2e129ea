"""Images as the library stores them: uint8 pixels, channels first, with labels; conversion to it. No torch here."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from vae.errors import InputError
from vae.plan import ImageShape

MAX_SIDE = 1024  # pixels
CONTRAST = 64  # grey levels between the darkest and the brightest pixel of a set; with fewer, the remark gives advice
_PIECE = 1 << 24  # pixels that are compared at a time


class Images(NamedTuple):
    """N images: `pixels` uint8 (N, C, H, W), 0 to 255, and `labels` int64 (N,)."""

    pixels: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, array: Any, labels: Any) -> Images:
        """Images from uint8, or from floats in [0, 1]: (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1 or 3.

        Where both of the last two fit, (N, C, H, W) is taken. Booleans, and integers that are all 0 or 1, are black and
        white (`black_and_white`). Labels are whole numbers of any type, one an image, or one-hot rows. Raises
        `InputError` for anything else.
        """
        pixels = _channels_first(_to_uint8(np.asarray(array)))
        classes = whole_labels(np.asarray(labels), len(pixels))
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


def black_and_white(array: np.ndarray) -> bool:
    """Whether pixels are booleans, or integers that are all 0 or 1, with at least one 1."""
    if array.dtype == np.bool_:
        return True
    return np.issubdtype(array.dtype, np.integer) and array.size > 0 and array.max() == 1 and array.min() >= 0


def whole_labels(labels: np.ndarray, n: int) -> np.ndarray:
    """Labels (n,) from (n, 1), from one-hot rows (n, C) and from floats without fraction; other arrays unchanged."""
    if labels.shape == (n, 1):
        labels = labels[:, 0]
    elif _is_one_hot(labels, n):
        labels = labels.argmax(axis=1)
    if labels.dtype.kind == "f" and labels.size and np.isfinite(labels).all() and abs(labels).max() < 2**53:
        whole = labels.astype(np.int64)
        return whole if (whole == labels).all() else labels
    return labels


def _is_one_hot(labels: np.ndarray, n: int) -> bool:
    if labels.ndim != 2 or len(labels) != n or not labels.size or labels.dtype.kind not in "biuf":
        return False
    return bool(((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all())


def described(pixels: np.ndarray) -> str:
    """Minimum, maximum and mean of pixels uint8 (N, C, H, W) as part of a sentence, as in "pixels from 0 to 255, mean
    33.3", with a warning where images are all equal, of one colour or of low contrast.
    """
    low, high = int(pixels.min()), int(pixels.max())
    parts = [f"pixels from {low} to {high}, mean {pixels.mean(dtype=float):.1f}"]
    plain, alike = _count_plain(pixels)
    if alike and len(pixels) > 1:
        parts.append(f"all {len(pixels):,} images are alike: look at the files")
    elif plain:
        parts.append(f"{plain:,} of {len(pixels):,} images are of one plain colour")
    if 0 < high - low < CONTRAST:
        parts.append(f"so little contrast (of 0 to 255) is hard to learn: if {high} should be white, scale them first")
    return "; ".join(parts)


def _count_plain(pixels: np.ndarray) -> tuple[int, bool]:
    """Number of images that are of one colour, and whether all images are equal."""
    plain, alike = 0, True
    step = max(1, _PIECE // pixels[0].size)
    for start in range(0, len(pixels), step):
        some = pixels[start : start + step]
        plain += int((some == some[:, :, :1, :1]).all(axis=(1, 2, 3)).sum())
        alike = alike and bool((some == pixels[0]).all())
    return plain, alike


def _to_uint8(array: np.ndarray) -> np.ndarray:
    if array.ndim not in (3, 4) or not array.size:
        raise InputError(
            f"Images must be shaped (N, H, W), (N, H, W, C) or (N, C, H, W) and not be empty, not {array.shape}."
        )
    if black_and_white(array):
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            f"Pixels must be uint8 (0 to 255), floats in [0, 1] or truth values, not {array.dtype}; convert them first."
        )
    low, high = float(array.min()), float(array.max())  # NaN where a pixel is NaN
    if not np.isfinite([low, high]).all():
        raise InputError("Some pixels are not finite numbers (NaN or infinity); replace them first.")
    half = 0.5 / 255  # values that round to 0 or 255 are accepted: interpolation may slightly exceed [0, 1]
    if low < -half or high > 1 + half:
        how = "divide them by 255" if low >= 0 and high <= 255 else "rescale them first"
        raise InputError(f"Floating-point pixels must lie in [0, 1], not in [{low:.9g}, {high:.9g}]; {how}.")
    levels = np.rint(array * 255)
    result: np.ndarray = np.clip(levels, 0, 255, out=levels).astype(np.uint8)
    return result


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
