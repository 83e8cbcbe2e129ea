"""Pictures of a folder or a .zip as images of one size; files that cannot be used are counted.

The first level of folders is the class, as in torchvision's ImageFolder. A single folder that contains all others, and
folders of splits (train, val, test), are skipped when the class level is searched.

Peak memory is that of the resulting images and of one picture: at most half a GiB.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from math import prod
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np

from vae.data.archive import Damaged, beginning, content, is_link, leads_out, opened
from vae.data.formats import advice
from vae.data.image_arrays import Images, described
from vae.errors import InputError
from vae.natural_order import natural
from vae.plan import ImageShape

if TYPE_CHECKING:
    from vae.settings import Settings

FORMATS = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".gif": "GIF", ".bmp": "BMP", ".webp": "WEBP", ".tif": "TIFF",
    ".tiff": "TIFF", ".ppm": "PPM", ".pgm": "PPM", ".pbm": "PPM", ".pnm": "PPM",
}  # fmt: skip
UNREAD = frozenset((  # endings of pictures that are counted as skipped; of other files, the first bytes are tested
    ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".svg", ".psd", ".xcf", ".eps", ".ai", ".tga", ".pcx", ".ico",
    ".dds", ".exr", ".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raw", ".orf", ".rw2", ".dcm", ".dicom", ".nii",
    ".fits", ".fit",
))  # fmt: skip
BEGINNINGS = (
    b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"P4\n", b"P5\n", b"P6\n",
)  # fmt: skip
MAX_FILE = 32 << 20  # bytes of one picture
MAX_TEXT = 4 << 20  # bytes of a picture whose pixels are text, which is slow to read
MAX_PIXELS = 50_000_000  # of one picture
MAX_PICTURES = 100_000
MAX_UNPACKED = 4 << 30  # bytes of all files of a .zip
LEAST, MOST_CLASSES = 20, 200
SHOWN = 4  # names of folders that a remark lists
ORIENTATION = 0x0112  # the EXIF tag
TILE = (322, 323)  # the TIFF tags of a tile's width and height

# usual names of the folders of splits
SPLITS = frozenset(("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"))

BROKEN, LINK, OUTSIDE, LARGE, KIND = range(5)
_SKIPPED = {
    BROKEN: ("broken", "broken"),
    LINK: ("link", "links"),
    OUTSIDE: ("whose name leads out of the archive", "whose names lead out of the archive"),
    LARGE: (f"too large (over {MAX_FILE >> 20} MiB or {MAX_PIXELS // 1_000_000} megapixels)",) * 2,
    KIND: ("of a kind that is not read (save it as .png)", "of a kind that is not read (save them as .png)"),
}


class Fit(NamedTuple):
    """How pictures are converted: cropped to a square about the centre, then scaled to `side` × `side` pixels."""

    side: int = 28
    colour: Literal["grey", "rgb"] = "grey"

    @classmethod
    def of(cls, settings: Settings) -> Fit:
        return cls(settings.picture_size, settings.picture_colour)

    @classmethod
    def like(cls, image_shape: ImageShape) -> Fit:
        """The conversion for a model of images of this shape (C, H, W), which must be square."""
        channels, _, side = image_shape
        return cls(side, "grey" if channels == 1 else "rgb")


DEFAULT = Fit()


class Pictures(NamedTuple):
    """Images with the names of their classes; `remark` is a sentence on how the files were read."""

    images: Images
    classes: tuple[str, ...]
    remark: str


class _Entry(NamedTuple):
    """One file that looks like a picture: its folders, and a function that reads its bytes."""

    folders: tuple[str, ...]
    read: Callable[[], bytes | bytearray]


@dataclass
class _Listing:
    """The files to read, and those that are not read."""

    entries: list[_Entry] = field(default_factory=list)
    skipped: Counter[int] = field(default_factory=Counter)
    unread: set[tuple[str, ...]] = field(default_factory=set)  # folders that hold pictures which are not read
    others: set[tuple[str, ...]] = field(default_factory=set)  # folders that hold other files

    @property
    def places(self) -> set[tuple[str, ...]]:
        """The folders that contain pictures."""
        return {entry.folders for entry in self.entries} | self.unread

    @property
    def is_full(self) -> bool:
        return len(self.entries) > MAX_PICTURES


class _TooLarge(ValueError):
    pass


def read_folder(path: Path, fit: Fit, most: int) -> Pictures:
    """The pictures in a folder and its subfolders. Links are not followed."""
    return _read(_below(path), path.name or str(path), fit, most)


def read_zip(source: Path | bytes, name: str, fit: Fit, most: int) -> Pictures:
    """The pictures of a .zip file; the resulting images may take at most `most` bytes."""
    with opened(source, name, f"{name} is no .zip file, or it is damaged; save it anew.", MAX_UNPACKED) as archive:
        return _read(_within(archive), name, fit, most)


# ---- finding files --------------------------------------------------------------------------------------------------


def _below(root: Path) -> _Listing:
    if not root.is_dir():
        if root.exists():
            raise InputError(advice(root.name, "images"))
        kind = "file" if root.suffix else "folder"
        raise InputError(f"There is no {kind} {root}; choose another image set.")
    found = _Listing()
    for folder, folders, files in os.walk(root, followlinks=False):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if _is_visible(PurePath(name)))
        found.skipped[LINK] += sum((here / name).is_symlink() for name in folders)
        for name in sorted(files):
            path = here / name
            if not _is_visible(path):
                continue
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                found.skipped[LINK] += path.suffix.lower() in FORMATS
            elif stat.S_ISREG(mode):  # no pipes or devices, which may block or never end
                lies_in = here.relative_to(root).parts
                _list(found, path, lies_in, partial(_beginning_of, path), partial(_bytes_of, path))
            if found.is_full:
                return found
    return found


def _beginning_of(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(16)


def _bytes_of(path: Path) -> bytes:
    if path.stat().st_size > MAX_FILE:
        raise _TooLarge
    return path.read_bytes()


def _within(archive: Any) -> _Listing:
    found = _Listing()
    for member in archive.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if member.is_dir() or not _is_visible(path):
            continue
        if path.suffix.lower() not in FORMATS and (is_link(member) or leads_out(member)):
            continue
        if is_link(member):
            found.skipped[LINK] += 1
        elif leads_out(member):
            found.skipped[OUTSIDE] += 1
        elif path.suffix.lower() in FORMATS and member.file_size > MAX_FILE:
            found.skipped[LARGE] += 1
            found.unread.add(path.parts[:-1])
        else:
            begin, read = partial(beginning, archive, member, 16), partial(content, archive, member, MAX_FILE)
            _list(found, path, path.parts[:-1], begin, read)
        if found.is_full:
            break
    return found


def _list(
    found: _Listing, path: PurePath, folders: tuple[str, ...], begin: Callable[[], bytes], read: Callable[[], Any]
) -> None:
    """Add a file to the pictures by its ending or its first bytes; count pictures of formats that are not read."""
    ending = path.suffix.lower()
    if ending in FORMATS or (ending not in UNREAD and _has_picture_signature(begin)):
        found.entries.append(_Entry(folders, read))
    elif ending in UNREAD:
        found.skipped[KIND] += 1
        found.unread.add(folders)
    else:
        found.others.add(folders)


def _has_picture_signature(begin: Callable[[], bytes]) -> bool:
    try:
        data = begin()
    except (Damaged, OSError):
        return False
    webp, bmp = data[:4] == b"RIFF" and data[8:12] == b"WEBP", data[:2] == b"BM" and data[6:10] == bytes(4)
    return webp or bmp or data.startswith(BEGINNINGS)


def _is_visible(path: PurePath) -> bool:
    return not path.name.startswith(".") and "__MACOSX" not in path.parts


# ---- the level of the classes ---------------------------------------------------------------------------------------


class _Level(NamedTuple):
    """`depth` of the folders that are the classes; `looked_through` is a remark on the folders above them."""

    depth: int
    looked_through: str

    def class_of(self, folders: tuple[str, ...]) -> str:
        return folders[self.depth] if len(folders) > self.depth else ""


def _level(places: set[tuple[str, ...]]) -> _Level:
    """The level of the classes for pictures in the folders `places`.

    It is the first level, below a single folder that contains all others and below folders named as splits.
    """
    depth = 0
    wrappers: list[str] = []
    splits: list[str] = []
    while places and not any(len(place) == depth for place in places):
        names = {place[depth] for place in places}
        inner = {place[depth + 1] for place in places if len(place) > depth + 1}
        if not splits and all(name.lower() in SPLITS for name in names):
            splits = sorted(names)
        elif len(names) == 1 and (len(inner) > 1 or not any(len(place) == depth + 1 for place in places)):
            wrappers += names
        else:
            break
        depth += 1
    return _Level(depth, _looked_through(wrappers, splits))


def _looked_through(wrappers: list[str], splits: list[str]) -> str:
    parts = [f"the folder {_listed(wrappers, '/')} is looked through"] if wrappers else []
    if splits:
        parts.append(f"the pictures of {_listed(splits)} are put together, and split anew")
    return "".join(f"; {part}" for part in parts)


def _listed(names: list[str], between: str = ", ") -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return between.join(_named(name)[:40] for name in names[:SHOWN]) + more


# ---- reading pictures -----------------------------------------------------------------------------------------------


class _Conversion(NamedTuple):
    """How values become 0 to 255: the value that is white (None: the maximum of the file's type), and the background
    of transparent pixels.
    """

    white: int | None = None
    behind: Literal["white", "black"] = "white"


@dataclass
class _Read:
    """The pictures that were read with one `_Conversion`."""

    pixels: np.ndarray  # uint8 (N, C, side, side)
    folders: list[tuple[str, ...]]
    skipped: Counter[int]
    sizes: set[tuple[int, int]]
    brightest: float = 0.0  # largest value in any file
    deepest: float = 0.0  # largest value in a file of 32 bits a pixel, whose format does not define white
    see_through: bool = False  # whether some pictures are partly transparent


def _read(found: _Listing, name: str, fit: Fit, most: int) -> Pictures:
    level = _level(found.places)
    _check(found, level, name, fit, most)
    conversion, pixels = _Conversion(), np.empty((len(found.entries), _channels(fit), fit.side, fit.side), np.uint8)
    read = _decoded(found.entries, fit, conversion, pixels)
    if len(read.folders) < LEAST:
        raise InputError(
            f"{name} holds {len(read.folders)} usable pictures{_skipped_text(found.skipped + read.skipped)}; {LEAST} "
            "is the least to train on."
        )
    if (other := _better(read)) != conversion:
        conversion, read = other, _decoded(found.entries, fit, other, pixels)
    classes = sorted({level.class_of(folders) for folders in read.folders}, key=natural)
    labels = {name: label for label, name in enumerate(classes)}
    images = Images(read.pixels, np.array([labels[level.class_of(folders)] for folders in read.folders]))
    made = f"cropped to squares and scaled to {fit.side} × {fit.side}, {'grey' if fit.colour == 'grey' else 'RGB'}"
    count = f"{len(read.folders):,} pictures of {_number(len(read.sizes), 'size')}"
    parts = [
        f"{name}: {count} in {_number(len(classes), 'class', 'classes')}, {made}{level.looked_through}",
        *_made_of(conversion),
        described(images.pixels),
    ]
    remark = "; ".join(parts) + _skipped_text(found.skipped + read.skipped) + _empty_folders(found, level, classes)
    return Pictures(images, tuple(map(_named, classes)), f"{remark}.")


def _check(found: _Listing, level: _Level, name: str, fit: Fit, most: int) -> None:
    entries = found.entries
    if not entries:
        raise InputError(
            f"There is no usable picture in {name}{_skipped_text(found.skipped)}; put .png, .jpg, .gif, .bmp, .webp, "
            ".tif or .pgm files into a folder for each class."
        )
    if found.is_full or len(entries) * fit.side**2 * _channels(fit) > most:
        raise InputError(f"{name} holds too many pictures; take at most {MAX_PICTURES:,}, or a smaller size.")
    folders = len({level.class_of(entry.folders) for entry in entries})
    if folders > MOST_CLASSES:
        raise InputError(f"{name} has {folders} folders of pictures; give it at most {MOST_CLASSES} classes.")


def _channels(fit: Fit) -> int:
    return 1 if fit.colour == "grey" else 3


def _decoded(entries: list[_Entry], fit: Fit, conversion: _Conversion, pixels: np.ndarray) -> _Read:
    """Read the pictures into `pixels`."""
    read = _Read(pixels, [], Counter(), set())
    with catch_warnings():
        simplefilter("ignore")  # Pillow's warnings on metadata and on size, which is limited here
        for entry in entries:
            try:
                one = _picture(entry.read(), fit, conversion)
            except (_TooLarge, MemoryError):
                read.skipped[LARGE] += 1
            except (Damaged, OSError):
                read.skipped[BROKEN] += 1
            else:
                pixels[len(read.folders)] = one.pixels
                read.folders.append(entry.folders)
                read.sizes.add(one.size)
                read.brightest = max(read.brightest, one.brightest)
                read.deepest = max(read.deepest, one.brightest if one.is_deep else 0)
                read.see_through = read.see_through or one.is_see_through
    read.pixels = pixels[: len(read.folders)]
    return read


def _better(read: _Read) -> _Conversion:
    """Another conversion for pictures that the default one would make almost black or of one colour."""
    if 0 < read.brightest <= 1:
        return _Conversion(white=1)
    if read.deepest > 255:
        return _Conversion(white=65535)
    if read.see_through and _is_blank(read.pixels):
        return _Conversion(behind="black")
    return _Conversion()


def _is_blank(pixels: np.ndarray) -> bool:
    return bool(pixels.min() == pixels.max())


def _made_of(conversion: _Conversion) -> list[str]:
    if conversion.white == 1:
        return ["0 and 1 are taken as black and white"]
    if conversion.white:
        return [f"{conversion.white:,} is taken as white"]
    return ["what is transparent is taken as black, for all else is white"] if conversion.behind == "black" else []


def _named(folder: str) -> str:
    return folder[:60].encode("utf-8", "replace").decode() or "images"


def _number(n: int, one: str, more: str = "") -> str:
    """ "one size", "13 sizes"."""
    return f"{'one' if n == 1 and not more else n} {one if n == 1 else more or one + 's'}"


def _skipped_text(skipped: Counter[int]) -> str:
    """ "; skipped: 2 broken, 1 link", or nothing."""
    parts = [f"{n:,} {_SKIPPED[why][n > 1]}" for why, n in sorted(skipped.items()) if n]
    return f"; skipped: {', '.join(parts)}" if parts else ""


def _empty_folders(found: _Listing, level: _Level, classes: list[str]) -> str:
    """A remark on the folders at the level of the classes from which no picture was read, or ""."""
    lost = {level.class_of(folders) for folders in found.places | found.others} - {"", *classes}
    if not lost:
        return ""
    return f"; no picture was read of the folder{'s' * (len(lost) > 1)} {_listed(sorted(lost, key=natural))}"


# ---- one picture ----------------------------------------------------------------------------------------------------


class _One(NamedTuple):
    pixels: np.ndarray  # uint8 (C, side, side)
    size: tuple[int, int]  # of the file, pixels
    brightest: float  # largest value of the file
    is_deep: bool  # 32 bits a pixel
    is_see_through: bool


def _picture(data: bytes | bytearray, fit: Fit, conversion: _Conversion) -> _One:
    """Decode and fit one picture. `Damaged` if it cannot be read, `_TooLarge` beyond the limits."""
    from PIL import Image

    if data[:2] in (b"P1", b"P2", b"P3") and len(data) > MAX_TEXT:
        raise _TooLarge
    try:
        with Image.open(BytesIO(data), formats=tuple(set(FORMATS.values()))) as picture:
            tile = [picture.tag_v2.get(tag, 1) for tag in TILE] if picture.format == "TIFF" else [1]  # type: ignore
            if max(prod(picture.size), prod(tile)) > MAX_PIXELS:
                raise _TooLarge
            return _fitted(picture, fit, conversion)
    except (_TooLarge, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise _TooLarge from None
    except Exception:  # Pillow's decoders raise many kinds of errors
        raise Damaged("no picture") from None


def _fitted(picture: Any, fit: Fit, conversion: _Conversion) -> _One:
    """Fit one picture. It is scaled first, so that all other steps work on a small picture."""
    from PIL import Image, ImageOps

    mode, size = "L" if fit.colour == "grey" else "RGB", picture.size
    picture.draft(mode, (4 * fit.side,) * 2)  # a JPEG is decoded at a reduced size
    picture.load()  # this also applies the orientation of a TIFF
    orientation = picture.getexif().get(ORIENTATION)
    deep, see_through = picture.mode in ("I", "F"), False
    if picture.mode.startswith("I;16"):  # 16 bits a pixel, which Pillow would clip at 255
        values = np.asarray(picture)
        brightest = float(values.max())
        plain = Image.fromarray((values * 255 if conversion.white == 1 else values >> 8).astype(np.uint8))
    elif deep:  # 32 bits a pixel
        brightest, plain = float(picture.getextrema()[1]), picture
    else:
        plain = picture.convert("RGBA" if picture.has_transparency_data else mode)
        see_through = plain.mode == "RGBA" and len(set(plain.getextrema()[3])) == 2
        brightest = _brightest(plain)
        plain = _whitened(plain) if conversion.white == 1 else plain
    square = ImageOps.fit(plain, (fit.side,) * 2, Image.Resampling.LANCZOS)
    if deep:
        square = _of_deep(square, conversion.white or 255)
    if square.mode == "RGBA":
        square = Image.alpha_composite(Image.new("RGBA", square.size, conversion.behind), square)
    square = square.convert(mode)
    square.getexif()[ORIENTATION] = orientation or 1
    pixels = np.asarray(ImageOps.exif_transpose(square))
    return _One(pixels[None] if mode == "L" else pixels.transpose(2, 0, 1), size, brightest, deep, see_through)


def _brightest(plain: Any) -> float:
    """The largest value of a colour channel, transparent pixels included."""
    bounds = plain.getextrema()
    return float(bounds[1] if plain.mode == "L" else max(high for _, high in bounds[:3]))


def _whitened(plain: Any) -> Any:
    """The picture with every colour value above 0 set to 255; opacity is unchanged."""
    colours = len(plain.getbands()) - (plain.mode == "RGBA")
    opacity = list(range(256)) if plain.mode == "RGBA" else []
    return plain.point(([0] + [255] * 255) * colours + opacity)


def _of_deep(square: Any, white: int) -> Any:
    from PIL import Image

    values = np.nan_to_num(np.asarray(square, dtype=np.float64)) * 255 / white
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
