"""Streamlit's page with an added script, which sets the server's address and shows a line if the connection is lost.

The script of `streamlit_shell.html` runs before Streamlit's. It sets `window.__streamlit` (the server's address and the
host's settings), and listens to Streamlit's messages to the host page, to show a line instead of a dialog.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import streamlit
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.published import FIRST_PAGE
from vae.files.browser_modules import pages

INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
PART = Path(__file__).with_name("streamlit_shell.html")


class Shell:
    """Middleware that inserts the script into Streamlit's page, and changes no other response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or b"text/html" not in _header(scope, b"accept"):
            await self.app(scope, receive, send)
            return
        page = _Page(send, compressed=b"gzip" in _header(scope, b"accept-encoding"))
        rest = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self.app({**scope, "headers": rest}, receive, page.send)  # without encoding: the response is the file


class _Page:
    """One response, which is buffered while it may be Streamlit's page."""

    def __init__(self, send: Send, compressed: bool) -> None:
        self.pass_on, self.compressed = send, compressed
        self.start: Message | None = None
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _may_be_the_page(message):
            self.start = message
        elif self.start is not None and message["type"] == "http.response.body":
            await self._buffer(message)
        else:
            await self.pass_on(message)

    async def _buffer(self, message: Message) -> None:
        assert self.start is not None
        self.body += message.get("body", b"")
        if message.get("more_body") and len(self.body) <= len(_index()):
            return
        start, self.start = self.start, None
        if self.body == _index():
            self.body = _compressed_page() if self.compressed else _page()
            start["headers"] = _headers(start, len(self.body), self.compressed)
        await self.pass_on(start)
        await self.pass_on({**message, "type": "http.response.body", "body": self.body})


def _may_be_the_page(start: Message) -> bool:
    headers = dict(start["headers"])
    whole = headers.get(b"content-length", b"") == str(len(_index())).encode()
    return start["status"] == 200 and whole and headers.get(b"content-type", b"").startswith(b"text/html")


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


def _headers(start: Message, length: int, compressed: bool) -> list[tuple[bytes, bytes]]:
    """The headers of the response, without those that describe the original file."""
    stale = (b"content-length", b"etag", b"last-modified", b"accept-ranges", b"vary")
    kept = [(name, value) for name, value in start["headers"] if name.lower() not in stale]
    encoding = [(b"content-encoding", b"gzip")] if compressed else []
    return [*kept, *encoding, (b"content-length", str(length).encode()), (b"vary", b"accept, accept-encoding")]


@cache
def _index() -> bytes:
    return INDEX.read_bytes()


@cache
def _compressed_page() -> bytes:
    return gzip.compress(_page())


@cache
def _page() -> bytes:
    before, head, after = _index().partition(b"<head>")
    others = "|".join(page for page in pages() if page != FIRST_PAGE)
    return before + head + PART.read_bytes().replace(b"{{pages}}", others.encode()) + after
