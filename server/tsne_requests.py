"""t-SNE of the points of a frame on request: computed once, one at a time, and only while clients request it."""

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
WANTED_FOR = 20.0  # seconds after the last request in which a job is continued; a page polls every second or faster
FRESH = {"cache-control": "no-store", "content-encoding": "identity"}
CLOSED = "This model is no longer open on the server; reload the page."
BUSY = f"The server is busy with t-SNE of {MOST_JOBS} other models; choose it again in a few minutes."

_log = logging.getLogger(__name__)
_jobs: dict[str, Job] = {}  # by the key of the frame, in the order of computation
_lock = Lock()  # of `_jobs` and `_made_by`
_made_by: Thread | None = None


@dataclass
class Job:
    """An embedding: queued, in progress, made, or failed (`reason`)."""

    mu: np.ndarray
    done: float = 0.0
    made: np.ndarray | None = None
    reason: str = ""
    requested_at: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        return self.made is not None or bool(self.reason)

    @property
    def is_wanted(self) -> bool:
        return time.monotonic() - self.requested_at < WANTED_FOR

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
    """Handler: the embedding of the frame with this key as a frame (`points`, N × 2), or the share that is done.

    The first request starts the computation.
    """
    if not same_origin(request.headers):
        return JSONResponse({"error": "Ask from a page of this server."}, 403, FRESH)
    key = request.path_params["key"]
    job = _jobs.get(key) or await asyncio.to_thread(_new_job, key)
    if job is None:
        return JSONResponse({"error": CLOSED}, 404, FRESH)
    job.requested_at = time.monotonic()
    if job.made is not None:
        return Response(pack({}, {"points": job.made}), media_type="application/octet-stream", headers=FRESH)
    if job.reason:
        _jobs.pop(key, None)  # the next request starts it again
        return JSONResponse({"error": job.reason}, 422, FRESH)
    return JSONResponse({"done": job.done}, 202, FRESH)


def _new_job(key: str) -> Job | None:
    """A job for the frame with this key, queued unless it is over; None if there is no such frame."""
    data = frame_data(key)
    if data is None:
        return None
    try:
        mu = unpack(data)[1].get("mu", np.zeros((0, 1), np.float32))
    except ValueError:  # quantised: too many points
        return Job(np.zeros((0, 1), np.float32), reason=f"t-SNE is offered for up to {tsne.MOST:,} points.")
    try:
        tsne.check(mu)
    except InputError as error:
        return Job(mu, reason=str(error))
    job = Job(mu, made=tsne.cached(mu, tsne.cache_folder()))
    return job if job.is_over else _enqueue(key, job)


def _enqueue(key: str, job: Job) -> Job:
    global _made_by
    with _lock:
        _drop_unwanted()
        if key in _jobs:
            return _jobs[key]
        if len(_jobs) >= MOST_JOBS:
            return Job(job.mu, reason=BUSY)
        _jobs[key] = job
        if _made_by is None:
            _made_by = Thread(target=_make_all, name="t-SNE", daemon=True)
            _made_by.start()
    return job


def _drop_unwanted() -> None:
    for key, job in list(_jobs.items()):
        if not job.is_wanted:
            _jobs.pop(key, None)


def _make_all() -> None:
    """Compute the queued jobs, one after the other."""
    global _made_by
    while True:
        with _lock:
            _drop_unwanted()
            job = next((job for job in _jobs.values() if not job.is_over), None)
            if job is None:
                _made_by = None
                return
        job.make()
