"""Files for the browser in addition to Streamlit's: modules, Plotly, KaTeX and frames.

Every address contains a hash of its content (or a version), so browsers may cache the response without a limit.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import plotly
from starlette.requests import Request
from starlette.responses import Response

from server.byte_cache import ByteCache
from vae.errors import InputError
from vae.files.browser_modules import EXPLORER

KATEX = EXPLORER.parent / "katex"
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
PREFIX = "room"
FIRST_PAGE = "explore"  # the folder of the page at the app's root
CODE = f"{PREFIX}/code"  # the loss as code, executed
FRAMES_BYTES = 512 << 20  # of the cache of frames, compressed copies included
RECIPES_BYTES = 4 << 20  # of the cache of functions that publish dropped frames again: a few thousand
MODULE_KINDS = {".js": "text/javascript", ".css": "text/css"}
DEVELOPMENT = "ELBO_ROOM_DEVELOPMENT"  # the environment variable
FOREVER = {"cache-control": "public, max-age=31536000, immutable"}

_compressor = ThreadPoolExecutor(1, "gzip")


class Blob:
    """Bytes with a key from their hash; compressed once, and only for clients on other machines."""

    def __init__(self, data: bytes, kind: str) -> None:
        self.data = data
        self.kind = kind
        self.key = hashlib.sha256(data).hexdigest()[:20]
        self._compressed: Future[bytes] | None = None

    async def compressed(self) -> bytes:
        if self._compressed is None:
            self._compressed = _compressor.submit(gzip.compress, self.data, 6)
        if not self._compressed.done():
            await asyncio.shield(asyncio.wrap_future(self._compressed))  # other requests wait for it too
        return self._compressed.result()

    async def respond(self, request: Request) -> Response:
        here = request.client is not None and request.client.host in ("127.0.0.1", "::1")
        if here or "gzip" not in request.headers.get("accept-encoding", ""):
            # an explicit encoding, so that Streamlit's middleware does not compress it at every request
            return Response(self.data, media_type=self.kind, headers={**FOREVER, "content-encoding": "identity"})
        headers = {**FOREVER, "content-encoding": "gzip", "vary": "accept-encoding"}
        return Response(await self.compressed(), media_type=self.kind, headers=headers)


_frames: ByteCache[Blob] = ByteCache(FRAMES_BYTES)
_recipes: ByteCache[Callable[[], Any]] = ByteCache(RECIPES_BYTES)


def publish_frame(data: bytes, again: Callable[[], Any] | None = None) -> str:
    """Publish a frame; returns its address, relative to the app's root.

    The cache drops the least recently used frames; `again` publishes a dropped one again when it is requested.
    """
    blob = Blob(data, "application/octet-stream")
    if blob.key not in _frames:
        _frames.put(blob.key, blob, 2 * len(data))
    if again is not None:
        _recipes.put(blob.key, again, 0)
    return f"{PREFIX}/frame/{blob.key}"


def is_published(path: str) -> bool:
    """Whether the frame at this address is in the cache; counts as a use of it."""
    return path.rpartition("/")[2] in _frames


def frame_data(key: str) -> bytes | None:
    """The frame whose address ends with this key, published again if necessary; None where that fails."""
    blob = _frames.get(key) or _publish_again(key)
    return blob.data if blob else None


def _publish_again(key: str) -> Blob | None:
    again = _recipes.get(key)
    if again is None:
        return None
    try:
        again()
    except InputError:  # an upload that the cache has dropped, or a deleted run
        return None
    return _frames.get(key)  # None if the run was trained further: it has another frame


def is_development() -> bool:
    """Whether modules are read from the disk at every request and never cached, as `make dev` has it."""
    return os.environ.get(DEVELOPMENT) == "1"


@cache
def modules() -> dict[str, Blob]:
    """Content of every module and style sheet of the explorer, by its path in the explorer's folder."""
    files = (p for p in sorted(EXPLORER.rglob("*")) if p.suffix in MODULE_KINDS)
    return {p.relative_to(EXPLORER).as_posix(): Blob(p.read_bytes(), MODULE_KINDS[p.suffix]) for p in files}


@cache
def module_path(name: str) -> str:
    """Address of a module or style sheet, relative to the app's root; all are below one folder, as on disk."""
    if is_development():
        return f"{PREFIX}/development/{name}"
    version = hashlib.sha256("".join(blob.key for blob in modules().values()).encode()).hexdigest()[:16]
    return f"{PREFIX}/{version}/{name}"


@cache
def plotly_blob() -> Blob:
    return Blob(PLOTLY.read_bytes(), "text/javascript")


def plotly_path() -> str:
    return f"{PREFIX}/plotly-{plotly.__version__}.js"


async def module_response(request: Request) -> Response:
    if is_development():
        return _module_as_it_is(request.path_params["name"])
    blob = modules().get(request.path_params["name"])
    return await blob.respond(request) if blob else Response("no such module", status_code=404)


def _module_as_it_is(name: str) -> Response:
    file = (EXPLORER / name).resolve()
    if not (file.is_relative_to(EXPLORER.resolve()) and file.suffix in MODULE_KINDS and file.is_file()):
        return Response("no such module", status_code=404)
    return Response(file.read_bytes(), media_type=MODULE_KINDS[file.suffix], headers={"cache-control": "no-store"})


async def plotly_response(request: Request) -> Response:
    return await plotly_blob().respond(request)


@cache
def _katex_files() -> dict[str, Blob]:
    """KaTeX's files for the browser, by their path in KaTeX's folder (its style sheet refers to the fonts)."""
    kinds = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}
    files = (p for p in sorted(KATEX.rglob("*")) if p.suffix in kinds)
    return {p.relative_to(KATEX).as_posix(): Blob(p.read_bytes(), kinds[p.suffix]) for p in files}


@cache
def katex_path() -> str:
    """Address of KaTeX's folder, relative to the app's root."""
    version = hashlib.sha256("".join(blob.key for blob in _katex_files().values()).encode()).hexdigest()[:16]
    return f"{PREFIX}/katex-{version}"


async def katex_response(request: Request) -> Response:
    blob = _katex_files().get(request.path_params["file"])
    return await blob.respond(request) if blob else Response("no such file", status_code=404)


async def frame_response(request: Request) -> Response:
    key = request.path_params["key"]
    blob = _frames.get(key)
    if blob is None and key in _recipes:
        blob = await asyncio.to_thread(_publish_again, key)
    return await blob.respond(request) if blob else Response("no such frame", status_code=404)
