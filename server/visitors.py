"""Who asks: every session of the page has a name of its own in the addresses that it asks at, given by this server."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

import streamlit as st
from starlette.requests import Request
from streamlit.runtime.scriptrunner import get_script_run_ctx

_SECRET = secrets.token_bytes(32)
_LENGTH = 12  # characters of a name, and of what proves it


def visitor() -> str:
    """The name of this session; a new one where there is none."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return _new()
    return str(st.session_state.setdefault("visitor", _new()))


def who_asks(request: Request) -> str:
    """The name in the address where this server has given it, else the machine's: a page may outlive a server."""
    name = str(request.path_params["visitor"])
    given = hmac.compare_digest(name[_LENGTH:].encode(errors="replace"), _proof(name[:_LENGTH]).encode())
    return name if given else request.client.host if request.client else ""


def _new() -> str:
    name = secrets.token_hex(_LENGTH // 2)
    return name + _proof(name)


def _proof(name: str) -> str:
    return hmac.new(_SECRET, name.encode(errors="replace"), sha256).hexdigest()[:_LENGTH]
