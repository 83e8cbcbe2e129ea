"""The available beta paths, and opening one: its frame with the map's images, and the decoder of every stop."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import asdict
from functools import lru_cache, partial
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from server import open_models, runs_root
from server.byte_cache import ByteCache
from server.published import FOREVER, PREFIX, is_published, publish_frame
from vae.data.pictures import Fit
from vae.errors import InputError
from vae.files.frame import header, pack
from vae.natural_order import natural
from vae.training import beta_path as paths
from vae.training.beta_path import BetaPath

PATHS = Path(__file__).parent.parent / "assets" / "paths"
FIRST = "mnist-2d"  # the path that is shown first
DATA = {"mnist": "MNIST", "digits": "Digits 8×8", "sprites": "Sprites"}
OPTIONAL = ("hole_share", "hole_share_se", "hole_fraction", "overlap", "overlap_se")
SURGERY = ("index_code_mi", "total_correlation", "dimension_wise_kl")
SCORES = ("mig", "factor_vae", "factor_vae_se", "images", "draws", "votes", "votes_of")
SAME = "the same optimum along β·σₚ² = const"  # but not the same elbo
OPENED_KEPT = 64
BYTES = 256 << 20  # of the cache of paths

_files: dict[str, Path] = {}  # by the hash of their content
_paths: ByteCache[BetaPath] = ByteCache(BYTES)  # by the same
_reading = Lock()  # simultaneous requests read a file once


class PathAddresses(NamedTuple):
    """Addresses of a path's frame and of its decoders (the latter contains {stop}), and its facts as HTML."""

    frame: str
    decoders: str
    facts: str


def available() -> dict[str, str]:
    """Name → title of every shipped path, `FIRST` first, and of those in the folder of runs."""
    return {name: _title(name) for name in _path_files()}


def _path_files() -> dict[str, Path]:
    shipped = sorted(PATHS.glob("*.safetensors"), key=lambda file: (file.stem != FIRST, file.stem))
    own = sorted(runs_root.RUNS.glob("*.safetensors"), key=lambda file: natural(file.name))
    return {file.stem: file for file in shipped} | {f"runs/{file.stem}": file for file in own}


def _title(name: str) -> str:
    data, _, space = name.rpartition("-")
    if data in DATA and space == "linear":
        return f"{DATA[data]} · linear, with the closed form"
    has_title = data in DATA and space.endswith("d") and space[:-1].isdigit()
    return f"{DATA[data]} · {space[:-1]}-D" if has_title else name


def open_path(name: str) -> PathAddresses:
    """Check the path of this name and publish its frame. `InputError` where it cannot be shown."""
    file = _path_files().get(name)
    if file is None:
        raise InputError(f"There is no beta path {name!r:.60} here; choose one from the list.")
    written = file.stat().st_mtime_ns
    opened = _open(name, file, written)
    if not is_published(opened.frame):  # the cache has dropped it for newer frames
        _open.cache_clear()
        opened = _open(name, file, written)
    return opened


@lru_cache(maxsize=OPENED_KEPT)
def _open(name: str, file: Path, written: int) -> PathAddresses:
    key = _key(file)
    _files[key] = file
    path = _read(file, key)
    frame = publish_frame(_frame(file.stem, path), partial(open_path, name))
    return PathAddresses(frame, f"{PREFIX}/path/{key}/{{stop}}", _facts(path))


def _read(file: Path, key: str) -> BetaPath:
    """The path in a file, cached; `InputError` if the hash of its content is no longer `key`."""
    with _reading:
        path = _paths.get(key)
        if path is None:
            if _key(file) != key:
                raise InputError(f"The beta path {file.stem} has changed; reload the page.")
            path = paths.read(file)
            arrays = [*path.decoder.values(), path.mu, path.logvar, *path.forces.values()]
            _paths.put(key, path, sum(array.nbytes for array in arrays))
        return path


def _key(file: Path) -> str:
    return hashlib.sha256(file.read_bytes() if file.is_file() else b"").hexdigest()[:20]


