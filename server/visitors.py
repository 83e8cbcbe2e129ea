"""Names of sessions, signed by this server and contained in the addresses of their requests."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

import streamlit as st
from starlette.requests import Request
from streamlit.runtime.scriptrunner import get_script_run_ctx

_SECRET = secrets.token_bytes(32)
_LENGTH = 12  # characters of a name, and of its signature


def visitor() -> str:
    """The name of this session; a new one outside a session."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return _new()
    return str(st.session_state.setdefault("visitor", _new()))


def visitor_of(request: Request) -> str:
    """The name in the address if this server has signed it, else the client's host: the page may be older than the
    server.
    """
    name = str(request.path_params["visitor"])
    given = hmac.compare_digest(name[_LENGTH:].encode(errors="replace"), _signature(name[:_LENGTH]).encode())
    return name if given else request.client.host if request.client else ""


def _new() -> str:
    name = secrets.token_hex(_LENGTH // 2)
    return name + _signature(name)


def _signature(name: str) -> str:
    return hmac.new(_SECRET, name.encode(errors="replace"), sha256).hexdigest()[:_LENGTH]
