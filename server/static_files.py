"""Files that never change, Streamlit's included, served by the first middleware.

Every client requests about a hundred of them. Streamlit would read its files from the disk each time, in threads, and
send them uncompressed; here they are compressed once and cached.
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
    """Middleware that serves files whose address identifies their content, and passes on all other requests."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        blob = _file(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if blob is None:
            await self.app(scope, receive, send)
        else:
            await (await blob.respond(Request(scope)))(scope, receive, send)


def _file(address: str) -> Blob | None:
    if address in _streamlit_addresses():
        return _streamlit_file(address)
    return _own_files().get(address)


@cache
def _own_files() -> dict[str, Blob]:
    plotly = {f"/{plotly_path()}": plotly_blob()}
    if is_development():  # modules change
        return plotly
    return {f"/{module_path(name)}": blob for name, blob in modules().items()} | plotly


@cache
def _streamlit_addresses() -> frozenset[str]:
    """The addresses of Streamlit's files whose names contain a hash."""
    files = (path for path in (STREAMLIT / "static").rglob("*") if path.is_file())
    return frozenset(f"/{path.relative_to(STREAMLIT).as_posix()}" for path in files)


@cache
def _streamlit_file(address: str) -> Blob:
    return Blob((STREAMLIT / address[1:]).read_bytes(), guess_type(address)[0] or "application/octet-stream")
