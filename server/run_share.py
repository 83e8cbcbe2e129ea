"""Sharing a run: the link for those who follow, as a QR code too, and the key for those who steer."""

from __future__ import annotations

from html import escape

import streamlit as st

from server import access, chosen_runs
from server.lecture_link import follow_link, qr_image


def share(run: str) -> None:
    """Draw the link, its QR code, and the key, or a field for it."""
    link = follow_link(run, st.context.url)
    st.markdown("**Follow this run** on any device, read-only")
    st.code(link, language=None)
    st.html(f"<img class='room-qr' alt='QR code of the link' src='{qr_image(link)}'>")
    if access.is_local():
        st.caption("Only this machine can reach it now; `make lecture` opens it to the network.")
    st.button("Enlarge the code", on_click=lambda: st.session_state.update(share=False, enlarged=True), width="stretch")
    if key := chosen_runs.keys().get(run):
        with st.expander("Steering key"):  # not to be seen by all who look at the code
            st.caption("Whoever enters it can steer this run.")
            st.code(key, language=None)
    else:
        st.text_input(
            "Steering key, to steer this run from here", key="entered-key", type="password", on_change=_take_key
        )


def show_enlarged(run: str) -> None:
    """Draw the code in a dialog, if that was asked for."""
    if st.session_state.pop("enlarged", False):
        _enlarged(run)


@st.dialog("Follow this run", width="large")
def _enlarged(run: str) -> None:
    link = follow_link(run, st.context.url)
    st.html(
        f"<img class='room-qr room-qr-large' alt='QR code of the link' src='{qr_image(link)}'>"
        f"<p class='room-link'>{escape(link)}</p>"
    )


def _take_key() -> None:
    if key := st.session_state["entered-key"].strip():
        chosen_runs.keys()[st.session_state["run"]] = key
