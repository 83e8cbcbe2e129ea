"""Plain arrays from .npy and .npz files of unknown sources. Nothing is unpickled.

numpy's own reader evaluates the header as Python and allocates the memory that it names. This one accepts only headers
as numpy writes them, and compares the size with the bytes of the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import islice
from math import prod
from pathlib import Path

import numpy as np

from vae.data.archive import Damaged, content, opened
from vae.errors import InputError

KINDS = "biufcUS"  # dtype kinds that are read: booleans, numbers, text; no objects or records
MAX_HEADER = 10_000  # bytes
_HEADER = re.compile(
    rb"\s*\{\s*'descr'\s*:\s*'(?P<dtype>[<>|=]?[a-zA-Z]\d{1,6})'\s*,\s*'fortran_order'\s*:\s*(?P<fortran>True|False)"
    rb"\s*,\s*'shape'\s*:\s*\((?P<shape>[\d\s,]*)\)\s*,?\s*\}\s*"
)
_OTHER = re.compile(rb"\s*\{\s*'descr'\s*:\s*(?P<kind>'[<>|=]?[OVMm]|\[\()")
_KINDS = {
    "O": "Python objects, which are never unpickled",
    "V": "records of several fields",
    "M": "dates",
    "m": "times",
}
_PLAIN = "save it as a plain array of numbers or text, as with numpy.array(values.tolist())"
SHOWN = 5  # names of arrays that a message lists


class Arrays(dict[str, np.ndarray]):
    """Arrays by name; `others` are names of arrays in the same file that were not read."""

    others: tuple[str, ...] = ()

    def lacks(self, wanted: str) -> str:
        """Part of a message for a missing array `wanted`, as in "holds no array named mu, but x_train, y_train"."""
        found = ", ".join(name[:30] for name in (*self, *self.others)[:SHOWN])
        return f"holds no array named {wanted}" + (f", but {found}" if found else "")


class NotPlain(ValueError):
    """An array of a type that is not read; the message names the type, as in "Python objects"."""


def read_npz(source: Path | bytes, name: str, wanted: Collection[str], most: int, advice: str) -> Arrays:
    """Those of the `wanted` arrays that an .npz file holds; the others are not read.

    The archive may unpack to at most `most` bytes. Raises `InputError` for a file that cannot be read, with `advice` on
    what to write instead.
    """
    refusal = f"{name} is no .npz file of plain arrays, or it is damaged; {advice}."
    with opened(source, name, refusal, most) as archive:
        arrays = Arrays()
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        for member in members:
            key = member.filename.removesuffix(".npy")
            if key not in wanted:
                continue
            try:
                arrays[key] = parse(content(archive, member, most))
            except NotPlain as kind:
                raise InputError(f"The array {key} of {name} holds {kind}; {_PLAIN}.") from None
            except Damaged:
                raise InputError(f"The array {key} of {name} is no plain array, or it is damaged; {advice}.") from None
    names = (member.filename.removesuffix(".npy") for member in members)
    arrays.others = tuple(islice((texts(np.array(key))[0] for key in names if key not in wanted), SHOWN))
    return arrays


def read_npy(source: Path | bytes, name: str, most: int) -> np.ndarray:
    """The array of an .npy file of at most `most` bytes; `InputError` if it cannot be read."""
    try:
        if isinstance(source, Path):
            if source.stat().st_size > most:
                raise InputError(f"{name} is larger than {most >> 20} MiB; take fewer or smaller images.")
            source = source.read_bytes()
        return parse(source)
    except FileNotFoundError:
        raise InputError(f"There is no file {source!s}; choose another image set.") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}); give a file that can be.") from None
    except NotPlain as kind:
        raise InputError(f"{name} holds {kind}; {_PLAIN}.") from None
    except Damaged:
        raise InputError(
            f"{name} is no .npy file of a plain array, or it is damaged; write it with numpy.save(path, images)."
        ) from None


def parse(data: bytes | bytearray) -> np.ndarray:
    """The array in the bytes of an .npy file, as a view; `Damaged` if they are not one, `NotPlain` for other types."""
    if data[:6] != b"\x93NUMPY" or data[6:7] not in (b"\1", b"\2", b"\3"):
        raise Damaged("no array")
    start = 10 if data[6] == 1 else 12
    end = start + int.from_bytes(data[8:start], "little")
    text = data[start:end] if end - start <= MAX_HEADER else b""
    header = _HEADER.fullmatch(text)
    if header is None or end > len(data):
        if end <= len(data) and (other := _OTHER.match(text)):
            raise NotPlain(_KINDS.get(other["kind"].decode().lstrip("'<>|=")[:1], "records of several fields"))
        raise Damaged("no plain array")
    try:
        dtype = np.dtype(header["dtype"].decode())
        shape = [int(n) for n in header["shape"].split(b",") if n.strip()]
        if dtype.kind in _KINDS:
            raise NotPlain(_KINDS[dtype.kind])
        if dtype.kind not in KINDS or not dtype.itemsize or prod(shape) * dtype.itemsize != len(data) - end:
            raise Damaged("not what its header says")
        array = np.frombuffer(data, dtype, offset=end)
        return array.reshape(shape, order="F" if header["fortran"] == b"True" else "C")
    except NotPlain:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise Damaged(str(error)) from None


def texts(array: np.ndarray, longest: int = 60) -> list[str]:
    """The elements as strings of at most `longest` characters, with invalid characters replaced.

    `InputError` where an element is not valid text.
    """
    try:
        return [_clean(element, longest) for element in np.ravel(array).tolist()]
    except ValueError:  # invalid code points
        raise InputError("Some names are not text; save them anew as an array of strings.") from None


def _clean(element: object, longest: int) -> str:
    text = element.decode("utf-8", "replace") if isinstance(element, bytes) else str(element)
    return text[:longest].encode("utf-8", "replace").decode()
