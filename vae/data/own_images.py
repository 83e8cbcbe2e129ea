"""The user's own images: an .npz or .npy of arrays, a folder or a .zip of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vae.data.arrays import Arrays, read_npy, read_npz, texts
from vae.data.formats import advice
from vae.data.image_arrays import Images, black_and_white, described, whole_labels
from vae.data.pictures import DEFAULT, LEAST, MOST_CLASSES, Fit, Pictures, read_folder, read_zip
from vae.errors import InputError

MAX_BYTES = 1 << 31  # of all images, unpacked
LABELS = ("labels", "label")
MAYBE_LABELS = ("targets", "target", "y")  # used as labels if they fit
ARRAYS = ("images", "classes", *LABELS, *MAYBE_LABELS)
ADVICE = "write it with numpy.savez(path, images=..., labels=...)"


def read(source: Path | bytes, name: str, fit: Fit = DEFAULT, most: int = MAX_BYTES) -> Pictures:
    """The images of a path, or of the bytes of a file called `name`, with their classes and a remark.

    Pictures are cropped and scaled to `fit`; arrays keep their shape. At most `most` bytes unpacked. `InputError` for
    another kind of file, and where it cannot be read.
    """
    suffix = Path(name).suffix.lower()
    if suffix == ".npz":
        return _of_arrays(read_npz(source, name, ARRAYS, most, ADVICE), name)
    if suffix == ".npy":
        return _of_arrays(Arrays(images=read_npy(source, name, most)), name)
    if suffix == ".zip":
        return read_zip(source, name, fit, most)
    if isinstance(source, Path) and not source.is_file():
        return read_folder(source, fit, most)
    raise InputError(advice(name, "images"))


def _of_arrays(arrays: Arrays, name: str) -> Pictures:
    if "images" not in arrays:
        raise InputError(f"{name} {arrays.lacks('images')}; {ADVICE}.")
    pixels = arrays["images"]
    n = len(pixels) if pixels.ndim and pixels.size else 0  # an empty array can have any number of rows
    found = _labels_in(arrays, n)
    images = Images.of(pixels, arrays[found] if found else np.zeros(n, int))
    if len(images.labels) < LEAST:
        raise InputError(f"{name} holds {len(images.labels)} images; give it at least {LEAST}.")
    most = int(images.labels.max())
    if most >= MOST_CLASSES:
        raise InputError(f"{name} has a label {most}; number at most {MOST_CLASSES} classes from 0 upwards.")
    names = texts(arrays.get("classes", np.array([], int)))
    classes = tuple(names[: most + 1]) + tuple(map(str, range(len(names), most + 1)))
    return Pictures(images, classes, _remark(name, images, black_and_white(pixels), found))


def _labels_in(arrays: Arrays, n: int) -> str | None:
    """The name of the array of labels, or None."""
    for name in (*LABELS, *MAYBE_LABELS):
        if name in LABELS and name in arrays:
            return name
        given = whole_labels(arrays[name], n) if name in arrays else np.zeros(())
        if given.shape == (n,) and n and given.dtype.kind in "iu" and given.min() >= 0 and given.max() < MOST_CLASSES:
            return name
    return None


def _remark(name: str, images: Images, two_values: bool, labels: str | None) -> str:
    size = " × ".join(map(str, images.image_shape[1:]))
    parts = [f"{name}: {len(images.labels):,} images of {size}"]
    parts += ["0 and 1 are taken as black and white"] if two_values else []
    parts += [described(images.pixels), f"labels from {labels}" if labels else "no labels"]
    return f"{'; '.join(parts)}."
