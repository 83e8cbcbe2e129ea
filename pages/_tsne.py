"""t-SNE of the points of a frame, asked for by the browser: made once, one at a time, and its progress told."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock, Thread

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pages._keys import same_origin
from pages._routes import frame_data
from vae import tsne
from vae.errors import InputError
from vae.export import pack, unpack

JOBS_KEPT = 16
FRESH = {"cache-control": "no-store", "content-encoding": "identity"}

_log = logging.getLogger(__name__)
_jobs: OrderedDict[str, Job] = OrderedDict()
_lock = Lock()  # on the list of jobs
_turn = Lock()  # one at a time


@dataclass
class Job:
    """An embedding that is being made, was made, or could not be."""

    mu: np.ndarray
    done: float = 0.0
    made: np.ndarray | None = None
    reason: str = ""

    def run(self) -> None:
        try:
            self._make()
        except InputError as error:
            self.reason = str(error)
        except Exception:
            _log.exception("t-SNE")
            self.reason = "t-SNE has failed on the server; its log says why."

    def _make(self) -> None:
        folder = tsne.cache_folder()
        tsne.check(self.mu)
        self.made = tsne.cached(self.mu, folder)
        if self.made is not None:
            return
        with _turn:
            for done in tsne.embed(self.mu, folder):
                self.done = done
        self.made = tsne.cached(self.mu, folder)
        if self.made is None:
            self.reason = f"t-SNE could not be kept in {folder}."


async def answer(request: Request) -> Response:
    """The embedding of the frame with this key as a frame (`points`, N × 2), or how far it is; asking begins it."""
    if not same_origin(request.headers):
        return JSONResponse({"error": "Ask from a page of this server."}, 403, FRESH)
    job = await asyncio.to_thread(_job, request.path_params["key"])
    if job is None:
        return JSONResponse({"error": "This model is no longer open on the server; reload the page."}, 404, FRESH)
    if job.made is not None:
        return Response(pack({}, {"points": job.made}), media_type="application/octet-stream", headers=FRESH)
    if job.reason:
        return JSONResponse({"error": job.reason}, 422, FRESH)
    return JSONResponse({"done": job.done}, 202, FRESH)


def _job(key: str) -> Job | None:
    """The job for this frame, begun where there is none yet; one that has failed is begun anew when asked again."""
    with _lock:
        job = _jobs.get(key)
        if job is not None:
            if job.reason:
                del _jobs[key]
            return job
        data = frame_data(key)
        if data is None:
            return None
        try:
            mu = unpack(data)[1].get("mu", np.zeros((0, 1), np.float32))
        except ValueError:  # quantised, since there are very many
            return Job(np.zeros((0, 1), np.float32), reason=f"t-SNE is offered for up to {tsne.MOST:,} points.")
        job = _jobs[key] = Job(mu)
        while len(_jobs) > JOBS_KEPT:
            _jobs.popitem(last=False)
    Thread(target=job.run, name="t-SNE", daemon=True).start()
    return job