def _frame(name: str, path: BetaPath) -> bytes:
    """The frame of a path with all stops; without their decoders, which are fetched one by one."""
    pixels, labels = _images(name, path)
    meta = {
        **header(name, path.plan, path.image_shape, path.settings.likelihood),
        "sigma": path.settings.sigma,
        "classes": list(path.classes),
        "betas": list(path.betas),
        "up": [_numbers(name, stop_numbers, path.settings.latent_dim) for stop_numbers in path.up],
        "down": [_numbers(name, stop_numbers, path.settings.latent_dim) for stop_numbers in path.down],
        "linear": path.linear and asdict(path.linear),
        "factors": list(path.factor_names),
    }
    halves = {"mu": path.mu.astype(np.float16), "logvar": path.logvar.astype(np.float16)}
    factors = {} if path.factors is None else {"factors": path.factors}
    return pack(meta, {"images": pixels, "labels": labels, "index": path.index, **halves, **path.forces, **factors})


def _images(name: str, path: BetaPath) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels of the images whose posteriors the path has."""
    held_out = open_models.held_out_images(path.settings.data, Fit.like(path.image_shape))
    if held_out is None:
        raise InputError(
            f"The images of the beta path {name} are not here; make a model of {path.settings.data} first."
        )
    _, pixels, labels, index = held_out
    order = np.argsort(index)
    rows = order[np.searchsorted(index, path.index, sorter=order).clip(0, len(order) - 1)]
    fits = np.array_equal(index[rows], path.index) and pixels.shape[1:] == path.image_shape
    if not fits or not 0 <= labels.min() <= labels.max() < len(path.classes):
        raise InputError(f"The beta path {name} is of other images than those that are here; make it again.")
    return pixels[rows], labels[rows].astype(np.int32)


def _numbers(name: str, stop_numbers: Any, k: int) -> dict[str, Any]:
    """The numbers of a stop that the page shows, checked to be finite. `InputError` where they are not."""
    try:
        numbers: dict[str, Any] = {}
        for split in ("test", "train"):
            numbers[split] = {key: _number(stop_numbers[split][key]) for key in ("distortion", "rate")}
        numbers["rate_per_dim"] = [_number(rate) for rate in stop_numbers["rate_per_dim"]]
        numbers["active_units"] = int(_number(stop_numbers["active_units"]))
        if len(numbers["rate_per_dim"]) != k or not 0 <= numbers["active_units"] <= k:
            raise ValueError("damaged")
        for key in {*OPTIONAL} & {*stop_numbers}:
            numbers[key] = _number(stop_numbers[key])
        if "surgery" in stop_numbers:
            numbers["surgery"] = {key: _number(stop_numbers["surgery"][key]) for key in SURGERY}
        if "disentanglement" in stop_numbers:
            numbers["disentanglement"] = {key: _number(stop_numbers["disentanglement"][key]) for key in SCORES}
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(f"The numbers of the beta path {name} are damaged; make it again.") from None
    return numbers


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or not isfinite(value):
        raise ValueError("no number")
    return float(value)


def _facts(path: BetaPath) -> str:
    settings, betas = path.settings, path.betas
    layers = "-".join(map(str, (np.prod(path.image_shape), *settings.hidden, settings.latent_dim)))
    parts = [
        DATA.get(settings.data, settings.data),
        f"{settings.arch} {layers}" if settings.hidden else f"linear {layers}",
        f"gaussian, σₚ = {settings.sigma:g}: {SAME}" if settings.likelihood == "gaussian" else settings.likelihood,
        f"<b>one model trained on along {len(betas)} stops of beta</b>, from {betas[0]:g} to {betas[-1]:g} and back",
        f"{settings.epochs:g} passes over the training images a stop, each begun with the weights of the one before",
        f"{len(path.index):,} test images on the map",
    ]
    return " · ".join(parts)


async def decoder(request: Request) -> Response:
    """The decoder of one stop, as a frame of float16 arrays; not compressed, since weights hardly shrink."""
    key, stop = request.path_params["key"], request.path_params["stop"]
    try:
        path = _paths.get(key)
        if path is None:
            path = await asyncio.to_thread(_read, _files[key], key)
    except (KeyError, InputError):
        return Response("no such path", status_code=404)
    if not re.fullmatch("[0-9]{1,3}", stop) or int(stop) >= len(path.betas):
        return Response("no such stop", status_code=404)
    arrays = {name: array[int(stop)].astype(np.float16) for name, array in path.decoder.items()}
    data = pack({"beta": path.betas[int(stop)]}, arrays)
    return Response(data, media_type="application/octet-stream", headers={**FOREVER, "content-encoding": "identity"})
