"""Image sets by name or path: uint8 pixels, labels, and fixed splits."""

from __future__ import annotations

import gzip
import hashlib
import os
import socket
import string
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vae.data.image_arrays import Images, black_and_white
from vae.data.own_images import read as read_own
from vae.data.pictures import DEFAULT, Fit
from vae.errors import InputError
from vae.plan import ImageShape
from vae.settings import DATA_SETS, is_file

ROOT_VARIABLE = "ELBO_ROOM_DATA"
VALIDATION = 5000  # images of torchvision's training split that become the validation split
HELD_OUT = 5000  # images of a test split that a map shows
TIMEOUT = 10.0  # seconds without data from a server, after which a download fails
MAX_IDX = 1 << 30  # bytes of an idx file, unpacked
PIECE = 1 << 20  # bytes that are unpacked at a time

_kept: list[Any] = []  # keeps library objects alive: their operators disappear with them


class Factors(NamedTuple):
    """The generative factors of the images of each split: integers (N, len(names)), counted from 0."""

    names: tuple[str, ...]
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class ImageSet:
    """Three splits of images of one shape; `classes[label]` is the name of a label.

    `factors` are the generative factors, where they are known. `remark` is a sentence on how the user's own images were
    read and what was skipped, or "".
    """

    name: str
    classes: tuple[str, ...]
    train: Images
    validation: Images
    test: Images
    factors: Factors | None = None
    remark: str = ""

    @property
    def image_shape(self) -> ImageShape:
        """(channels, height, width), the same in every split."""
        return self.train.image_shape

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the pixels and labels of all splits, in their order."""
        digest = hashlib.sha256()
        for images in (self.train, self.validation, self.test):
            digest.update(repr(images.pixels.shape).encode())
            digest.update(np.ascontiguousarray(images.pixels).data)
            digest.update(np.ascontiguousarray(images.labels, dtype="<i8").data)
        return digest.hexdigest()


def load(name: str, root: str | Path | None = None, download: bool = True, fit: Fit = DEFAULT) -> ImageSet:
    """The image set `name`: one of `DATA_SETS`, or the path of the user's own images.

    All named sets but "digits" and "sprites" are files below `root` in torchvision's layout; the default of `root` is
    the environment variable ELBO_ROOM_DATA, else `data`. Missing files are downloaded, unless `download` is false.

    A path is one of: an .npz file with `images` (see `Images.of`) and optional `labels` and `classes` (names); an .npy
    file of images; or a folder or .zip file of pictures, whose first-level folders are the classes. Pictures are
    cropped and scaled to `fit`.

    Raises `InputError` for an unknown name, and where files are missing, damaged or cannot be downloaded.
    """
    if is_file(name):
        return _own(name, fit)
    if name not in DATA_SETS:
        raise InputError(f"Unknown data set {name!r}: choose one of {', '.join(DATA_SETS)}.")
    if name == "digits":
        return _digits()
    if name == "sprites":
        return _sprites()
    classes, train, test, remark = _open(name, data_root(root), download)
    order = _order(len(train.labels))
    parts = train.take(np.sort(order[VALIDATION:])), train.take(np.sort(order[:VALIDATION]))
    return ImageSet(name, classes, *parts, test, remark=remark)


def data_root(root: str | Path | None = None) -> Path:
    """The folder of the image sets: `root`, else the environment variable ELBO_ROOM_DATA, else `data`."""
    return Path(root or os.environ.get(ROOT_VARIABLE) or "data")


def held_out_indices(images: Images, n: int = HELD_OUT) -> np.ndarray:
    """Indices of the `n` images of a test split that a map shows: a fixed random choice, sorted; at most all."""
    return np.sort(_order(len(images.labels))[:n])


def _order(n: int) -> np.ndarray:
    # numpy guarantees that RandomState's stream never changes, so the split is the same in every version
    return np.random.RandomState(0).permutation(n)


def _digits() -> ImageSet:
    from sklearn.datasets import load_digits

    raw = load_digits()
    images = Images.of(raw.images / 16, raw.target)
    return _split("digits", tuple(string.digits), images)


def _sprites() -> ImageSet:
    from vae.data import sprites

    pixels, factors = sprites.draw()
    images = _split("sprites", sprites.SHAPES, Images.of(pixels, factors[:, 0]))
    return replace(images, factors=Factors(sprites.NAMES, *(factors[part] for part in _parts(len(factors)))))


def _split(name: str, classes: tuple[str, ...], images: Images) -> ImageSet:
    train, validation, test = map(images.take, _parts(len(images.labels)))
    return ImageSet(name, classes, train, validation, test)


def _parts(n: int) -> list[np.ndarray]:
    """Indices of the training (60%), validation (10%) and test (30%) images; the same on every call."""
    return np.split(_order(n), [n * 6 // 10, n * 7 // 10])


def _own(data: str, fit: Fit) -> ImageSet:
    path = Path(data)
    found = read_own(path, path.name, fit)
    images = _split(path.stem, found.classes, found.images)
    return replace(images, remark=found.remark)


# ---- torchvision ----------------------------------------------------------------------------------------------------


class _Source(NamedTuple):
    """`split(datasets, root, train, download)` opens one split as a torchvision data set.

    `place` is the path of its files below the root. `idx` are the names of idx files: for these, compressed copies
    (.gz) and copies in other folders are found too.
    """

    split: Callable[[Any, Path, bool, bool], Any]
    classes: tuple[str, ...]
    place: str
    idx: tuple[str, ...] = ()


_FOUR = tuple(f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1"))
_SHARED = ("mnist", "fashion-mnist", "kmnist")  # sets whose files have the same names
_LABELS = {  # MD5 sum of a file of labels (as torchvision downloads it; for MNIST also uncompressed) → its set
    "d53e105ee54ea40749a09fcbcd1e9432": "mnist",
    "ec29112dd5afa0611ce80d1b7f02629c": "mnist",
    "a25bea736e30d166cdddb491f175f624": "mnist",
    "27ae3e4e09519cfbb04c329615203637": "mnist",
    "25c81989df183df01b3e8a0aad5dffbe": "fashion-mnist",
    "bb300cfdad3c16e7a12a480ee83cd310": "fashion-mnist",
    "e144d726b3acfaa3e44228e80efcd344": "kmnist",
    "7320c461ea6c1c855c0b718fb2a4b134": "kmnist",
}


def _idx(kind: str, classes: tuple[str, ...], files: tuple[str, ...] = _FOUR, **options: Any) -> _Source:
    def split(datasets: Any, root: Path, train: bool, download: bool) -> Any:
        # the class would first read torch.save files of an older torchvision; this subclass reads only the idx files
        plain = type(kind, (getattr(datasets, kind),), {"_check_legacy_exist": lambda self: False})
        return plain(str(root), train=train, download=download, **options)

    return _Source(split, classes, f"{kind}/raw", files)


_SOURCES = {
    "mnist": _idx("MNIST", tuple(string.digits)),
    "fashion-mnist": _idx(
        "FashionMNIST",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "kmnist": _idx("KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
    "emnist-letters": _idx(
        "EMNIST",
        tuple(string.ascii_lowercase),
        tuple(f"emnist-letters-{name.replace('t10k', 'test')}" for name in _FOUR),
        split="letters",
    ),
    "qmnist": _idx(
        "QMNIST",
        tuple(string.digits),
        tuple(
            f"qmnist-{part}-{what}" for part in ("train", "test") for what in ("images-idx3-ubyte", "labels-idx2-int")
        ),
    ),
    # its files are pickles; CIFAR10 checks the MD5 sums of all of them before it opens one
    "cifar10": _Source(
        lambda datasets, root, train, download: datasets.CIFAR10(str(root), train=train, download=download),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        "cifar-10-batches-py",
    ),
    "svhn": _Source(
        lambda datasets, root, train, download: datasets.SVHN(
            str(root), split="train" if train else "test", download=download
        ),
        tuple(string.digits),
        "train_32x32.mat",
    ),
}


def _open(name: str, root: Path, download: bool) -> tuple[tuple[str, ...], Images, Images, str]:
    """Classes, training split, test split and remark of a torchvision set, downloaded to `root` if missing."""
    source = _SOURCES[name]
    datasets = torchvision_datasets()
    two_values = False

    def both(folder: Path, fetch: bool) -> list[Images]:
        nonlocal two_values
        splits = [source.split(datasets, folder, train, fetch) for train in (True, False)]
        two_values = all(black_and_white(np.asarray(split.data)) for split in splits)
        return [_to_images(name, split) for split in splits]

    try:
        with _torchvision_layout(name, root) as folder:
            train, test = both(folder, False)
    except (RuntimeError, AssertionError, ValueError, TypeError, KeyError, EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno:
            raise InputError(f"The files of {name} in {root} cannot be read ({error.strerror}); permit it.") from error
        if "not found" not in str(error):  # torchvision's message for files that are missing or have a wrong MD5 sum
            raise InputError(f"The files of {name} in {root} are damaged; delete them and run this again.") from error
        if not download:
            raise InputError(
                f"{name} is not in {root}; give the folder that holds it with --data-root or {ROOT_VARIABLE}."
            ) from error
        train, test = _download(name, root, both)
    return source.classes, train, test, _remark(name, root, two_values)


def at_hand(name: str, root: str | Path | None = None) -> bool:
    """Whether the files of the image set `name` are below `root`, compressed or not; true for sets without files."""
    source, folder = _SOURCES.get(name), data_root(root)
    return source is None or ((folder / source.place).exists() and not source.idx) or len(_found(name, folder)) > 0


@contextmanager
def _torchvision_layout(name: str, root: Path) -> Iterator[Path]:
    """A folder with the idx files of a set in torchvision's layout: `root`, or a temporary copy."""
    source = _SOURCES[name]
    found = _found(name, root)
    if not found or found == [root / source.place / file for file in source.idx]:
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="idx-") as folder:
        place = Path(folder, source.place)
        place.mkdir(parents=True)
        for file, path in zip(source.idx, found, strict=True):
            _unpack(path, place / file)
        yield Path(folder)


