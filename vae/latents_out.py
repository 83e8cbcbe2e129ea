"""The latents of a model's map for other programs: a table, or a folder for TensorBoard's Embedding Projector."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from vae.checkpoint import write_atomically
from vae.errors import InputError
from vae.held_out import HeldOut
from vae.opening import Opened

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # spreadsheets take what begins so for one
LEAST_DIMENSIONS = 3
SPRITE = 8192  # pixels a side, the most that the Projector takes

_CONFIG = """embeddings {{
  tensor_name: "mu"
  tensor_path: "vectors.tsv"
  metadata_path: "metadata.tsv"
  sprite {{
    image_path: "sprite.png"
    single_image_dim: {width}
    single_image_dim: {height}
  }}
}}
"""


def write_csv(opened: Opened, target: Path) -> None:
    """A row for every held-out image: index, label, class, mu_1 …, logvar_1 …, distortion and rate in nats."""
    from pyarrow import csv

    table, buffer = _table(opened), io.BytesIO()
    names = table.column_names.index("class")
    safe = [f"'{name}" if name[:1] in FORMULA else name for name in table.column("class").to_pylist()]
    csv.write_csv(table.set_column(names, "class", [safe]), buffer, csv.WriteOptions(quoting_style="needed"))
    write_atomically(target, buffer.getvalue())


def write_parquet(opened: Opened, target: Path) -> None:
    """The same table as `write_csv` writes, with its types."""
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(_table(opened), buffer)
    write_atomically(target, buffer.getvalue())


def write_projector(opened: Opened, folder: Path) -> None:
    """vectors.tsv (mu), metadata.tsv, sprite.png and projector_config.pbtxt, for `tensorboard --logdir FOLDER`.

    The Projector draws nothing that has fewer than three dimensions: zeros are added where they are wanting.
    """
    held_out = _held_out(opened)
    wanting = max(0, LEAST_DIMENSIONS - held_out.mu.shape[1])
    rows = np.char.mod("%.9g", np.pad(held_out.mu, ((0, 0), (0, wanting))))
    picture, (width, height) = _sprite(held_out.images)
    files = {
        "vectors.tsv": "".join("\t".join(row) + "\n" for row in rows.tolist()).encode(),
        "metadata.tsv": _metadata(opened, held_out).encode(),
        "sprite.png": picture,
        "projector_config.pbtxt": _CONFIG.format(width=width, height=height).encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{folder} is a file; give the Projector's files a folder of their own.") from None
    for name, data in files.items():
        write_atomically(folder / name, data)


def _held_out(opened: Opened) -> HeldOut:
    if opened.held_out is None:
        raise InputError("There are no images to encode for this model, so it has no latents; give --data-root.")
    return opened.held_out


def _rates(held_out: HeldOut) -> np.ndarray:
    mu, logvar = held_out.mu.astype(np.float64), held_out.logvar.astype(np.float64)
    return (0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)).sum(axis=1)


def _table(opened: Opened) -> Any:
    import pyarrow

    held_out = _held_out(opened)
    k = held_out.mu.shape[1]
    columns: dict[str, Any] = {
        "index": held_out.index,
        "label": held_out.labels,
        "class": [opened.classes[label] for label in held_out.labels],
        **{f"mu_{d + 1}": held_out.mu[:, d] for d in range(k)},
        **{f"logvar_{d + 1}": held_out.logvar[:, d] for d in range(k)},
        "distortion": held_out.distortion,
        "rate": _rates(held_out).astype(np.float32),
    }
    return pyarrow.table(columns)


# ---- the Projector's files ------------------------------------------------------------------------------------------


def _metadata(opened: Opened, held_out: HeldOut) -> str:
    lines = ["class\tindex\tdistortion\trate"]
    for row in zip(held_out.labels, held_out.index, held_out.distortion, _rates(held_out), strict=True):
        label, index, distortion, rate = row
        name = " ".join(opened.classes[label].split())
        lines.append(f"{name}\t{index}\t{distortion:.6g}\t{rate:.6g}")
    return "\n".join(lines) + "\n"


def _sprite(images: np.ndarray) -> tuple[bytes, tuple[int, int]]:
    """All images as one PNG, row by row in a square of places, and the width and height of each in it."""
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
