"""The image sets to train on, and uploaded ones from an .npz, .npy or .zip, which are checked."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np

from server import runs_root
from vae.data import own_images
from vae.data.formats import advice
from vae.data.image_sets import at_hand
from vae.data.pictures import Fit, Pictures
from vae.errors import InputError
from vae.files.atomic import write_atomically
from vae.natural_order import natural
from vae.settings import DATA_SETS

FOLDER = ".data"
MAX_UPLOAD = 200  # MB
MAX_BYTES = 512 << 20  # of all images, unpacked
KEPT_BYTES = 8 << 30  # on the disk, of all uploads
ENDINGS = (".npz", ".npy", ".zip")
SIDES = (16, 28, 32, 48, 64)


def add(name: str, data: bytes, side: int = 28, grey: bool = True) -> Path:
    """Store an uploaded file as an .npz and return its path. Pictures of a .zip become `side` × `side`, grey or RGB.

    Raises `InputError` if it is too large, or neither an .npz or .npy of images nor a .zip of pictures.
    """
    if not name.lower().endswith(ENDINGS):
        raise InputError(advice(name, "images"))
    if len(data) > MAX_UPLOAD << 20:
        raise InputError(f"{name:.60} is larger than {MAX_UPLOAD} MB; choose fewer or smaller images.")
    return _keep(name, own_images.read(data, _short(name), Fit(side, "grey" if grey else "rgb"), MAX_BYTES))


def _short(name: str) -> str:
    """The last 60 characters of a name, for messages."""
    return name if len(name) <= 60 else f"…{name[-59:]}"


def kept() -> dict[str, str]:
    """Path → name of the uploaded image sets, sorted by name."""
    names = {}
    for path in (runs_root.RUNS / FOLDER).glob("*.npz"):
        names[str(path.absolute())] = name_of(str(path))
    return dict(sorted(names.items(), key=lambda item: natural(item[1])))


def name_of(data: str) -> str:
    """The name of the user's own images: that of the uploaded file, without its ending."""
    return _facts_of(data).get("name") or Path(data).stem


def remark_of(data: str) -> str:
    """A sentence on how uploaded images were read and what was skipped; "" for other image sets."""
    return _facts_of(data).get("remark") or ""


def _facts_of(data: str) -> dict[str, str]:
    with suppress(OSError, ValueError, AttributeError):
        facts = json.loads(Path(data).with_suffix(".json").read_text(encoding="utf-8"))
        return {key: str(value) for key, value in facts.items()}
    return {}


def _keep(name: str, found: Pictures) -> Path:
    images, classes, remark = found
    file = io.BytesIO()
    np.savez(file, images=images.pixels, labels=images.labels, classes=np.array(classes))
    digest = sha256(images.pixels.tobytes() + images.labels.tobytes() + repr(list(classes)).encode()).hexdigest()[:16]
    path = (runs_root.RUNS / FOLDER / f"{digest}.npz").absolute()
    facts = {"name": Path(name).stem[:60], "remark": remark}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        others = sum(other.stat().st_size for other in path.parent.glob("*.npz") if other != path)
        if others + len(file.getvalue()) > KEPT_BYTES:
            raise InputError(
                f"Uploaded images take {others >> 20:,} MB of {KEPT_BYTES >> 20:,}; delete some in {path.parent}."
            )
        write_atomically(path.with_suffix(".json"), json.dumps(facts).encode())
        write_atomically(path, file.getvalue())
    except OSError as error:
        raise InputError(f"{path.parent} cannot be written ({error.strerror}); free space or permit it.") from None
    return path


# ---- choices --------------------------------------------------------------------------------------------------------


def choices() -> dict[str, str]:
    """Setting `data` → label of every image set that can be trained on, digits first."""
    sets = {name: name if at_hand(name) else f"{name} (to be downloaded)" for name in DATA_SETS}
    return sets | {path: f"{name} (yours)" for path, name in kept().items()}
