"""Safe reading of .zip archives from unknown sources: sizes are checked first, and nothing is extracted to disk."""

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
MAX_RATIO = 1032  # the highest compression ratio of deflate; a member that claims more is damaged
PIECE = 1 << 20  # bytes that are unpacked at a time
_ENTRY = b"PK\x01\x02"  # the first bytes of every member's entry in the directory


class Damaged(ValueError):
    """A member cannot be read."""


@contextmanager
def opened(source: Path | bytes, name: str, refusal: str, most: int) -> Iterator[zipfile.ZipFile]:
    """Open an archive; `InputError` if its directory names more than `most` unpacked bytes, or it cannot be read.

    `name` is used in messages; `refusal` is the message for a file that is not an archive.
    """
    try:
        _check_members(source, name)
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
    """The unpacked bytes of `member`. `Damaged` if there are more than `most`, or not as many as its entry says."""
    limit = member.compress_size * (MAX_RATIO if member.compress_type == zipfile.ZIP_DEFLATED else 1)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Damaged("compressed in an unusual way")
    if member.file_size > min(most, limit):
        raise Damaged("too large")
    unpacked = bytearray()
    try:
        with archive.open(member) as file:
            while piece := file.read(PIECE):  # zipfile stops at the size in the entry
                unpacked += piece
    except Exception as error:  # zlib, zipfile and struct fail in many ways
        raise Damaged(str(error)) from None
    if len(unpacked) != member.file_size:
        raise Damaged("cut short")
    return unpacked


def beginning(archive: zipfile.ZipFile, member: zipfile.ZipInfo, n: int) -> bytes:
    """The first `n` unpacked bytes of `member`; `Damaged` where it cannot be read."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Damaged("compressed in an unusual way")
    try:
        with archive.open(member) as file:
            return file.read(n)
    except Exception as error:  # zlib, zipfile and struct fail in many ways
        raise Damaged(str(error)) from None


def is_link(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a symbolic link, by the file mode that Unix archivers store."""
    return stat.S_ISLNK(member.external_attr >> 16)


def leads_out(member: zipfile.ZipInfo) -> bool:
    """Whether the name of a member is a path outside the folder of the archive."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or any(part.endswith(":") for part in path.parts[:1])


def _check_members(source: Path | bytes, name: str) -> None:
    """`InputError` if the directory has more than `MAX_MEMBERS` entries, before it is read into memory."""
    if isinstance(source, bytes):
        return _check_entries(source, name)
    if os.path.getsize(source):  # an empty file cannot be mapped
        with open(source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _check_entries(data, name)


def _check_entries(data: bytes | mmap.mmap, name: str) -> None:
    found, at = 0, data.find(_ENTRY)
    while at >= 0:
        found += 1
        if found > MAX_MEMBERS:
            raise InputError(f"{name} holds more than {MAX_MEMBERS:,} files; take fewer.")
        at = data.find(_ENTRY, at + len(_ENTRY))


def _size(number: int) -> str:
    return f"{number >> 30} GiB" if number >= 1 << 30 else f"{number >> 20} MiB"
