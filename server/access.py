"""Who may control a run: the holder of its key, the presenter of a lecture, and the local user of a private server.

A run that the app starts has a key. Its folder stores only the key's SHA-256, in a file that other users cannot read.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import streamlit as st

KEY_FILE = ".token"
LECTURE = "ELBO_ROOM_LECTURE"  # the presenter's key; set by `make lecture`
AUDIENCE = "ELBO_ROOM_AUDIENCE"  # most runs of the audience at a time
COOKIE = "elbo_room_presenter"
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_PORT = re.compile(r":\d*$")


def give_key(folder: Path) -> str:
    """Create and return a key for the run in `folder`; only its hash is stored."""
    key = secrets.token_urlsafe(16)
    path = folder / KEY_FILE
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(sha256(key.encode()).hexdigest())
    return key


def opens(folder: Path, key: str) -> bool:
    """Whether `key` is valid for the run in `folder`: the run's own, or the presenter's."""
    try:
        expected = (folder / KEY_FILE).read_text().strip()
    except OSError:
        expected = ""
    given = sha256(key.encode(errors="replace")).hexdigest()
    return (bool(expected) and hmac.compare_digest(expected.encode(), given.encode())) or is_presenters(key)


def opens_to_all(folder: Path, headers: Mapping[str, str], client: str) -> bool:
    """Whether no key is needed for the run in `folder`: it has none, and only this machine can reach the server.

    The Host header must be a local name, which prevents DNS rebinding by other sites.
    """
    here = host_name(headers.get("host", "")) in LOCAL_NAMES and client in LOCAL_NAMES
    return here and is_local() and not (folder / KEY_FILE).exists()


def is_local() -> bool:
    """Whether only this machine can reach the server."""
    return not is_lecture() and st.get_option("server.address") in LOCAL_NAMES


def is_lecture() -> bool:
    return bool(os.environ.get(LECTURE))


def is_presenters(key: str | None) -> bool:
    """Whether `key` is the presenter's; false outside a lecture."""
    expected = os.environ.get(LECTURE)
    return bool(expected and key) and hmac.compare_digest(str(expected).encode(), str(key).encode(errors="replace"))


def audience_runs() -> int:
    """Most runs that the audience of a lecture may have at a time."""
    text = os.environ.get(AUDIENCE, "")
    return int(text) if text.isdecimal() else 0


def host_name(host: str) -> str:
    """ "localhost:8501" → "localhost", "[::1]:8501" → "::1"."""
    return _PORT.sub("", host.strip()).strip("[]").lower()


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a page of this server, or not from a browser (it has no Origin header)."""
    origin = headers.get("origin")
    if origin is None:
        return True
    scheme, separator, host = origin.partition("://")
    default = {"http": ":80", "https": ":443"}.get(scheme)
    if not separator or default is None:
        return False
    return host.lower().removesuffix(default) == headers.get("host", "").lower().removesuffix(default)
