"""Who asks: every session of the page has a name of its own in the addresses that it asks at, given by this server."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

STALE = "This page was opened before the server last started; reload it."
_SECRET = secrets.token_bytes(32)
_LENGTH = 12  # characters of a name, and of what proves it


def visitor() -> str:
    """The name of this session; a new one where there is none."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return _new()
    return str(st.session_state.setdefault("visitor", _new()))


def is_visitor(name: str) -> bool:
    """Whether this server has given the name."""
    return hmac.compare_digest(name[_LENGTH:].encode(), _proof(name[:_LENGTH]).encode())


def _new() -> str:
    name = secrets.token_hex(_LENGTH // 2)
    return name + _proof(name)


def _proof(name: str) -> str:
    return hmac.new(_SECRET, name.encode(), sha256).hexdigest()[:_LENGTH]
