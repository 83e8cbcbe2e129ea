"""KL effect: what the weight of the KL term does to one and the same model, from an autoencoder to collapse."""

from reprlib import repr as short

import streamlit as st

from pages._kl_component import kl_view
from pages._paths import available, open_path
from vae.errors import InputError


def mark_choice() -> None:
    """Note that this run of the script follows a choice on the page: the address may lag behind it."""
    st.session_state["path-chosen"] = True


def follow_address(names: list[str]) -> None:
    """Show the path that the address names: on the first visit, and when someone goes back or forward."""
    asked = st.query_params.get("path", "")
    if st.session_state.pop("path-chosen", False) or asked == st.session_state.get("path-address"):
        return
    st.session_state["beta-path"] = asked if asked in names else next(iter(names), None)
    if asked and asked not in names:
        st.session_state["path-missing"] = f"There is no beta path {short(asked)} here; choose one from the list."


def keep_address(name: str, first: str) -> None:
    """Let the address name the path; the first of the list needs no name."""
    address = "" if name == first else name
    if address != st.query_params.get("path", ""):
        st.query_params.from_dict({"path": address} if address else {})
    st.session_state["path-address"] = address


names = available()
follow_address(list(names))
if st.session_state.get("beta-path") not in names:
    st.session_state["beta-path"] = next(iter(names), None)
title, picker, _ = st.columns([5, 3.3, 0.35], vertical_alignment="center")
title.html("<h1 class='room-title'>ELBO Room <small>L = distortion + β · rate</small></h1>")
name = picker.selectbox(
    "Beta path", list(names), format_func=lambda n: names.get(n, n), key="beta-path", on_change=mark_choice,
    label_visibility="collapsed",
)  # fmt: skip
if missing := st.session_state.pop("path-missing", None):
    st.error(missing)
if name is None:
    st.info("There is no beta path yet. Make one: `python -m vae sweep --path`, then reload this page.")
    st.stop()
keep_address(name, next(iter(names)))
try:
    opened = open_path(name)
except InputError as error:
    st.error(str(error))
    st.stop()
st.html(f"<p class='room-facts'>{opened.facts}</p>")
kl_view(opened)
