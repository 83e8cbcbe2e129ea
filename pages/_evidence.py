"""The ELBO page's questions to the server: one thread computes, and answers nobody who has left before his turn."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from math import prod
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pages import _models
from pages._keys import same_origin
from pages._routes import PREFIX, publish_frame
from vae.errors import InputError
from vae.evidence_table import FILE_NAME, read_table, table_frame
from vae.opening import Opened as Contents

if TYPE_CHECKING:
    from pages._answers import Subject

KINDS = ("posterior", "parts", "fit", "weights")
SUBJECTS_KEPT = 12
BYTES_A_PIXEL, BYTES_BESIDE = 32, 1 << 16  # of a question
FRESH = {"cache-control": "no-store", "content-encoding": "identity"}
GONE = "This model is no longer open on the server; reload the page."

_log = logging.getLogger(__name__)
_worker = ThreadPoolExecutor(1, "evidence")
_models_asked: OrderedDict[str, Contents] = OrderedDict()  # by the key in their address
_lock = Lock()


class Opened(NamedTuple):
    """A model on the page: addresses of its frames and of the server's answers, and its facts as HTML."""

    frame: str
    encoder: str
    evidence: str
    table: str | None
    remark: str | None  # on the table
    facts: str


def open_evidence(model: str) -> Opened:
    """Check the model with this id, publish what the page shows of it, and get ready for questions about it."""
    contents = _models.contents(model)  # refuses latents alone, which have no encoder
    shown = _models.open_model(model)
    assert shown.encoder is not None
    key = hashlib.sha256(f"{shown.frame} {shown.encoder}".encode()).hexdigest()[:20]
    with _lock:
        _models_asked[key] = contents
        _models_asked.move_to_end(key)
        while len(_models_asked) > SUBJECTS_KEPT:
            _models_asked.popitem(last=False)
    _worker.submit(_prepared, key)
    table, remark = _table(model, contents)
    return Opened(shown.frame, shown.encoder, f"{PREFIX}/evidence/{key}", table, remark, shown.facts)


def _table(model: str, contents: Contents) -> tuple[str | None, str | None]:
    """Address of the test set's table, where there is one that belongs to this model; else what there is to say."""
    folder = _models.folder(model)
    if folder is None or not (folder / FILE_NAME).is_file():
        return None, None
    try:
        table = read_table(folder / FILE_NAME)
    except InputError as error:
        return None, str(error)
    if contents.held_out is None or not table.belongs_to(contents.checkpoint, contents.held_out):
        return None, f"The table of the test set is of another model; make it again: python -m vae evidence {folder}."
    return publish_frame(table_frame(table)), None


async def answer(request: Request) -> Response:
    """What is asked about an image of a model; 4xx with one sentence where that cannot be answered."""
    key, kind = request.path_params["key"], request.path_params["kind"]
    contents = _models_asked.get(key)
    if kind not in KINDS or contents is None:
        return _refusal(GONE if kind in KINDS else "There is no such question.", 404)
    if not same_origin(request.headers):
        return _refusal("Only pages of this server are answered.", 403)
    try:
        asked = await _read(request, BYTES_A_PIXEL * prod(contents.checkpoint.image_shape) + BYTES_BESIDE)
        data = await _in_turn(request, key, kind, asked)
    except InputError as error:
        return _refusal(str(error), 400)
    except Exception:
        _log.exception("%s of a model", kind)
        return _refusal("The server could not compute this; see its log.", 500)
    if data is None:
        return Response(status_code=499)  # nobody will read it
    return Response(data, 200, FRESH, "application/octet-stream")


def _refusal(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status, FRESH)


async def _read(request: Request, most: int) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise InputError(f"A question about an image of this model has {most:,} bytes at most.")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise InputError("A question is a JSON object with an image and what belongs to the question.")
    return asked


async def _in_turn(request: Request, key: str, kind: str, asked: dict[str, Any]) -> bytes | None:
    """The answer, once it is its turn; None, and nothing computed, where the client has gone before."""
    turn = asyncio.wrap_future(_worker.submit(_answer, key, kind, asked))
    gone = asyncio.ensure_future(_disconnected(request))
    await asyncio.wait((turn, gone), return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if not turn.done():
        turn.cancel()  # takes it out of the line; what has begun is computed to its end
        return None
    return turn.result()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer(key: str, kind: str, asked: dict[str, Any]) -> bytes:
    return _subject(key).answer(kind, asked)


def _prepared(key: str) -> None:
    """Be ready for the first question; what is wrong with a model is said when it is asked about."""
    try:
        _subject(key).prepare()
    except Exception:
        _log.debug("preparing a model", exc_info=True)


@lru_cache(maxsize=SUBJECTS_KEPT)
def _subject(key: str) -> Subject:
    """For the thread that computes: torch is imported here."""
    import torch

    from pages._answers import Subject

    torch.set_num_threads(1)  # of many small steps: a second thread gains little, and on a busy machine is waited for
    contents = _models_asked.get(key)
    if contents is None:  # it has made room for others while the question waited
        raise InputError(GONE)
    return Subject(contents)
