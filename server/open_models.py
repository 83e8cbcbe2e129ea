"""The models that can be opened, and opening one: its check and the publication of its frames. torch only if needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from html import escape
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

import numpy as np

from server import runs_root, uploaded_images
from server.byte_cache import ByteCache
from server.published import is_published, publish_frame
from server.session_models import make_own, own
from vae.data import latents
from vae.data.formats import refuse_foreign
from vae.data.latents import Latents
from vae.data.pictures import Fit
from vae.errors import InputError
from vae.exports import opening
from vae.exports.facts import data_title, facts
from vae.files import checkpoint as checkpoints
from vae.files import runs
from vae.files.checkpoint import Checkpoint
from vae.files.frame import encoder_frame, explorer_frame
from vae.files.held_out import FILE_NAME, HeldOut, read_held_out
from vae.files.runs import Run
from vae.settings import Settings, is_file

GALLERY = Path(__file__).parent.parent / "assets" / "gallery"
NO_NETWORKS = "These are latents alone, without encoder and decoder; choose a model from the list."
GONE = "This uploaded model has made room for newer ones on the server; upload it again."
FIRST = "mnist-2d"  # the model of the gallery that is shown first
UPLOAD = "upload-"
UPLOADS_BYTES = 1 << 30
CONTENTS_BYTES = 512 << 20
PATHS_BYTES = OPENED_BYTES = 4 << 20  # for a few thousand entries

_uploads: ByteCache[tuple[str, bytes | Latents]] = ByteCache(UPLOADS_BYTES)
_paths: ByteCache[Path] = ByteCache(PATHS_BYTES)
_contents: ByteCache[opening.OpenModel | Latents] = ByteCache(CONTENTS_BYTES)
_opened: ByteCache[tuple[Any, ModelAddresses]] = ByteCache(OPENED_BYTES)  # with the state of their files
_locks = [RLock() for _ in range(16)]  # by hash of the id: simultaneous requests open a model once


@dataclass(frozen=True)
class ModelAddresses:
    """The addresses of the frames of a model and its encoder, and its facts as HTML. Latents have no encoder."""

    frame: str
    facts: str
    encoder: str | None = None
    has_points: bool = True  # whether its map has points

    @property
    def addresses(self) -> list[str]:
        return [self.frame, self.encoder] if self.encoder else [self.frame]


def available(linked: str = "") -> dict[str, str]:
    """Id → name of all models: of the gallery, of the runs, and of this session, in that order.

    Models that other sessions have opened are not listed, but can be opened by their id: the one that a link names,
    `linked`, is added to this session.
    """
    gallery = sorted(_folders(GALLERY), key=lambda folder: folder.name != FIRST)
    names = {folder.name: _title(folder) for folder in gallery}
    names |= {f"runs/{folder.name}": f"runs/{folder.name}" for folder in _folders(runs_root.RUNS)}
    if linked not in names and (name := _opened_name(linked)):
        make_own(linked, name)
        names[linked] = name
    return names | own()


def _opened_name(model: str) -> str | None:
    """The name of an upload or a path in lists; None for an unknown id."""
    upload, path = _uploads.get(model), _paths.get(model)
    return f"{upload[0]} (uploaded)" if upload else str(path) if path else None


def add_upload(name: str, data: bytes) -> str:
    """Add an uploaded model, or latents, to the cache; returns its id.

    Raises `InputError` if it is neither a .safetensors file of a model nor a file of latents.
    """
    content: bytes | Latents = data
    size = len(data)
    if name.lower().endswith(latents.ENDINGS):
        content = latents.read(data, name[-60:])
        size = _nbytes(vars(content).values())
    else:
        refuse_foreign(name, "mu")
        checkpoints.read(data)
    model = UPLOAD + sha256(data).hexdigest()[:16]
    _uploads.put(model, (name, content), size)
    make_own(model, f"{name} (uploaded)")
    return model


def add_path(text: str) -> str:
    """Add a path of this machine (a run folder, a .safetensors file or latents) to this session; returns its id.

    Raises `InputError` if it is none of these.
    """
    path = Path(text).expanduser().absolute()
    if _is_latents(path):
        _latents_at(path)
    else:
        if path.is_file():
            refuse_foreign(path.name, "mu")
        checkpoints.read(path)
    if path.name == runs.CHECKPOINT and (path.parent / runs.SETTINGS).is_file():
        path = path.parent  # open the run, not only its checkpoint
    model = f"path:{path}"
    _paths.put(model, path, 0)
    make_own(model, str(path))
    return model


def open_model(model: str) -> ModelAddresses:
    """Check the model with this id and publish its frames; cached until its files change. `InputError` if it fails."""
    path = folder(model)
    state = _state(path)
    with _lock_of(model):
        old_state, opened = _opened.get(model) or (None, None)
        if opened is None or old_state != state or not all(map(is_published, opened.addresses)):
            opened = _publish(model)
            _opened.put(model, (state, opened), 0)
        return opened


def contents(model: str) -> opening.OpenModel:
    """The model with this id, checked. `InputError` if it fails, and for latents without a model."""
    found = content_of(model)
    if isinstance(found, Latents):
        raise InputError(NO_NETWORKS)
    return found


def content_of(model: str) -> opening.OpenModel | Latents:
    """The model, or the latents, with this id, checked and cached. `InputError` if it fails."""
    path = folder(model)
    if path and _is_latents(path):
        return _latents_at(path)
    if path is None and isinstance(content := _uploaded(model), Latents):
        return content
    key = repr((model, _state(path)))
    with _lock_of(model):
        found = _contents.get(key)
        if found is None:
            found = opening.open_path(path, _encode) if path else _read_upload(model)
            _contents.put(key, found, size_of(found))
        return found


def _latents_at(path: Path) -> Latents:
    """The latents in a file, cached until it changes."""
    key = repr(_state(path))
    found = _contents.get(key)
    if not isinstance(found, Latents):
        found = latents.read(path, path.name)
        _contents.put(key, found, _nbytes(vars(found).values()))
    return found


def folder(model: str) -> Path | None:
    """The path of the model with this id; None for an upload. `InputError` for an unknown id."""
    if model.startswith(UPLOAD):
        return None
    root, name = (runs_root.RUNS, model.removeprefix("runs/")) if model.startswith("runs/") else (GALLERY, model)
    path = _paths.get(model) or next((folder for folder in _folders(root) if folder.name == name), None)
    if path is None:
        raise InputError(f"There is no model {model!r:.60} here; choose one from the list.")
    return path


def size_of(found: opening.OpenModel) -> int:
    """Bytes of a model's arrays."""
    held_out = vars(found.held_out).values() if found.held_out else ()
    return _nbytes([*found.checkpoint.arrays.values(), *found.checkpoint.training.values(), *held_out])