def _unpack(path: Path, target: Path) -> None:
    """Copy an idx file, decompressed if it ends in .gz; `ValueError` beyond `MAX_IDX` bytes."""
    with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as packed, open(target, "wb") as plain:
        left = MAX_IDX
        while piece := packed.read(PIECE):
            left -= len(piece)
            if left < 0:
                raise ValueError("too large")
            plain.write(piece)


def _found(name: str, root: Path) -> list[Path]:
    """Paths of the idx files of a set: in torchvision's folder, above it, or directly in `root`; [] if one is missing.

    Each may be compressed (.gz), and have a dot instead of the hyphen before "idx".
    """
    source = _SOURCES[name]
    own = [root / source.place, (root / source.place).parent]
    paths = [_file_of(file, [*own, root, root / "raw", root / "gzip"]) for file in source.idx]
    found = [path for path in paths if path is not None]
    flat = [path for path in found if path.parent not in own]
    return found if len(found) == len(paths) and not any(_owner(path) not in (name, "") for path in flat) else []


def _file_of(file: str, folders: list[Path]) -> Path | None:
    names = [end for name in (file, file.replace("-idx", ".idx")) for end in (name, f"{name}.gz")]
    return next((path for folder in folders for name in names if (path := folder / name).is_file()), None)


def _owner(path: Path) -> str:
    """The set of a file of labels, by its MD5 sum; "" if it is not known."""
    if "labels" not in path.name or path.stat().st_size > 1 << 20:
        return ""
    return _LABELS.get(hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(), "")


