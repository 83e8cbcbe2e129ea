"""Which models can be opened, and opening one: checked, turned into a frame, published. torch only where it must."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from html import escape
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from pages._routes import is_published, publish_frame
from vae import checkpoint as checkpoints
from vae import latents, opening, runs
from vae.checkpoint import Checkpoint
from vae.errors import InputError
from vae.export import encoder_frame, explorer_frame
from vae.facts import data_title, facts
from vae.held_out import FILE_NAME, HeldOut, read_held_out
from vae.latents import Latents
from vae.pictures import DEFAULT, Fit
from vae.settings import Settings, is_file

GALLERY = Path(__file__).parent.parent / "assets" / "gallery"
RUNS = Path(os.environ.get("ELBO_ROOM_RUNS") or "runs")
NO_NETWORKS = "These are latents alone, without encoder and decoder; choose a model from the list."
FIRST = "mnist-2d"  # the gallery's model to begin with
CONTENTS_KEPT = 4
OPENED_KEPT = 8  # uploads, and paths, that stay in the list

_uploads: OrderedDict[str, tuple[str, bytes | Latents]] = OrderedDict()
_paths: OrderedDict[str, Path] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class Opened:
    """A model on the page: the addresses of its frame and of its encoder's, and its facts as HTML.

    Latents alone are no whole model and have no encoder.
    """

    frame: str
    facts: str
    encoder: str | None = None

    @property
    def is_model(self) -> bool:
        return self.encoder is not None

    @property
    def addresses(self) -> list[str]:
        return [self.frame, self.encoder] if self.encoder else [self.frame]


def available() -> dict[str, str]:
    """Id → name of every model in the gallery, among the runs, by path, and among the uploads, in that order."""
    gallery = sorted(_folders(GALLERY), key=lambda folder: (folder.name != FIRST, folder.name))
    names = {folder.name: _title(folder) for folder in gallery}
    names |= {f"runs/{folder.name}": f"runs/{folder.name}" for folder in _folders(RUNS)}
    names |= {model: str(path) for model, path in list(_paths.items())}
    return names | {f"upload-{key}": f"{name} (uploaded)" for key, (name, _) in list(_uploads.items())}


def add_upload(name: str, data: bytes) -> str:
    """Keep an uploaded model, or latents alone, in memory, the latest few of them; its id.

    Raises `InputError` if it is neither a .safetensors file of a model nor a file of latents.
    """
    content: bytes | Latents = data
    if name.lower().endswith(latents.ENDINGS):
        content = latents.read(data, name[-60:])
    else:
        checkpoints.read(data)
    key = sha256(data).hexdigest()[:16]
    _keep(_uploads, key, (name, content))
    return f"upload-{key}"


def add_path(text: str) -> str:
    """List what is at a path of this machine: a run folder, a .safetensors file or latents; its id.

    Raises `InputError` if it is none of these.
    """
    path = Path(text).expanduser().absolute()
    if _is_latents(path):
        latents.read(path, path.name)
    else:
        checkpoints.read(path)
    if path.name == runs.CHECKPOINT and (path.parent / runs.SETTINGS).is_file():
        path = path.parent  # a run is more than its weights
    _keep(_paths, f"path:{path}", path)
    return f"path:{path}"


def _keep(opened: OrderedDict[str, Any], key: str, value: Any) -> None:
    with _lock:
        opened[key] = value
        while len(opened) > OPENED_KEPT:
            opened.popitem(last=False)


def open_model(model: str) -> Opened:
    """Check the model with this id and publish its frame. Raises `InputError` in one sentence."""
    opened = _open(model)
    if not all(map(is_published, opened.addresses)):  # it has made room for newer ones since
        _open_path.cache_clear()
        _open_upload.cache_clear()
        opened = _open(model)
    return opened


def contents(model: str) -> opening.Opened:
    """The model with this id, checked. Raises `InputError` in one sentence, also where there are latents alone."""
    if model.startswith("upload-"):
        return _read_upload(model)
    path = _path_of(model)
    if _is_latents(path):
        raise InputError(NO_NETWORKS)
    return _read_path(path, _stamp(path))


def folder(model: str) -> Path | None:
    """Where the files of the model with this id lie; None for an upload."""
    return None if model.startswith("upload-") else _path_of(model)


def _open(model: str) -> Opened:
    if model.startswith("upload-"):
        return _open_upload(model)
    path = _path_of(model)
    return _open_path(path, model, _stamp(path))


def _path_of(model: str) -> Path:
    if model not in available():
        raise InputError(f"There is no model {model!r} here; choose one from the list.")
    if model in _paths:
        return _paths[model]
    return RUNS / model.removeprefix("runs/") if model.startswith("runs/") else GALLERY / model


def _folders(root: Path) -> list[Path]:
    return [folder for folder in runs.find(root) if (folder / runs.CHECKPOINT).is_file()]


def _title(folder: Path) -> str:
    try:
        settings = runs.read(folder).settings
    except InputError:
        return folder.name
    network = "" if settings.arch == "mlp" else f" · {settings.arch}"
    return f"{_data_title(settings)} · {settings.latent_dim}-D{network} · β = {settings.beta:g}"


def _data_title(settings: Settings) -> str:
    if is_file(settings.data):
        from pages._images import name_of  # which knows this module

        return name_of(settings.data)
    return data_title(settings)


def _stamp(path: Path) -> tuple[int, ...]:
    """Changes whenever the file, or a file of the run, does, so that a run which goes on is opened afresh."""
    files = (path, *(path / name for name in (runs.CHECKPOINT, runs.SETTINGS, runs.TEST, FILE_NAME)))
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)


def _is_latents(path: Path) -> bool:
    return path.suffix.lower() in latents.ENDINGS and not path.is_dir()


@lru_cache(maxsize=16)
def _open_path(path: Path, model: str, stamp: tuple[int, ...]) -> Opened:
    if _is_latents(path):
        return _publish_latents(model, latents.read(path, path.name))
    return _publish(model, _read_path(path, stamp))


@lru_cache(maxsize=OPENED_KEPT)
def _open_upload(model: str) -> Opened:
    content = _uploaded(model)
    if isinstance(content, Latents):
        return _publish_latents(model, content)
    return _publish(model, _read_upload(model))


@lru_cache(maxsize=CONTENTS_KEPT)
def _read_path(path: Path, stamp: tuple[int, ...]) -> opening.Opened:
    return opening.open_path(path, _encode)


def _read_upload(model: str) -> opening.Opened:
    if isinstance(_uploaded(model), Latents):
        raise InputError(NO_NETWORKS)
    return _encoded_upload(model)


@lru_cache(maxsize=CONTENTS_KEPT)
def _encoded_upload(model: str) -> opening.Opened:
    content = _uploaded(model)
    assert isinstance(content, bytes)
    checkpoint = checkpoints.read(content)
    trained_on = checkpoint.settings.data
    known = not is_file(trained_on) or trained_on in _own_images()  # an upload opens no other file of this machine
    return opening.Opened(checkpoint, None, _encode(checkpoint) if known else None)


def _uploaded(model: str) -> bytes | Latents:
    _, content = _uploads.get(model.removeprefix("upload-"), ("", None))
    if content is None:
        raise InputError("This uploaded model is no longer in memory; upload it again.")
    return content


def _own_images() -> dict[str, str]:
    from pages._images import kept  # which knows this module

    return kept()


def _encode(checkpoint: Checkpoint) -> HeldOut | None:
    """What the model says of held-out images: the gallery's of the same data set, else those at the data root."""
    return opening.encode_images(
        checkpoint, held_out_images(checkpoint.settings.data, Fit.like(checkpoint.image_shape))
    )


@lru_cache(maxsize=2)
def held_out_images(data: str, fit: Fit = DEFAULT) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Pixels, labels and places in the test split of a data set's images for a map; None where there are none.

    Pictures of one's own are made to `fit`.
    """
    for folder in _folders(GALLERY):
        if (folder / FILE_NAME).is_file() and runs.read(folder).settings.data == data:
            shipped = read_held_out(folder / FILE_NAME)
            return shipped.images, shipped.labels, shipped.index
    from vae.data import held_out_indices, load

    try:
        test = load(data, download=False, fit=fit).test
    except InputError:
        return None
    index = held_out_indices(test)
    return test.pixels[index], test.labels[index], index.astype(np.int32)


def _publish(model: str, opened: opening.Opened) -> Opened:
    checkpoint = opened.checkpoint
    frame = explorer_frame(model, checkpoint, opened.held_out, opened.classes, opened.rate_per_dim)
    encoder = publish_frame(encoder_frame(model, checkpoint))
    return Opened(publish_frame(frame), facts(_data_title(checkpoint.settings), checkpoint, opened.run), encoder)


def _publish_latents(model: str, found: Latents) -> Opened:
    return Opened(publish_frame(latents.frame(model, found)), escape(latents.facts(found)))
