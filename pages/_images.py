"""Which images there are to train on; and one's own, from an .npz or a .zip of pictures, checked without trust."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from contextlib import suppress
from hashlib import sha256
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.lib import format as npy

from pages import _models
from vae.checkpoint import write_atomically
from vae.data import LEAST_OWN, MOST_CLASSES, ROOT_VARIABLE, Images
from vae.errors import InputError
from vae.settings import DATA_SETS

FOLDER = ".data"
MAX_UPLOAD = 200  # MB
MAX_BYTES = 512 << 20  # of all images, unpacked
MAX_FILE = 32 << 20  # of one picture
MAX_PICTURES = 100_000
MAX_PIXELS = 50_000_000  # of one picture
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".gif": "GIF", ".bmp": "BMP", ".webp": "WEBP"}
SIDES = (16, 28, 32, 48, 64)


def add(name: str, data: bytes, side: int = 28, grey: bool = True) -> Path:
    """Keep an uploaded file; the path of its .npz. Pictures of a .zip become `side` × `side`, grey or RGB.

    Raises `InputError` where it is neither an .npz of images nor a .zip of pictures.
    """
    if name.lower().endswith(".npz"):
        images, classes = _from_arrays(data)
    elif name.lower().endswith(".zip"):
        images, classes = _from_pictures(data, side, grey)
    else:
        raise InputError(f"{name:.60} is neither an .npz nor a .zip file; upload one of these.")
    if len(images.labels) < LEAST_OWN:
        raise InputError(f"{name:.60} holds {len(images.labels)} images; {LEAST_OWN} is the least to train on.")
    return _keep(name, images, classes)


def kept() -> dict[str, str]:
    """Path → name of the images that were uploaded, by name."""
    names = {}
    for path in (_models.RUNS / FOLDER).glob("*.npz"):
        names[str(path.absolute())] = name_of(str(path))
    return dict(sorted(names.items(), key=lambda item: item[1]))


def name_of(data: str) -> str:
    """What one's own images are called: the name of the file that was uploaded, without its ending."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(Path(data).with_suffix(".json").read_text(encoding="utf-8"))["name"])
    return Path(data).stem


def _keep(name: str, images: Images, classes: list[str]) -> Path:
    file = io.BytesIO()
    np.savez(file, images=images.pixels, labels=images.labels, classes=np.array(classes))
    digest = sha256(images.pixels.tobytes() + images.labels.tobytes() + repr(classes).encode()).hexdigest()[:16]
    path = (_models.RUNS / FOLDER / f"{digest}.npz").absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path.with_suffix(".json"), json.dumps({"name": Path(name).stem[:60]}).encode())
        write_atomically(path, file.getvalue())
    except OSError as error:
        raise InputError(f"{path.parent} cannot be written ({error.strerror}); free space or permit it.") from None
    return path


# ---- .npz -----------------------------------------------------------------------------------------------------------


def _from_arrays(data: bytes) -> tuple[Images, list[str]]:
    with _archive(data, "an .npz file") as archive:
        members = {info.filename: info for info in archive.infolist()}
        if "images.npy" not in members:
            raise InputError("The .npz file has no array named images; save it by np.savez(file, images=…, labels=…).")
        pixels = _array(archive, members["images.npy"])
        labels = _array(archive, members["labels.npy"]) if "labels.npy" in members else np.zeros(pixels.shape[:1], int)
        classes = _array(archive, members["classes.npy"]) if "classes.npy" in members else None
    images = Images.of(pixels, labels)
    return images, _class_names(images, classes)


def _class_names(images: Images, classes: np.ndarray | None) -> list[str]:
    count = int(images.labels.max()) + 1
    if count > MOST_CLASSES:
        raise InputError(f"Labels go up to {count - 1}; number at most {MOST_CLASSES} classes from 0 upwards.")
    if classes is not None and classes.shape == (count,) and classes.dtype.kind == "U":
        return [str(name)[:40] for name in classes]
    return [str(i) for i in range(count)]


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """One array of an .npz, whose header must agree with the size of what follows before anything is made of it."""
    try:
        with archive.open(info) as file:
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read(file)
            size = prod(shape) * dtype.itemsize
            if dtype.hasobject or size > MAX_BYTES or size != info.file_size - file.tell():
                raise ValueError("size")
        with archive.open(info) as file:
            return np.asarray(npy.read_array(file, allow_pickle=False))
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
        name = info.filename.removesuffix(".npy")[:40]
        raise InputError(f"The array {name} of the .npz file is damaged or no plain numbers; save it anew.") from None


