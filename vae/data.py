"""Image sets behind one door: uint8 pixels, labels, and splits that are fixed and never mixed."""

from __future__ import annotations

import hashlib
import os
import socket
import string
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vae.errors import InputError
from vae.images import Images
from vae.own import read as read_own
from vae.pictures import DEFAULT, Fit
from vae.plan import ImageShape
from vae.settings import DATA_SETS, is_file

ROOT_VARIABLE = "ELBO_ROOM_DATA"
VALIDATION = 5000  # images set aside from a training split of torchvision
HELD_OUT = 5000  # images of a test split that a map shows
TIMEOUT = 10.0  # seconds a server may stay silent

_kept: list[Any] = []  # an operator's definition lives as long as its library object


class Factors(NamedTuple):
    """What the images of each split were drawn from: integers (N, len(names)), counted from 0."""

    names: tuple[str, ...]
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class ImageSet:
    """Three splits of one kind of image; `classes[label]` is the name of a label; `factors`, where they are known.

    `remark` is a sentence on what was made of one's own images, and what was skipped.
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
    """The image set `name`, one of `DATA_SETS`.

    All but "digits" and "sprites" are files below `root`, laid out as torchvision lays them out; without `root`, the
    environment's ELBO_ROOM_DATA names it, else it is `data`. Files that are missing are downloaded, unless `download`
    is false.
    `name` may also be the path of one's own images: an .npz file of `images`, as `Images.of` takes them, and if there
    are any `labels`, and the names of the `classes`; an .npy file of images alone; or pictures in a folder or a .zip
    file, whose sub-folders are classes, each made to `fit`. Raises `InputError` for an unknown name, and where files
    are missing, damaged or cannot be downloaded.
    """
    if is_file(name):
        return _own(name, fit)
    if name not in DATA_SETS:
        raise InputError(f"Unknown data set {name!r}: choose one of {', '.join(DATA_SETS)}.")
    if name == "digits":
        return _digits()
    if name == "sprites":
        return _sprites()
    classes, train, test = _open(name, Path(root or os.environ.get(ROOT_VARIABLE) or "data"), download)
    order = _order(len(train.labels))
    return ImageSet(
        name, classes, train.take(np.sort(order[VALIDATION:])), train.take(np.sort(order[:VALIDATION])), test
    )


def held_out_indices(images: Images, n: int = HELD_OUT) -> np.ndarray:
    """Which `n` images of a test split a map shows: a fixed random choice, sorted; all where there are fewer."""
    return np.sort(_order(len(images.labels))[:n])


def _order(n: int) -> np.ndarray:
    # RandomState's stream is frozen for good, so a split made today is the split of every later numpy
    return np.random.RandomState(0).permutation(n)


def _digits() -> ImageSet:
    from sklearn.datasets import load_digits

    raw = load_digits()
    images = Images.of(raw.images / 16, raw.target)
    return _split("digits", tuple(string.digits), images)


def _sprites() -> ImageSet:
    from vae import sprites

    pixels, factors = sprites.draw()
    images = _split("sprites", sprites.SHAPES, Images.of(pixels, factors[:, 0]))
    return replace(images, factors=Factors(sprites.NAMES, *(factors[part] for part in _parts(len(factors)))))


def _split(name: str, classes: tuple[str, ...], images: Images) -> ImageSet:
    train, validation, test = map(images.take, _parts(len(images.labels)))
    return ImageSet(name, classes, train, validation, test)


def _parts(n: int) -> list[np.ndarray]:
    """Six tenths to train on, one to validate, three to test: always the same ones."""
    return np.split(_order(n), [n * 6 // 10, n * 7 // 10])


def _own(data: str, fit: Fit) -> ImageSet:
    path = Path(data)
    found = read_own(path, path.name, fit)
    images = _split(path.stem, found.classes, found.images)
    return replace(images, remark=found.remark)


# ---- torchvision ----------------------------------------------------------------------------------------------------


class _Source(NamedTuple):
    """`split(datasets, root, train, download)` opens one split as a torchvision data set."""

    split: Callable[[Any, Path, bool, bool], Any]
    classes: tuple[str, ...]


def _idx(kind: str, classes: tuple[str, ...], **options: Any) -> _Source:
    def split(datasets: Any, root: Path, train: bool, download: bool) -> Any:
        # an older torchvision left torch.save files, which its class would read first: only the plain ones are read
        plain = type(kind, (getattr(datasets, kind),), {"_check_legacy_exist": lambda self: False})
        return plain(str(root), train=train, download=download, **options)

    return _Source(split, classes)


_SOURCES = {
    "mnist": _idx("MNIST", tuple(string.digits)),
    "fashion-mnist": _idx(
        "FashionMNIST",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "kmnist": _idx("KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
    "emnist-letters": _idx("EMNIST", tuple(string.ascii_lowercase), split="letters"),
    "qmnist": _idx("QMNIST", tuple(string.digits)),
    # its files are pickles: CIFAR10 checks the MD5 sums of all of them, whenever it is made, before it opens one
    "cifar10": _Source(
        lambda datasets, root, train, download: datasets.CIFAR10(str(root), train=train, download=download),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    ),
    "svhn": _Source(
        lambda datasets, root, train, download: datasets.SVHN(
            str(root), split="train" if train else "test", download=download
        ),
        tuple(string.digits),
    ),
}


def _open(name: str, root: Path, download: bool) -> tuple[tuple[str, ...], Images, Images]:
    """Classes, training split and test split of a set of torchvision's, downloaded to `root` where it is missing."""
    source = _SOURCES[name]
    datasets = torchvision_datasets()

    def both(folder: Path, fetch: bool) -> list[Images]:
        return [_to_images(name, source.split(datasets, folder, train, fetch)) for train in (True, False)]

    try:
        train, test = both(root, False)
    except (RuntimeError, AssertionError, ValueError, TypeError, KeyError, EOFError, OSError) as error:
        if "not found" not in str(error):  # what torchvision says of files that are missing or have a wrong MD5 sum
            raise InputError(f"The files of {name} in {root} are damaged; delete them and run this again.") from error
        if not download:
            raise InputError(
                f"{name} is not in {root}; give the folder that holds it with --data-root or {ROOT_VARIABLE}."
            ) from error
        train, test = _download(name, root, both)
    return source.classes, train, test


def _download(name: str, root: Path, both: Callable[[Path, bool], list[Images]]) -> list[Images]:
    """Download beside, read, then move the files to their places: no half-written file is ever taken for data."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as folder, _impatient():
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
def _impatient() -> Iterator[None]:
    """A server that says nothing for `TIMEOUT` seconds is given up; urllib alone would wait for ever."""
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
        pixels, labels = pixels.transpose(0, 2, 1), labels - 1  # stored on their side, and numbered from 1
    if name == "qmnist":
        labels = labels[:, 0]  # the class; the other columns tell where the digit comes from
    return Images.of(pixels, labels)


def torchvision_datasets() -> Any:
    """torchvision.datasets, imported also where torchvision's compiled operators do not fit the installed torch."""
    try:
        import torchvision.datasets as datasets
    except RuntimeError:
        # "operator torchvision::nms does not exist": a wheel built for another torch. Files are read without its
        # operators, so it is enough that their names are defined when the package registers their shapes.
        import torch

        for module in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)
        import torchvision.datasets as datasets
    return datasets
