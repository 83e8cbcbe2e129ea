"""The held-out images that the map shows, with their posteriors, as one .npz file. No torch here.

The app draws the map of a model from this file, without importing torch. Nothing is ever unpickled.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from vae.errors import InputError
from vae.files.atomic import write_atomically

FILE_NAME = "held_out.npz"
MAX_BYTES = 1 << 28  # of all arrays together, before compression


@dataclass(frozen=True, eq=False)
class HeldOut:
    """N test images with the model's numbers of each; row n of every array is one image."""

    images: np.ndarray  # uint8 (N, C, H, W)
    labels: np.ndarray  # int32 (N,)
    index: np.ndarray  # int32 (N,), the image's position in the test split
    mu: np.ndarray  # float32 (N, k)
    logvar: np.ndarray  # float32 (N, k)
    distortion: np.ndarray  # float32 (N,), nats per image, at one draw from q(z|x)


_DTYPES = {"images": "|u1", "labels": "<i4", "index": "<i4", "mu": "<f4", "logvar": "<f4", "distortion": "<f4"}

# The header that numpy writes before such an array. numpy's own reader accepts far more, with many kinds of error.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<dtype>\|u1|<i4|<f4)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>(?:[1-9][0-9]*, ?)*(?:[1-9][0-9]*)?)\), \} *\n",
    re.DOTALL,
)


def save_held_out(path: Path, held_out: HeldOut) -> None:
    """Write `held_out` as a compressed .npz, atomically."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **vars(held_out))
    write_atomically(path, buffer.getvalue())


def read_held_out(path: str | Path) -> HeldOut:
    """Read a file of `save_held_out`; `InputError` where it is missing, damaged or of another kind."""
    path = Path(path)
    try:
        arrays = read_arrays(path)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}; evaluate the model to write it.") from None
    except (OSError, ValueError):
        arrays = {}
    if not _consistent(arrays):
        raise InputError(f"{path} holds no held-out images, or it is damaged; evaluate the model to write a new one.")
    return HeldOut(**arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file that numpy has written, by name; `OSError` or `ValueError` where it is not one."""
    try:
        return _members(path)
    except (EOFError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(str(error)) from None


def _members(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MAX_BYTES:
            raise ValueError("too large")
        if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
            raise ValueError("not written by numpy")
        return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}


def _array(data: bytes) -> np.ndarray:
    header = _HEADER.match(data)
    if header is None:
        raise ValueError("no array")
    dtype = np.dtype(header["dtype"].decode("ascii"))
    shape = [int(n) for n in header["shape"].split(b",") if n.strip()]
    if len(data) - header.end() != prod(shape) * dtype.itemsize:
        raise ValueError("cut short")
    return np.frombuffer(data, dtype, offset=header.end()).reshape(shape).copy()


def _consistent(arrays: dict[str, np.ndarray]) -> bool:
    if {name: array.dtype.str for name, array in arrays.items()} != _DTYPES:
        return False
    n = arrays["images"].shape[0] if arrays["images"].ndim == 4 else 0
    k = arrays["mu"].shape[1] if arrays["mu"].ndim == 2 else 0
    return (
        n > 0
        and k > 0
        and all(arrays[name].shape == (n,) for name in ("labels", "index", "distortion"))
        and all(arrays[name].shape == (n, k) for name in ("mu", "logvar"))
        and all(np.isfinite(arrays[name]).all() for name in ("mu", "logvar", "distortion"))
    )
