"""The latents of a map for other programs: a table, or files for TensorBoard's Embedding Projector."""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vae.data.latents import Latents
from vae.data.table import guarded
from vae.errors import InputError
from vae.exports.opening import OpenModel
from vae.files.atomic import write_atomically

NO_IMAGES = "There are no images to encode for this model, so it has no latents; give --data-root."
LEAST_DIMENSIONS = 3
SPRITE = 8192  # most pixels a side that the Projector accepts

_CONFIG = """  tensor_name: "mu"
  tensor_path: "vectors.tsv"
  metadata_path: "metadata.tsv"
"""
_SPRITE = """  sprite {{
    image_path: "sprite.png"
    single_image_dim: {}
    single_image_dim: {}
  }}
"""


@dataclass(frozen=True, eq=False)
class Rows:
    """The data of N points; None for arrays that are not known."""

    index: np.ndarray  # position in the test split, or in the file of latents
    labels: np.ndarray
    classes: tuple[str, ...]
    mu: np.ndarray  # (N, k)
    logvar: np.ndarray | None
    distortion: np.ndarray | None
    images: np.ndarray | None  # uint8 (N, C, H, W)
    values: tuple[int | None, ...] = ()  # the label of each class, where that is not its index

    @classmethod
    def of(cls, content: OpenModel | Latents) -> Rows:
        """Rows of a model's held-out images, or of latents of another program. `InputError` where there are none."""
        if isinstance(content, Latents):
            index, pixels = np.arange(len(content.mu), dtype=np.int32), content.thumbnails
            return cls(
                index, content.labels, content.classes, content.mu, content.logvar, content.distortion, pixels,
                content.values,
            )  # fmt: skip
        of = content.held_out
        if of is None or not len(of.mu):
            raise InputError(NO_IMAGES)
        return cls(of.index, of.labels, content.classes, of.mu, of.logvar, of.distortion, of.images)

    @property
    def rates(self) -> np.ndarray | None:
        """The rate of each point (N,), in nats, or None."""
        if self.logvar is None:
            return None
        mu, logvar = self.mu.astype(np.float64), self.logvar.astype(np.float64)
        result: np.ndarray = (0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)).sum(axis=1)
        return result


def csv(content: OpenModel | Latents) -> bytes:
    """A row for every point: index, label, class, mu_1 …, and if known logvar_1 …, distortion and rate (nats).

    A class that a spreadsheet would run as a formula gets a quote before it, which `vae.data.latents` removes.
    """
    from pyarrow import csv as writer

    rows = Rows.of(content)
    buffer = io.BytesIO()
    table = _table(replace(rows, classes=tuple(map(guarded, rows.classes))))
    writer.write_csv(table, buffer, writer.WriteOptions(quoting_style="needed"))
    return buffer.getvalue()


def parquet(content: OpenModel | Latents) -> bytes:
    """The same table as `csv`, with its types."""
    from pyarrow import parquet as writer

    buffer = io.BytesIO()
    writer.write_table(_table(Rows.of(content)), buffer)
    return buffer.getvalue()


def projector(content: OpenModel | Latents) -> dict[str, bytes]:
    """vectors.tsv (mu), metadata.tsv, sprite.png and projector_config.pbtxt, for `tensorboard --logdir FOLDER`.

    Without images there is no sprite. The Projector needs at least three dimensions: missing ones are filled with 0.
    """
    rows = Rows.of(content)
    files = {"vectors.tsv": _vectors(rows.mu), "metadata.tsv": _metadata(rows).encode()}
    config = _CONFIG
    if rows.images is not None:
        files["sprite.png"], size = _sprite(rows.images)
        config += _SPRITE.format(*size)
    return {**files, "projector_config.pbtxt": f"embeddings {{\n{config}}}\n".encode()}


def projector_zip(content: OpenModel | Latents, name: str) -> bytes:
    """The Projector's files as a .zip with a folder `name`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in projector(content).items():
            archive.writestr(f"{name}/{file}", data, zipfile.ZIP_STORED if file.endswith(".png") else None)
    return buffer.getvalue()


def write_projector(content: OpenModel | Latents, folder: Path) -> None:
    """Write the Projector's files into a folder; `InputError` where it is a file."""
    files = projector(content)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{folder} is a file; give the Projector's files a folder of their own.") from None
    for name, data in files.items():
        write_atomically(folder / name, data)


def _table(rows: Rows) -> Any:
    import pyarrow

    k = rows.mu.shape[1]
    names = pyarrow.array(list(rows.classes), pyarrow.string())
    columns: dict[str, Any] = {
        "index": rows.index,
        "label": pyarrow.array(rows.values).take(pyarrow.array(rows.labels)) if rows.values else rows.labels,
        "class": names.take(pyarrow.array(rows.labels)),
        **{f"mu_{d + 1}": rows.mu[:, d] for d in range(k)},
    }
    if rows.logvar is not None:
        columns |= {f"logvar_{d + 1}": rows.logvar[:, d] for d in range(k)}
    if rows.distortion is not None:
        columns["distortion"] = rows.distortion
    if rows.rates is not None:
        columns["rate"] = rows.rates.astype(np.float32)
    return pyarrow.table(columns)


# ---- the Projector's files ------------------------------------------------------------------------------------------


def _vectors(mu: np.ndarray) -> bytes:
    import pyarrow
    from pyarrow import csv as writer

    n, k = mu.shape
    columns = [*mu.T, *np.zeros((max(0, LEAST_DIMENSIONS - k), n), np.float32)]
    buffer = io.BytesIO()
    table = pyarrow.table({str(d): np.ascontiguousarray(column) for d, column in enumerate(columns)})
    writer.write_csv(table, buffer, writer.WriteOptions(include_header=False, delimiter="\t"))
    return buffer.getvalue()


def _metadata(rows: Rows) -> str:
    columns = {"distortion": rows.distortion, "rate": rows.rates}
    costs: dict[str, np.ndarray] = {name: values for name, values in columns.items() if values is not None}
    classes = [" ".join(name.split()) for name in rows.classes]
    lines = ["\t".join(["class", "index", *costs])]
    for n, label in enumerate(rows.labels):
        lines.append("\t".join([classes[label], str(rows.index[n]), *(f"{cost[n]:.6g}" for cost in costs.values())]))
    return "\n".join(lines) + "\n"


def _sprite(images: np.ndarray) -> tuple[bytes, tuple[int, int]]:
    """All images in one PNG, row by row in a square grid, and the width and height of each in pixels."""
    from PIL import Image

    n, channels, height, width = images.shape
    places = math.ceil(math.sqrt(n))
    scale = min(1.0, SPRITE / places / max(height, width))
    size = max(1, int(width * scale)), max(1, int(height * scale))
    sprite = np.zeros((places * size[1], places * size[0], channels), np.uint8)
    for i, image in enumerate(images.transpose(0, 2, 3, 1)):
        row, column = divmod(i, places)
        small = image if scale == 1 else _scaled(image, size)
        sprite[row * size[1] : (row + 1) * size[1], column * size[0] : (column + 1) * size[0]] = small
    file = io.BytesIO()
    Image.fromarray(sprite[..., 0] if channels == 1 else sprite).save(file, "PNG")
    return file.getvalue(), size


def _scaled(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    return np.asarray(picture.resize(size, Image.Resampling.LANCZOS)).reshape(size[1], size[0], -1)
