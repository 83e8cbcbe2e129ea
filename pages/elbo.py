"""ELBO: the true posterior of an image beside q(z|x), and ln p(x) = ELBO + gap, every part computed."""

from reprlib import repr as short

import streamlit as st

from pages._elbo_component import elbo_view
from pages._evidence import open_evidence
from pages._models import available
from vae.errors import InputError


def mark_choice() -> None:
    """Note that this run of the script follows a choice on the page: the address may lag behind it."""
    st.session_state["evidence-chosen"] = True


def follow_address(names: list[str]) -> None:
    """Show the model that the address names: on the first visit, and when someone goes back or forward."""
    asked = st.query_params.get("model", "")
    if st.session_state.pop("evidence-chosen", False) or asked == st.session_state.get("evidence-address"):
        return
    st.session_state["evidence-model"] = asked if asked in names else next(iter(names), None)
    if asked and asked not in names:
        st.session_state["evidence-missing"] = f"There is no model {short(asked)} here; choose one from the list."


def keep_address(model: str, first: str) -> None:
    """Let the address name the model; the first of the list needs no name."""
    address = "" if model == first else model
    if address != st.query_params.get("model", ""):
        st.query_params.from_dict({"model": address} if address else {})
    st.session_state["evidence-address"] = address


names = available()
follow_address(list(names))
if st.session_state.get("evidence-model") not in names:
    st.session_state["evidence-model"] = next(iter(names), None)
title, picker, _ = st.columns([5, 3.3, 0.35], vertical_alignment="center")
title.html("<h1 class='room-title'>ELBO Room <small>ln p(x) = ELBO + KL(q(z|x) ‖ p(z|x))</small></h1>")
model = picker.selectbox(
    "Model", list(names), format_func=lambda m: names.get(m, m), key="evidence-model", on_change=mark_choice,
    label_visibility="collapsed",
)  # fmt: skip
if missing := st.session_state.pop("evidence-missing", None):
    st.error(missing)
if model is None:
    st.info("There is no model yet. Train one: `python -m vae train --data digits`, then reload this page.")
    st.stop()
keep_address(model, next(iter(names)))
try:
    opened = open_evidence(model)
except InputError as error:
    st.error(str(error))
    st.stop()
st.html(f"<p class='room-facts'>{opened.facts}</p>")
if opened.remark:
    st.warning(opened.remark)
elbo_view(opened)
