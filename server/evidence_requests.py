"""Requests of the ELBO page, computed in one thread; a request whose client has disconnected is not computed."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import suppress
from functools import partial
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server import open_models
from server.access import same_origin
from server.byte_cache import Busy, ByteCache
from server.client_queue import ClientQueue
from server.published import PREFIX, publish_frame
from server.visitors import visitor, visitor_of
from vae.errors import InputError
from vae.exports.opening import OpenModel as Contents
from vae.inference.evidence_table import FILE_NAME, read_table, table_frame

if TYPE_CHECKING:
    from vae.exports.posterior_frames import Subject

KINDS = ("posterior", "parts", "fit", "weights")
SUBJECTS_BYTES = 1 << 30
SUBJECT_BYTES = 64 << 20  # counted for the caches of a model, in addition to three times its size
MODELS_BYTES = 4 << 20  # for a few thousand models
BYTES_A_PIXEL, BYTES_BESIDE = 32, 1 << 16  # most bytes of a request: BYTES_A_PIXEL · pixels + BYTES_BESIDE
WAITING, WAITING_BYTES = 400, 256 << 20
FRESH = {"cache-control": "no-store", "content-encoding": "identity"}
GONE = "This model is no longer open on the server; reload the page."
GIVEN_UP = "Something else was asked in its place."

_log = logging.getLogger(__name__)


class RequestedModel(NamedTuple):
    """The id of a model, and the most bytes of a request about it."""

    model: str
    most_bytes: int


_queue = ClientQueue("evidence", WAITING, WAITING_BYTES)
_models: ByteCache[RequestedModel] = ByteCache(MODELS_BYTES)  # by the key in their addresses
_subjects: ByteCache[Subject] = ByteCache(SUBJECTS_BYTES)


class EvidenceAddresses(NamedTuple):
    """Addresses of a model's frames and of the server's answers, and its facts as HTML."""

    frame: str
    encoder: str
    evidence: str
    table: str | None
    remark: str | None  # on the table
    facts: str


def open_evidence(model: str) -> EvidenceAddresses:
    """Check the model with this id, publish its frames, and prepare for requests about it. `InputError` if it fails."""
    contents = open_models.contents(model)  # raises for latents without a model
    shown = open_models.open_model(model)
    assert shown.encoder is not None
    key = _key(shown)
    most_bytes = BYTES_A_PIXEL * prod(contents.checkpoint.image_shape) + BYTES_BESIDE
    _models.put(key, RequestedModel(model, most_bytes), 0)
    if key not in _subjects:
        with suppress(Busy):
            _queue.submit(("prepare", key), lambda: _prepared(key))
    table, remark = _table(model, contents)
    answers = f"{PREFIX}/evidence/{visitor()}/{key}"
    return EvidenceAddresses(shown.frame, shown.encoder, answers, table, remark, shown.facts)


def _key(shown: open_models.ModelAddresses) -> str:
    return hashlib.sha256(f"{shown.frame} {shown.encoder}".encode()).hexdigest()[:20]


def _table(model: str, contents: Contents) -> tuple[str | None, str | None]:
    """Address of the table of the test set, if there is one of this model, and a remark if it cannot be used."""
    folder = open_models.folder(model)
    if folder is None or not (folder / FILE_NAME).is_file():
        return None, None
    try:
        table = read_table(folder / FILE_NAME)
    except InputError as error:
        return None, str(error)
    if contents.held_out is None or not table.belongs_to(contents.checkpoint, contents.held_out):
        return None, f"The table of the test set is of another model; make it again: python -m vae evidence {folder}."
    return publish_frame(table_frame(table), partial(open_evidence, model)), None


async def answer(request: Request) -> Response:
    """Handler of requests about an image of a model: a frame, or an error as JSON with a sentence."""
    key, kind = request.path_params["key"], request.path_params["kind"]
    found = _models.get(key)
    if kind not in KINDS:
        return _refusal("There is no such question.", 404)
    if found is None:
        return _refusal(GONE, 404)
    if not same_origin(request.headers):
        return _refusal("Only pages of this server are answered.", 403)
    try:
        too_long = f"A question about an image of this model has {found.most_bytes:,} bytes at most."
        data = await _queue.answer(
            request, (visitor_of(request), kind), lambda body: _answer(key, kind, body), found.most_bytes, too_long
        )
    except Busy as error:
        return _refusal(str(error), 503)
    except InputError as error:
        return _refusal(str(error), 400)
    except Exception:
        _log.exception("%s of a model", kind)
        return _refusal("The server could not compute this; see its log.", 500)
    if data is None:
        return _refusal(GIVEN_UP, 409)
    return Response(data, 200, FRESH, "application/octet-stream")


def _refusal(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status, FRESH)


def _answer(key: str, kind: str, body: bytes) -> bytes:
    try:
        parameters = json.loads(body)
    except (ValueError, RecursionError):
        parameters = None
    if not isinstance(parameters, dict):
        raise InputError("A question is a JSON object with an image and what belongs to the question.")
    return _subject(key).answer(kind, parameters)


def _prepared(key: str) -> None:
    """Prepare for the first request; errors of a model are reported by the request itself."""
    try:
        _subject(key).prepare()
    except Exception:
        _log.debug("preparing a model", exc_info=True)


def _subject(key: str) -> Subject:
    """The subject of a model, cached. Only for the computing thread; imports torch."""
    found = _subjects.get(key)
    if found is None:
        found = _new_subject(key)
    return found


def _new_subject(key: str) -> Subject:
    import torch

    from vae.exports.posterior_frames import Subject

    torch.set_num_threads(1)  # steps are small: more threads gain little, and cause waiting on a busy machine
    found = _models.get(key)
    if found is None or _key(open_models.open_model(found.model)) != key:  # the run has been trained further
        raise InputError(GONE)
    contents = open_models.contents(found.model)
    subject = Subject(contents)
    _subjects.put(key, subject, 3 * open_models.size_of(contents) + SUBJECT_BYTES)
    return subject
