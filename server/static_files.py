"""Files that never change, Streamlit's own among them, answered before anything else looks at a request.

Everybody who opens the page asks for a hundred of them. Streamlit would read its own from the disk each time, in
threads, and send them as they are; here they are compressed, once.
"""

from __future__ import annotations

from functools import cache
from mimetypes import guess_type
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from server.published import Blob, is_development, module_path, modules, plotly_blob, plotly_path

STREAMLIT = Path(streamlit.__file__).parent / "static"


class FilesFirst:
    """Answers for files whose address stands for their content; leaves the rest to the app."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        blob = _file(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if blob is None:
            await self.app(scope, receive, send)
        else:
            await (await blob.respond(Request(scope)))(scope, receive, send)


def _file(address: str) -> Blob | None:
    if address in _streamlits():
        return _streamlit_file(address)
    return _ours().get(address)


@cache
def _ours() -> dict[str, Blob]:
    plotly = {f"/{plotly_path()}": plotly_blob()}
    if is_development():  # modules change
        return plotly
    return {f"/{module_path(name)}": blob for name, blob in modules().items()} | plotly


@cache
def _streamlits() -> frozenset[str]:
    """The addresses of Streamlit's own files whose names hold a hash."""
    files = (path for path in (STREAMLIT / "static").rglob("*") if path.is_file())
    return frozenset(f"/{path.relative_to(STREAMLIT).as_posix()}" for path in files)


@cache
def _streamlit_file(address: str) -> Blob:
    return Blob((STREAMLIT / address[1:]).read_bytes(), guess_type(address)[0] or "application/octet-stream")
