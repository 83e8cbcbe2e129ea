"""One's own images: an .npz or .npy of arrays, a folder or a .zip of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vae.arrays import read_npy, read_npz, texts
from vae.errors import InputError
from vae.images import Images
from vae.pictures import DEFAULT, LEAST, MOST_CLASSES, Fit, Pictures, read_folder, read_zip

MAX_BYTES = 1 << 31  # of all images, unpacked
ARRAYS = ("images", "labels", "classes")
ADVICE = "write it with numpy.savez(path, images=..., labels=...)"


def read(source: Path | bytes, name: str, fit: Fit = DEFAULT, most: int = MAX_BYTES) -> Pictures:
    """The images of a path, or of the bytes of a file called `name`, with their classes and a remark.

    Pictures become what `fit` says; arrays stay as they are. Raises `InputError` in one sentence.
    """
    suffix = Path(name).suffix.lower()
    if suffix == ".npz":
        return _of_arrays(read_npz(source, name, ARRAYS, most, ADVICE), name)
    if suffix == ".npy":
        return _of_arrays({"images": read_npy(source, name, most)}, name)
    if suffix == ".zip":
        return read_zip(source, name, fit, most)
    if isinstance(source, Path):
        return read_folder(source, fit, most)
    raise InputError(f"{name:.60} is neither an .npz, .npy nor .zip file; upload one of these.")


def _of_arrays(arrays: dict[str, np.ndarray], name: str) -> Pictures:
    if "images" not in arrays:
        raise InputError(f"{name} holds no array named images; {ADVICE}.")
    pixels = arrays["images"]
    none = np.zeros(pixels.shape[:1] if pixels.size else 0, int)  # an empty array can have any number of rows
    images = Images.of(pixels, arrays.get("labels", none))
    if len(images.labels) < LEAST:
        raise InputError(f"{name} holds {len(images.labels)} images; give it at least {LEAST}.")
    most = int(images.labels.max())
    if most >= MOST_CLASSES:
        raise InputError(f"{name} has a label {most}; number at most {MOST_CLASSES} classes from 0 upwards.")
    names = texts(arrays.get("classes", np.array([], int)))
    classes = tuple(names[: most + 1]) + tuple(map(str, range(len(names), most + 1)))
    size = " × ".join(map(str, images.image_shape[1:]))
    return Pictures(images, classes, f"{name}: {len(images.labels):,} images of {size}.")
