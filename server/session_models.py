"""What a session has opened: it stands in that person's pickers, and in nobody else's."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

MOST = 50


def own() -> dict[str, str]:
    """Id → name of the models that this session has opened; nothing outside a session."""
    return dict(st.session_state.get("own-models", {})) if get_script_run_ctx(suppress_warning=True) else {}


def make_own(model: str, name: str) -> None:
    """List a model in this session; the first of very many goes."""
    if get_script_run_ctx(suppress_warning=True):
        st.session_state["own-models"] = dict([*({**own(), model: name}.items())][-MOST:])
