"""Explore: the latent space of one model as a map, decoded under the pointer."""

import streamlit as st

from pages._explorer import explorer
from pages._models import add_upload, available, open_model
from vae.errors import InputError


def take_upload() -> None:
    """Open the file that was just dropped; a wrong one leaves the page as it was and says why."""
    file = st.session_state["upload"]
    if file is None:
        return
    try:
        st.session_state["model"] = add_upload(file.name, file.getvalue())
    except InputError as error:
        st.session_state["refused"] = str(error)


names = available()
title, picker, opener, _ = st.columns([3, 4, 1.3, 0.35], vertical_alignment="center")
title.html("<h1 class='room-title'>ELBO Room <small>q(z|x) = N(μ, σ²): every point with its room</small></h1>")
with opener.popover("Open a file", width="stretch"):
    st.file_uploader(
        "A model as a .safetensors file, made by `python -m vae train`", type="safetensors", key="upload",
        on_change=take_upload, max_upload_size=1024,
    )  # fmt: skip
model = picker.selectbox(
    "Model", list(names), format_func=lambda m: names.get(m, m), key="model", bind="query-params",
    label_visibility="collapsed",
)  # fmt: skip

if refused := st.session_state.pop("refused", None):
    st.error(refused)
if model is None:
    st.info("There is no model yet. Train one: `python -m vae train --data digits`, then reload this page.")
    st.stop()
try:
    opened = open_model(model)
except InputError as error:
    st.error(str(error))
    st.stop()
st.html(f"<p class='room-facts'>{opened.facts}</p>")
explorer(opened.frame, key="explorer")