def _nbytes(values: Iterable[Any]) -> int:
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def _lock_of(model: str) -> RLock:
    return _locks[hash(model) % len(_locks)]


def _folders(root: Path) -> list[Path]:
    return [folder for folder in runs.find(root) if (folder / runs.CHECKPOINT).is_file()]


def _title(folder: Path) -> str:
    return _title_of(folder, (folder / runs.SETTINGS).stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _title_of(folder: Path, written: int) -> str:
    try:
        settings = runs.read(folder).settings
    except InputError:
        return folder.name
    network = "" if settings.arch == "mlp" else f" · {settings.arch}"
    return f"{_data_title(settings)} · {settings.latent_dim}-D{network} · β = {settings.beta:g}"


def _data_title(settings: Settings) -> str:
    if is_file(settings.data):
        return uploaded_images.name_of(settings.data)
    return data_title(settings)


def _state(path: Path | None) -> tuple[Path, list[int]] | None:
    """The modification times of the file, or of the files of the run; other ones mean that it must be read again."""
    if path is None:
        return None
    files = (path, *(path / name for name in (runs.CHECKPOINT, runs.SETTINGS, runs.TEST, FILE_NAME)))
    return path, [file.stat().st_mtime_ns if file.exists() else 0 for file in files]


def _is_latents(path: Path) -> bool:
    return path.suffix.lower() in latents.ENDINGS and not path.is_dir()


def _read_upload(model: str) -> opening.OpenModel:
    content = _uploaded(model)
    assert isinstance(content, bytes)
    checkpoint = checkpoints.read(content)
    trained_on = checkpoint.settings.data
    # an upload must not open other files of this machine
    is_allowed = not is_file(trained_on) or trained_on in uploaded_images.kept()
    return opening.OpenModel(checkpoint, None, _encode(checkpoint, None) if is_allowed else None)


def _uploaded(model: str) -> bytes | Latents:
    _, content = _uploads.get(model) or ("", None)
    if content is None:
        raise InputError(GONE)
    return content


def _encode(checkpoint: Checkpoint, run: Run | None) -> HeldOut | None:
    """Held-out images with the model's posteriors: the gallery's images of the same data set, else those at the data
    root. None without images, and where they differ from those of the run, since training may have used them.
    """
    found = held_out_images(checkpoint.settings.data, Fit.like(checkpoint.image_shape))
    if found is None or (run is not None and found.fingerprint != run.fingerprint):
        return None
    return opening.encode_images(checkpoint, (found.pixels, found.labels, found.places))


class HeldOutImages(NamedTuple):
    """Held-out images of a data set with this fingerprint: pixels, labels, positions in the test split."""

    fingerprint: str
    pixels: np.ndarray
    labels: np.ndarray
    places: np.ndarray


@lru_cache(maxsize=2)
def held_out_images(data: str, fit: Fit) -> HeldOutImages | None:
    """A data set's images for a map, or None. The user's own pictures are cropped and scaled to `fit`."""
    for folder in _folders(GALLERY):
        if (folder / FILE_NAME).is_file() and (run := runs.read(folder)).settings.data == data:
            shipped = read_held_out(folder / FILE_NAME)
            return HeldOutImages(run.fingerprint, shipped.images, shipped.labels, shipped.index)
    from vae.data.image_sets import held_out_indices, load

    try:
        images = load(data, download=False, fit=fit)
    except InputError:
        return None
    test = images.test
    index = held_out_indices(test)
    return HeldOutImages(images.fingerprint, test.pixels[index], test.labels[index], index.astype(np.int32))


def _publish(model: str) -> ModelAddresses:
    again = partial(open_model, model)
    found = content_of(model)
    if isinstance(found, Latents):
        return ModelAddresses(publish_frame(latents.frame(model, found), again), escape(latents.facts(found)))
    checkpoint = found.checkpoint
    frame = explorer_frame(model, checkpoint, found.held_out, found.classes, found.rate_per_dim)
    return ModelAddresses(
        publish_frame(frame, again),
        facts(_data_title(checkpoint.settings), checkpoint, found.run, found.pixels),
        publish_frame(encoder_frame(model, checkpoint), again),
        has_points=found.held_out is not None,
    )
