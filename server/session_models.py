"""The models that a session has opened, which are listed in its own pickers only."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

MOST = 50


def own() -> dict[str, str]:
    """Id → name of the models that this session has opened; empty outside a session."""
    return dict(st.session_state.get("own-models", {})) if get_script_run_ctx(suppress_warning=True) else {}


def make_own(model: str, name: str) -> None:
    """Add a model to this session's list, which keeps the last `MOST`."""
    if get_script_run_ctx(suppress_warning=True):
        st.session_state["own-models"] = dict([*({**own(), model: name}.items())][-MOST:])
