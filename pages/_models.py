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
from vae import runs
from vae.checkpoint import Checkpoint
from vae.errors import InputError
from vae.export import explorer_frame
from vae.held_out import FILE_NAME, HeldOut, read_held_out
from vae.runs import Run
from vae.settings import Settings, is_file

GALLERY = Path(__file__).parent.parent / "assets" / "gallery"
RUNS = Path(os.environ.get("ELBO_ROOM_RUNS") or "runs")
FIRST = "mnist-2d"  # the gallery's model to begin with
OPENED_KEPT = 8  # uploads, and paths, that stay in the list

_uploads: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
_paths: OrderedDict[str, Path] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class Opened:
    """A model on the page: the address of its frame, and its facts as HTML."""

    frame: str
    facts: str


def available() -> dict[str, str]:
    """Id → name of every model in the gallery, among the runs, by path, and among the uploads, in that order."""
    gallery = sorted(_folders(GALLERY), key=lambda folder: (folder.name != FIRST, folder.name))
    names = {folder.name: _title(folder) for folder in gallery}
    names |= {f"runs/{folder.name}": f"runs/{folder.name}" for folder in _folders(RUNS)}
    names |= {model: str(path) for model, path in list(_paths.items())}
    return names | {f"upload-{key}": f"{name} (uploaded)" for key, (name, _) in list(_uploads.items())}


def add_upload(name: str, data: bytes) -> str:
    """Keep an uploaded .safetensors file in memory, the latest few of them; its id. `InputError` if it is no model."""
    checkpoints.read(data)
    key = sha256(data).hexdigest()[:16]
    _keep(_uploads, key, (name, data))
    return f"upload-{key}"


def add_path(text: str) -> str:
    """List the run folder or .safetensors file at a path of this machine; its id. `InputError` if it is no model."""
    path = Path(text).expanduser().absolute()
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
    if not is_published(opened.frame):  # it has made room for newer ones since
        _open_path.cache_clear()
        _open_upload.cache_clear()
        opened = _open(model)
    return opened


def _open(model: str) -> Opened:
    if model.startswith("upload-"):
        return _open_upload(model)
    if model not in available():
        raise InputError(f"There is no model {model!r} here; choose one from the list.")
    if model in _paths:
        path = _paths[model]
    else:
        path = RUNS / model.removeprefix("runs/") if model.startswith("runs/") else GALLERY / model
    return _open_path(path, model, _stamp(path))


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
    return {"mnist": "MNIST", "digits": "Digits 8×8"}.get(settings.data, settings.data)


def _stamp(path: Path) -> tuple[int, ...]:
    """Changes whenever the file, or a file of the run, does, so that a run which goes on is opened afresh."""
    files = (path, *(path / name for name in (runs.CHECKPOINT, runs.SETTINGS, runs.TEST, FILE_NAME)))
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)


@lru_cache(maxsize=16)
def _open_path(path: Path, model: str, stamp: tuple[int, ...]) -> Opened:
    checkpoint = checkpoints.read(path)
    if not (path / runs.SETTINGS).is_file():
        return _publish(model, checkpoint, _encode(checkpoint), None)
    run = runs.read(path)
    ready = run.finished and (path / FILE_NAME).is_file()
    held_out = read_held_out(path / FILE_NAME) if ready else _encode(checkpoint)
    return _publish(model, checkpoint, held_out, run)


@lru_cache(maxsize=OPENED_KEPT)
def _open_upload(model: str) -> Opened:
    if model.removeprefix("upload-") not in _uploads:
        raise InputError("This uploaded model is no longer in memory; upload it again.")
    _, data = _uploads[model.removeprefix("upload-")]
    checkpoint = checkpoints.read(data)
    return _publish(model, checkpoint, _encode(checkpoint), None)


def _encode(checkpoint: Checkpoint) -> HeldOut | None:
    """What the model says of held-out images: the gallery's of the same data set, else those at the data root."""
    images = held_out_images(checkpoint.settings.data)
    if images is None or images[0].shape[1:] != checkpoint.image_shape:
        return None
    from vae.data import Images
    from vae.evaluation import held_out

    pixels, labels, index = images
    encoded = held_out(checkpoints.load_model(checkpoint), Images.of(pixels, labels), np.arange(len(labels)))
    return HeldOut(**{**vars(encoded), "index": index})


@lru_cache(maxsize=2)
def held_out_images(data: str) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Pixels, labels and places in the test split of a data set's images for a map; None where there are none."""
    for folder in _folders(GALLERY):
        if (folder / FILE_NAME).is_file() and runs.read(folder).settings.data == data:
            shipped = read_held_out(folder / FILE_NAME)
            return shipped.images, shipped.labels, shipped.index
    from vae.data import held_out_indices, load

    try:
        test = load(data, download=False).test
    except InputError:
        return None
    index = held_out_indices(test)
    return test.pixels[index], test.labels[index], index.astype(np.int32)


def _publish(model: str, checkpoint: Checkpoint, held_out: HeldOut | None, run: Run | None) -> Opened:
    test = run.test if run and run.finished else None
    rates = test["rate_per_dim"] if test else _mean_rates(held_out)
    classes = run.classes if run else _numbered(held_out)
    frame = publish_frame(explorer_frame(model, checkpoint, held_out, classes, rates))
    return Opened(frame, _facts(checkpoint, run))


def _mean_rates(held_out: HeldOut | None) -> list[float]:
    if held_out is None:
        return []
    rates = 0.5 * (held_out.mu**2 + np.exp(held_out.logvar) - 1 - held_out.logvar)
    return rates.mean(axis=0).tolist()


def _numbered(held_out: HeldOut | None) -> tuple[str, ...]:
    return tuple(map(str, range(int(held_out.labels.max()) + 1))) if held_out else ()


def _facts(checkpoint: Checkpoint, run: Run | None) -> str:
    settings = checkpoint.settings
    parameters = sum(array.size for array in checkpoint.arrays.values())
    parts = [
        escape(_data_title(settings)),
        f"{settings.arch} {'-'.join(map(str, settings.hidden)) or 'linear'}",
        f"{settings.latent_dim}-D latent space",
        f"{parameters / 1e6:.2f} M parameters" if parameters > 1e5 else f"{parameters:,} parameters",
        settings.likelihood + (f" σ = {settings.sigma:g}" if settings.likelihood == "gaussian" else ""),
        f"<b>β = {settings.beta:g}</b>",
        _score(run),
        f"trained on {escape(run.device)}" if run else "",
    ]
    return " · ".join(part for part in parts if part)


def _score(run: Run | None) -> str:
    if run is None:
        return ""
    if not run.finished or run.test is None:
        return f"{run.status['state']} at step {run.status['step']:,}"
    test = run.test
    elbo, distortion, rate = (f"{test[name]:.1f}".replace("-", "−") for name in ("elbo", "distortion", "rate"))
    return f"<b>test elbo {elbo}</b> = −(distortion {distortion} + rate {rate}) nats per image"