def _remark(name: str, root: Path, two_values: bool) -> str:
    """A sentence on what differs from torchvision's files, or ""."""
    parts = ["0 and 1 are taken as black and white"] if two_values else []
    found = _found(name, root) if name in _SHARED else []
    own = (root / _SOURCES[name].place, (root / _SOURCES[name].place).parent)
    if any("labels" in path.name and path.parent not in own and not _owner(path) for path in found):
        others = " and ".join(other for other in _SHARED if other != name)
        parts.append(f"read from files in {root}, whose names might as well be those of {others}")
    return f"{name}: {'; '.join(parts)}." if parts else ""


def _download(name: str, root: Path, both: Callable[[Path, bool], list[Images]]) -> list[Images]:
    """Download to a temporary folder, read, then move the files to `root`, so that no incomplete file is ever read."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as folder, _socket_timeout():
            splits = both(Path(folder), True)
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file() and file.suffix not in (".gz", ".zip"):
                    target = root / file.relative_to(folder)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(file, target)
            return splits
    except (OSError, RuntimeError, HTTPException, EOFError, ValueError, AssertionError) as error:
        reason = (str(getattr(error, "reason", None) or error).split("\n")[0] or type(error).__name__).rstrip(":. ")
        raise InputError(
            f"{name} is not in {root} and could not be downloaded ({reason}); connect to the network, or give the "
            f"folder that holds it with --data-root or {ROOT_VARIABLE}."
        ) from error


@contextmanager
def _socket_timeout() -> Iterator[None]:
    """Set a socket timeout of `TIMEOUT` seconds; urllib alone would wait without limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _to_images(name: str, split: Any) -> Images:
    pixels = np.asarray(split.data)
    labels = np.asarray(split.labels if name == "svhn" else split.targets)
    if name == "emnist-letters":
        pixels, labels = pixels.transpose(0, 2, 1), labels - 1  # stored transposed, and numbered from 1
    if name == "qmnist":
        labels = labels[:, 0]  # the class; the other columns are the digit's source
    return Images.of(pixels, labels)


def torchvision_datasets() -> Any:
    """torchvision.datasets, imported even if torchvision's compiled operators do not fit the torch version."""
    try:
        import torchvision.datasets as datasets
    except RuntimeError:
        # "operator torchvision::nms does not exist": a wheel built for another torch. Data sets do not need the
        # operators; they only have to be defined when the package registers their shapes.
        import torch

        for module in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)
        import torchvision.datasets as datasets
    return datasets
