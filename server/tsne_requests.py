"""t-SNE of the points of a frame, asked for by the browser: made once, one at a time, while somebody asks for it."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import closing
from dataclasses import dataclass, field
from threading import Lock, Thread

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.access import same_origin
from server.published import frame_data
from vae.analysis import tsne
from vae.errors import InputError
from vae.files.frame import pack, unpack

MOST_JOBS = 16
WANTED_FOR = 20.0  # seconds after it was last asked for; a page asks more than once a second
FRESH = {"cache-control": "no-store", "content-encoding": "identity"}
CLOSED = "This model is no longer open on the server; reload the page."
BUSY = f"The server is busy with t-SNE of {MOST_JOBS} other models; choose it again in a few minutes."

_log = logging.getLogger(__name__)
_jobs: dict[str, Job] = {}  # by the key of the frame, in the order in which they are made
_lock = Lock()  # on the jobs, and on whether somebody makes them
_made_by: Thread | None = None


@dataclass
class Job:
    """An embedding that is wanted, is being made, was made, or could not be."""

    mu: np.ndarray
    done: float = 0.0
    made: np.ndarray | None = None
    reason: str = ""
    asked: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        return self.made is not None or bool(self.reason)

    @property
    def is_wanted(self) -> bool:
        return time.monotonic() - self.asked < WANTED_FOR

    def make(self) -> None:
        try:
            self._make()
        except InputError as error:
            self.reason = str(error)
        except Exception:
            _log.exception("t-SNE")
            self.reason = "t-SNE has failed on the server; its log says why."

    def _make(self) -> None:
        folder = tsne.cache_folder()
        with closing(tsne.embed(self.mu, folder)) as work:
            for self.done in work:
                if not self.is_wanted:
                    return
        self.made = tsne.cached(self.mu, folder)
        if self.made is None:
            self.reason = f"t-SNE could not be kept in {folder}."


async def answer(request: Request) -> Response:
    """The embedding of the frame with this key as a frame (`points`, N × 2), or how far it is; asking begins it."""
    if not same_origin(request.headers):
        return JSONResponse({"error": "Ask from a page of this server."}, 403, FRESH)
    key = request.path_params["key"]
    job = _jobs.get(key) or await asyncio.to_thread(_new_job, key)
    if job is None:
        return JSONResponse({"error": CLOSED}, 404, FRESH)
    job.asked = time.monotonic()
    if job.made is not None:
        return Response(pack({}, {"points": job.made}), media_type="application/octet-stream", headers=FRESH)
    if job.reason:
        _jobs.pop(key, None)  # whoever asks again has it begun anew
        return JSONResponse({"error": job.reason}, 422, FRESH)
    return JSONResponse({"done": job.done}, 202, FRESH)


def _new_job(key: str) -> Job | None:
    """The job for the frame with this key, in the line; None where there is no such frame (any more)."""
    data = frame_data(key)
    if data is None:
        return None
    try:
        mu = unpack(data)[1].get("mu", np.zeros((0, 1), np.float32))
    except ValueError:  # quantised, since there are very many
        return Job(np.zeros((0, 1), np.float32), reason=f"t-SNE is offered for up to {tsne.MOST:,} points.")
    try:
        tsne.check(mu)
    except InputError as error:
        return Job(mu, reason=str(error))
    job = Job(mu, made=tsne.cached(mu, tsne.cache_folder()))
    return job if job.is_over else _in_line(key, job)


def _in_line(key: str, job: Job) -> Job:
    global _made_by
    with _lock:
        _forget_unwanted()
        if key in _jobs:
            return _jobs[key]
        if len(_jobs) >= MOST_JOBS:
            return Job(job.mu, reason=BUSY)
        _jobs[key] = job
        if _made_by is None:
            _made_by = Thread(target=_make_all, name="t-SNE", daemon=True)
            _made_by.start()
    return job


def _forget_unwanted() -> None:
    for key, job in list(_jobs.items()):
        if not job.is_wanted:
            _jobs.pop(key, None)


def _make_all() -> None:
    """Make what is in line, one after the other."""
    global _made_by
    while True:
        with _lock:
            _forget_unwanted()
            job = next((job for job in _jobs.values() if not job.is_over), None)
            if job is None:
                _made_by = None
                return
        job.make()
