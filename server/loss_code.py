"""The loss as code: runs `vae.inference.loss_in_ten_lines.loss` on a model of the gallery, traced line by line.

No code comes from requests: they hold only a model, images, beta and a seed.
"""

from __future__ import annotations

import inspect
import json
from base64 import b64encode
from contextlib import suppress
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.access import same_origin
from server.byte_cache import Busy
from server.client_queue import ClientQueue
from server.open_models import GALLERY, available
from server.visitors import visitor_of
from vae.errors import InputError
from vae.files import checkpoint, runs
from vae.files.held_out import FILE_NAME, read_held_out
from vae.inference.statement_trace import gradients, statements_of, traced

if TYPE_CHECKING:
    from torch import Tensor

    from vae.model import VAE

LARGEST_REQUEST = 2000  # bytes
TOO_LONG = "The request is too long; ask for a model, first, size, beta and seed."
GIVEN_UP = "Something else was asked in its place."
WAITING = 400
LARGEST_BATCH = 64
MOST_BETA = 1000.0
SHOWN = 8  # images, and rows of a small tensor
WIDEST = 10  # columns of a tensor whose numbers are shown

_queue = ClientQueue("loss-as-code", WAITING, WAITING * LARGEST_REQUEST)


class LossRequest(NamedTuple):
    model: str
    first: int  # row of the first of the held-out images in the batch
    size: int
    beta: float
    seed: int


def models() -> dict[str, str]:
    """Id → name of the gallery's models that the loss function supports (Bernoulli, with held-out images)."""
    return {name: title for name, title in available().items() if _usable(name)}


def _usable(name: str) -> bool:
    try:
        return (GALLERY / name / FILE_NAME).is_file() and runs.read(GALLERY / name).settings.likelihood == "bernoulli"
    except InputError:
        return False


def warm() -> None:
    """Import torch and load the first model in the computing thread, so that the first request is fast."""
    with suppress(Busy):
        _queue.submit("warm", lambda: [_opened(name) for name in list(models())[:1]])


async def answer(request: Request) -> Response:
    """Handler of requests: the result of `execute` as JSON, or an error with a sentence."""
    if not same_origin(request.headers):
        return JSONResponse({"error": "Only pages of this server are answered."}, 403)
    try:
        found = await _queue.answer(
            request, visitor_of(request), lambda body: execute(parse(body)), LARGEST_REQUEST, TOO_LONG
        )
    except InputError as error:
        return JSONResponse({"error": str(error)}, 503 if isinstance(error, Busy) else 400)
    if found is None:
        return JSONResponse({"error": GIVEN_UP}, 409)
    return JSONResponse(found, headers={"cache-control": "no-store"})


def parse(data: bytes) -> LossRequest:
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or set(fields) != set(LossRequest._fields):
        raise InputError("The request must be a JSON object with model, first, size, beta and seed.")
    wanted = LossRequest(**fields)
    if not isinstance(wanted.model, str) or wanted.model not in models():
        raise InputError("There is no such model in the gallery (any more); choose one from the list.")
    if not all(type(number) is int for number in (wanted.first, wanted.size, wanted.seed)):
        raise InputError("first, size and seed must be whole numbers.")
    if not (1 <= wanted.size <= LARGEST_BATCH and wanted.first >= 0 and 0 <= wanted.seed < 1 << 32):
        raise InputError(f"A batch has 1 to {LARGEST_BATCH} images, and first and seed are at least 0.")
    if type(wanted.beta) not in (int, float) or not (isfinite(wanted.beta) and 0 <= wanted.beta <= MOST_BETA):
        raise InputError(f"beta must be a number from 0 to {MOST_BETA:g}.")
    return wanted


def _opened(model: str) -> tuple[VAE, np.ndarray]:
    """The model and its held-out images, cached."""
    return _loaded(GALLERY / model, (GALLERY / model / runs.CHECKPOINT).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _loaded(folder: Path, stamp: int) -> tuple[VAE, np.ndarray]:
    return checkpoint.load_model(checkpoint.read(folder)), read_held_out(folder / FILE_NAME).images


def execute(parameters: LossRequest) -> dict[str, Any]:
    """Run the loss function; returns its statements with their values and the gradients of the loss there."""
    import torch

    from vae.inference.loss_in_ten_lines import loss

    model, images = _opened(parameters.model)
    rows = (parameters.first + np.arange(parameters.size)) % len(images)
    x = torch.from_numpy(images[rows].astype(np.float32) / 255)
    generator = torch.Generator().manual_seed(parameters.seed)
    result, made = traced(loss, model, x, float(parameters.beta), generator)
    tensors = {name: value for values in made for name, value in values.items()}
    slopes = gradients(result, tensors)
    statements = [
        {
            "text": text,
            "line": line,
            "values": [_described(name, value, slopes.get(name)) for name, value in values.items()],
        }
        for (line, text, _), values in zip(statements_of(loss), made, strict=True)
    ]
    return {
        "head": inspect.getsource(loss).partition("\n")[0],
        "statements": statements,
        "loss": result.item(),
        "rows": rows.tolist(),
        "shape": list(images.shape[1:]),
        "images": _bytes(images[rows[:SHOWN]]),
        "decoded": _bytes(_shades(tensors["logits"][:SHOWN].detach().sigmoid().numpy())),
    }


def _described(name: str, value: Tensor, slope: Tensor | None) -> dict[str, Any]:
    value = value.detach()
    return {
        "name": name,
        "shape": list(value.shape),
        "least": value.min().item(),
        "mean": value.mean().item(),
        "most": value.max().item(),
        "numbers": _numbers(value),
        "slope": None if slope is None else {"norm": slope.norm().item(), "numbers": _numbers(slope)},
    }


def _numbers(value: Tensor) -> list[list[float]] | None:
    """The first rows of a small tensor, one row per image; None with more than `WIDEST` columns."""
    rows = value.reshape(len(value), -1) if value.dim() else value.reshape(1, 1)
    return rows[:SHOWN].tolist() if rows.shape[1] <= WIDEST else None


def _shades(images: np.ndarray) -> np.ndarray:
    return np.rint(255 * images).astype(np.uint8)


def _bytes(images: np.ndarray) -> str:
    return b64encode(np.ascontiguousarray(images).tobytes()).decode()
