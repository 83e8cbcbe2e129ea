"""A lecture: the presenter's link, the followers' link as a QR code, and this machine's address on the network."""

from __future__ import annotations

import socket
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode

import segno
import streamlit as st
from starlette.datastructures import URL
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from server import access
from server.published import PREFIX

PARAMETER = "presenter"
REFUSED = "presenter-key"  # parameter in the address after a wrong key: presenter-key=refused
WRONG_KEY = (
    "This presenter's key does not fit this server; open the presenter's link that `make lecture` printed when it was "
    "started."
)
HOURS = 12


class PresenterLink:
    """Middleware that moves the presenter's key from the address, where a projector would show it, into a cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or f"{PARAMETER}=".encode() not in scope.get("query_string", b""):
            await self.app(scope, receive, send)
            return
        url = URL(scope=scope)
        parameters = parse_qsl(url.query, keep_blank_values=True)
        keys = [value for name, value in parameters if name == PARAMETER]
        fits = bool(keys) and access.is_presenters(keys[-1])
        kept = [(name, value) for name, value in parameters if name not in (PARAMETER, REFUSED)]
        rest = urlencode(kept if fits else [*kept, (REFUSED, "refused")])
        # relative: works behind any proxy and leads to no other site. A wrong key is removed too
        response = RedirectResponse("./" + url.path.rpartition("/")[2] + ("?" + rest if rest else ""), 303)
        if fits:
            secure = url.scheme == "https"
            response.set_cookie(access.COOKIE, keys[-1], HOURS * 3600, httponly=True, samesite="lax", secure=secure)
        await response(scope, receive, send)


def presents() -> bool:
    """Whether the page is shown to the presenter; always true outside a lecture."""
    return not access.is_lecture() or access.is_presenters(st.context.cookies.get(access.COOKIE))


def follow_link(run: str, page_url: str | None) -> str:
    """A link to follow a run, with this machine's network address if the network can reach the server."""
    url = URL(page_url or "http://localhost:8501/")
    host = url.hostname or "localhost"
    if host in access.LOCAL_NAMES and not access.is_local():
        host = network_address() or host
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{f'[{host}]' if ':' in host else host}{port}/{PREFIX}/follow/{quote(run)}"


@lru_cache(maxsize=64)
def qr_image(link: str) -> str:
    """The link as a QR code, a data URI; dark on light in every theme, which cameras read best."""
    code = segno.make(link, error="m", micro=False)
    return str(code.svg_data_uri(border=3, dark="#000", light="#fff", omitsize=True, encode_minimal=False))


@lru_cache(maxsize=1)
def network_address() -> str | None:
    """This machine's network address, taken from the route to an outside address; nothing is sent. None if offline."""
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return None
