"""Pictures of a folder or a .zip as images of one size: sub-folders are classes. What cannot be used is counted.

Peak memory is that of the images that come out, and of one picture: at most half a GiB.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import islice
from math import prod
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np

from vae.archive import Damaged, content, is_link, leads_out, opened
from vae.errors import InputError
from vae.images import Images
from vae.plan import ImageShape

if TYPE_CHECKING:
    from vae.settings import Settings

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".gif": "GIF", ".bmp": "BMP", ".webp": "WEBP"}
MAX_FILE = 32 << 20  # bytes of one picture
MAX_PIXELS = 50_000_000  # of one picture
MAX_PICTURES = 100_000
MAX_UNPACKED = 4 << 30  # bytes of all files of a .zip
LEAST, MOST_CLASSES = 20, 200
ORIENTATION = 0x0112  # the EXIF tag

BROKEN, LINK, OUTSIDE, LARGE = range(4)
_SKIPPED = {
    BROKEN: ("broken", "broken"),
    LINK: ("link", "links"),
    OUTSIDE: ("whose name leads out of the archive", "whose names lead out of the archive"),
    LARGE: (f"too large (over {MAX_FILE >> 20} MiB or {MAX_PIXELS // 1_000_000} megapixels)",) * 2,
}


class Fit(NamedTuple):
    """What every picture becomes: cropped to a square about its centre, then scaled to `side` × `side` pixels."""

    side: int = 28
    colour: Literal["grey", "rgb"] = "grey"

    @classmethod
    def of(cls, settings: Settings) -> Fit:
        return cls(settings.picture_size, settings.picture_colour)

    @classmethod
    def like(cls, image_shape: ImageShape) -> Fit:
        """What makes pictures fit a model of such images; for one of another shape than square, nothing does."""
        channels, _, side = image_shape
        return cls(side, "grey" if channels == 1 else "rgb")


DEFAULT = Fit()


class Pictures(NamedTuple):
    """The images with the names of their classes; and `remark`, a sentence on what was made of what."""

    images: Images
    classes: tuple[str, ...]
    remark: str


class _Entry(NamedTuple):
    """One picture that may be read: the name of its class, and its bytes once they are asked for."""

    folder: str
    read: Callable[[], bytes | bytearray]


class _TooLarge(ValueError):
    pass


def read_folder(path: Path, fit: Fit, most: int) -> Pictures:
    """The pictures below a folder of this machine. Links are not followed."""
    skipped: Counter[int] = Counter()
    return _read(list(islice(_below(path, skipped), MAX_PICTURES + 1)), skipped, path.name or str(path), fit, most)


def read_zip(source: Path | bytes, name: str, fit: Fit, most: int) -> Pictures:
    """The pictures of a .zip file; the images made of them take `most` bytes at most."""
    skipped: Counter[int] = Counter()
    with opened(source, name, f"{name} is no .zip file, or it is damaged; save it anew.", MAX_UNPACKED) as archive:
        return _read(list(_within(archive, skipped)), skipped, name, fit, most)


# ---- which there are ------------------------------------------------------------------------------------------------


def _below(root: Path, skipped: Counter[int]) -> Iterator[_Entry]:
    if not root.is_dir():
        raise InputError(f"There is no folder {root}; choose another image set.")
    for folder, folders, files in os.walk(root, followlinks=False):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if _is_shown(PurePath(name)))
        skipped[LINK] += sum((here / name).is_symlink() for name in folders)
        for name in sorted(files):
            path = here / name
            if not _is_picture(path):
                continue
            kind = path.lstat().st_mode
            if stat.S_ISLNK(kind):
                skipped[LINK] += 1
            elif stat.S_ISREG(kind):  # nothing that could wait for ever, or has no end
                yield _Entry("" if here == root else here.name, lambda path=path: _bytes_of(path))  # type: ignore[misc]


def _bytes_of(path: Path) -> bytes:
    if path.stat().st_size > MAX_FILE:
        raise _TooLarge
    return path.read_bytes()


def _within(archive: Any, skipped: Counter[int]) -> Iterator[_Entry]:
    for member in archive.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if member.is_dir() or not _is_picture(path):
            continue
        if is_link(member):
            skipped[LINK] += 1
        elif leads_out(member):
            skipped[OUTSIDE] += 1
        elif member.file_size > MAX_FILE:
            skipped[LARGE] += 1
        else:
            yield _Entry(path.parent.name, lambda member=member: content(archive, member, MAX_FILE))  # type: ignore[misc]


def _is_picture(path: PurePath) -> bool:
    return path.suffix.lower() in FORMATS and _is_shown(path)


def _is_shown(path: PurePath) -> bool:
    return not path.name.startswith(".") and "__MACOSX" not in path.parts


# ---- reading them ---------------------------------------------------------------------------------------------------


def _read(entries: list[_Entry], skipped: Counter[int], name: str, fit: Fit, most: int) -> Pictures:
    _check(entries, skipped, name, fit, most)
    pixels = np.empty((len(entries), 1 if fit.colour == "grey" else 3, fit.side, fit.side), np.uint8)
    folders: list[str] = []
    sizes: set[tuple[int, int]] = set()
    with catch_warnings():
        simplefilter("ignore")  # what Pillow thinks of a file's own notes, and of its size, which is limited here
        for entry in entries:
            try:
                pixels[len(folders)], size = _picture(entry.read(), fit)
            except (_TooLarge, MemoryError):
                skipped[LARGE] += 1
            except (Damaged, OSError):
                skipped[BROKEN] += 1
            else:
                folders.append(entry.folder)
                sizes.add(size)
    if len(folders) < LEAST:
        raise InputError(
            f"{name} holds {len(folders)} usable pictures{_said(skipped)}; {LEAST} is the least to train on."
        )
    classes = sorted(set(folders))
    labels = np.array([classes.index(folder) for folder in folders])
    images = Images.of(pixels[: len(folders)], labels)
    names = tuple(_named(folder) for folder in classes)
    return Pictures(images, names, _remark(name, len(folders), len(sizes), len(classes), fit, skipped))


def _check(entries: list[_Entry], skipped: Counter[int], name: str, fit: Fit, most: int) -> None:
    if not entries:
        endings = ", ".join(FORMATS)
        raise InputError(
            f"There is no usable picture in {name}{_said(skipped)}; put {endings} files into a folder for each class."
        )
    if len(entries) > MAX_PICTURES or len(entries) * fit.side**2 * (1 if fit.colour == "grey" else 3) > most:
        raise InputError(f"{name} holds too many pictures; take at most {MAX_PICTURES:,}, or a smaller size.")
    folders = len({entry.folder for entry in entries})
    if folders > MOST_CLASSES:
        raise InputError(f"{name} has {folders} folders of pictures; give it at most {MOST_CLASSES} classes.")


def _named(folder: str) -> str:
    return folder[:60].encode("utf-8", "replace").decode() or "images"


def _remark(name: str, count: int, sizes: int, classes: int, fit: Fit, skipped: Counter[int]) -> str:
    of_sizes = "one size" if sizes == 1 else f"{sizes} sizes"
    kinds = "1 class" if classes == 1 else f"{classes} classes"
    made = f"cropped to squares and scaled to {fit.side} × {fit.side}, {'grey' if fit.colour == 'grey' else 'RGB'}"
    return f"{name}: {count:,} pictures of {of_sizes} in {kinds}, {made}{_said(skipped)}."


def _said(skipped: Counter[int]) -> str:
    """ "; skipped: 2 broken, 1 link", or nothing."""
    parts = [f"{n:,} {_SKIPPED[why][n > 1]}" for why, n in sorted(skipped.items()) if n]
    return f"; skipped: {', '.join(parts)}" if parts else ""


def _picture(data: bytes | bytearray, fit: Fit) -> tuple[np.ndarray, tuple[int, int]]:
    """One picture, fitted, uint8 (C, side, side); and the size that it had."""
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=tuple(set(FORMATS.values()))) as picture:
            size = picture.size
            if prod(size) > MAX_PIXELS:
                raise _TooLarge
            return _fitted(picture, fit), size
    except (_TooLarge, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise _TooLarge from None
    except Exception:  # a decoder of pictures fails in more ways than can be listed
        raise Damaged("no picture") from None


def _fitted(picture: Any, fit: Fit) -> np.ndarray:
    """Scaled before anything else is done: all but the decoding is then done to a small picture."""
    from PIL import Image, ImageOps

    mode = "L" if fit.colour == "grey" else "RGB"
    picture.draft(mode, (4 * fit.side,) * 2)  # a JPEG is decoded no larger than that needs
    turned = picture.getexif().get(ORIENTATION)
    if picture.mode.startswith("I;16"):  # 16 bits a pixel, which Pillow would cut off at 255
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    plain = picture.convert("RGBA" if picture.has_transparency_data else mode)
    square = ImageOps.fit(plain, (fit.side,) * 2, Image.Resampling.LANCZOS)
    if square.mode == "RGBA":
        square = Image.alpha_composite(Image.new("RGBA", square.size, "white"), square).convert(mode)
    square.getexif()[ORIENTATION] = turned or 1
    pixels = np.asarray(ImageOps.exif_transpose(square))
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)