# ---- .zip -----------------------------------------------------------------------------------------------------------


def _from_pictures(data: bytes, side: int, grey: bool) -> tuple[Images, list[str]]:
    with _archive(data, "a .zip file") as archive:
        members = [info for info in archive.infolist() if _is_picture(info)]
        if not members:
            endings = ", ".join(FORMATS)
            raise InputError(f"There is no picture in the .zip file; put {endings} files into a folder for each class.")
        if len(members) > MAX_PICTURES or len(members) * side * side * (1 if grey else 3) > MAX_BYTES:
            raise InputError(f"{len(members):,} pictures are too many; upload at most {MAX_PICTURES:,}, or smaller.")
        classes = sorted({_class_of(info) for info in members})
        if len(classes) > MOST_CLASSES:
            raise InputError(f"The .zip file has {len(classes)} folders; give it at most {MOST_CLASSES} classes.")
        pixels = np.stack([_picture(archive, info, side, grey) for info in members])
    labels = np.array([classes.index(_class_of(info)) for info in members])
    return Images.of(pixels, labels), [name[:40] or "images" for name in classes]


def _is_picture(info: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(info.filename)
    hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    return not info.is_dir() and not hidden and path.suffix.lower() in FORMATS


def _class_of(info: zipfile.ZipInfo) -> str:
    return PurePosixPath(info.filename).parent.name


def _picture(archive: zipfile.ZipFile, info: zipfile.ZipInfo, side: int, grey: bool) -> np.ndarray:
    """One picture, cropped to a square about its centre and scaled: uint8 (C, side, side)."""
    from PIL import Image, ImageOps

    name = info.filename[-60:]
    try:
        with archive.open(info) as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise InputError(f"The picture {name} is larger than {MAX_FILE >> 20} MB; make it smaller.")
        with catch_warnings():
            simplefilter("ignore")  # what Pillow thinks of a file's own notes
            with Image.open(io.BytesIO(data), formats=tuple(set(FORMATS.values()))) as picture:
                if prod(picture.size) > MAX_PIXELS:
                    raise InputError(f"The picture {name} has {prod(picture.size):,} pixels; make it smaller.")
                upright: Any = ImageOps.exif_transpose(picture)
                on_white = Image.new("RGBA", upright.size, "white")
                on_white.alpha_composite(upright.convert("RGBA"))
                square = ImageOps.fit(on_white.convert("L" if grey else "RGB"), (side, side), Image.Resampling.LANCZOS)
    except InputError:
        raise
    except Exception:  # a decoder of pictures fails in more ways than can be listed
        raise InputError(f"The picture {name} is damaged or is none; remove it from the .zip file.") from None
    pixels = np.asarray(square)
    return pixels[None] if grey else pixels.transpose(2, 0, 1)


def _archive(data: bytes, kind: str) -> zipfile.ZipFile:
    """The archive, if what it says it unpacks to can be borne."""
    if len(data) > MAX_UPLOAD << 20:
        raise InputError(f"The file is larger than {MAX_UPLOAD} MB; choose fewer or smaller images.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise InputError(f"The file is not {kind}, or it is damaged; save it anew.") from None
    if len(infos) > 2 * MAX_PICTURES or sum(info.file_size for info in infos) > 4 * MAX_BYTES:
        raise InputError(f"The file unpacks to more than {4 * MAX_BYTES >> 30} GB; choose fewer or smaller images.")
    if any(info.flag_bits & 1 for info in infos):
        raise InputError("The file is encrypted; save it without a password.")
    return archive


# ---- what there is --------------------------------------------------------------------------------------------------

_PLACES = {  # below the data root, as torchvision lays them out
    "mnist": "MNIST",
    "fashion-mnist": "FashionMNIST",
    "kmnist": "KMNIST",
    "emnist-letters": "EMNIST",
    "qmnist": "QMNIST",
    "cifar10": "cifar-10-batches-py",
    "svhn": "train_32x32.mat",
}


def choices() -> dict[str, str]:
    """Setting `data` → label of every image set that can be trained on, digits first."""
    sets = {name: name if at_hand(name) else f"{name} (to be downloaded)" for name in DATA_SETS}
    return sets | {path: f"{name} (yours)" for path, name in kept().items()}


def at_hand(data: str) -> bool:
    """Whether an image set is on this machine."""
    root = Path(os.environ.get(ROOT_VARIABLE) or "data")
    return data not in _PLACES or (root / _PLACES[data]).exists()
