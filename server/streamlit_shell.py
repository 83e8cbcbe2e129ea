"""Streamlit's page with a part of our own in front: where its server is, and what is said when it does not answer.

The script of `streamlit_shell.html` runs before Streamlit's. It sets Streamlit's own `window.__streamlit` (the server's
address and the host's settings), and hears what Streamlit tells the page around it (its messages to a host), so that a
line is shown instead of a dialog.
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
    """Puts our part into Streamlit's page, and into nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or b"text/html" not in _header(scope, b"accept"):
            await self.app(scope, receive, send)
            return
        page = _Page(send, compressed=b"gzip" in _header(scope, b"accept-encoding"))
        rest = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self.app({**scope, "headers": rest}, receive, page.send)  # which is to answer with the file as it is


class _Page:
    """One answer: held back while it may be Streamlit's page."""

    def __init__(self, send: Send, compressed: bool) -> None:
        self.pass_on, self.compressed = send, compressed
        self.start: Message | None = None
        self.body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _may_be_the_page(message):
            self.start = message
        elif self.start is not None and message["type"] == "http.response.body":
            await self._hold(message)
        else:
            await self.pass_on(message)

    async def _hold(self, message: Message) -> None:
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
    """The answer's headers, without those that speak of Streamlit's file as it is on the disk."""
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
