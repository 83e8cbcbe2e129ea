"""A .zip archive from elsewhere: opened where what it says of itself can be borne, and never extracted to disk."""

from __future__ import annotations

import io
import mmap
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from vae.errors import InputError

MAX_MEMBERS = 200_000
MAX_RATIO = 1032  # of deflate, at its very best: whoever claims more, lies
PIECE = 1 << 20  # bytes that are unpacked at a time
_ENTRY = b"PK\x01\x02"  # begins the directory's entry of every member


class Damaged(ValueError):
    """A member that cannot be read, for whatever reason."""


@contextmanager
def opened(source: Path | bytes, name: str, refusal: str, most: int) -> Iterator[zipfile.ZipFile]:
    """The archive, where it unpacks to `most` bytes at most by its own account; `InputError` otherwise.

    `name` is what it is called, and `refusal` the sentence for what is no archive at all.
    """
    try:
        _refuse_crowds(source, name)
        archive = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"There is no file {source!s}; choose another image set.") from None
    except IsADirectoryError:
        raise InputError(f"{name} is a folder, not a file; give the file, or rename the folder.") from None
    except PermissionError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}); give a file that can be.") from None
    except Exception:  # zipfile fails in many ways
        raise InputError(refusal) from None
    with archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > most:
            raise InputError(f"{name} holds more than {_size(most)} when unpacked; take fewer or smaller images.")
        if any(member.flag_bits & 1 for member in members):
            raise InputError(f"{name} is encrypted; save it without a password.")
        yield archive


def content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytearray:
    """What `member` holds. `Damaged` where that is more than `most` bytes, or than what it says of itself."""
    limit = member.compress_size * (MAX_RATIO if member.compress_type == zipfile.ZIP_DEFLATED else 1)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Damaged("compressed in an unusual way")
    if member.file_size > min(most, limit):
        raise Damaged("too large")
    unpacked = bytearray()
    try:
        with archive.open(member) as file:
            while piece := file.read(PIECE):  # never more, however much a lying member would give
                unpacked += piece
    except Exception as error:  # zlib, zipfile and struct fail in many ways
        raise Damaged(str(error)) from None
    if len(unpacked) != member.file_size:
        raise Damaged("cut short")
    return unpacked


def beginning(archive: zipfile.ZipFile, member: zipfile.ZipInfo, n: int) -> bytes:
    """The first `n` bytes of what `member` holds; `Damaged` where it cannot be read."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Damaged("compressed in an unusual way")
    try:
        with archive.open(member) as file:
            return file.read(n)
    except Exception as error:  # zlib, zipfile and struct fail in many ways
        raise Damaged(str(error)) from None


def is_link(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a symbolic link, by the file mode that Unix archivers keep."""
    return stat.S_ISLNK(member.external_attr >> 16)


def leads_out(member: zipfile.ZipInfo) -> bool:
    """Whether its name points to a place outside of the archive's own folder."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or any(part.endswith(":") for part in path.parts[:1])


def _refuse_crowds(source: Path | bytes, name: str) -> None:
    """`InputError` where the directory is so long that reading it would fill the memory."""
    if isinstance(source, bytes):
        return _count(source, name)
    if os.path.getsize(source):  # an empty file cannot be mapped
        with open(source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _count(data, name)


def _count(data: bytes | mmap.mmap, name: str) -> None:
    found, at = 0, data.find(_ENTRY)
    while at >= 0:
        found += 1
        if found > MAX_MEMBERS:
            raise InputError(f"{name} holds more than {MAX_MEMBERS:,} files; take fewer.")
        at = data.find(_ENTRY, at + len(_ENTRY))


def _size(number: int) -> str:
    return f"{number >> 30} GiB" if number >= 1 << 30 else f"{number >> 20} MiB"
