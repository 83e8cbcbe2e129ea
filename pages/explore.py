"""Explore: the latent space of one model as a map, decoded under the pointer."""

from collections.abc import Callable
from reprlib import repr as short

import streamlit as st

from server.access import is_local
from server.components.explore import explorer
from server.html_exports import export_menu
from server.lecture_link import presents
from server.open_models import add_path, add_upload, available, open_model
from server.upload_limit import contents_of, let_go
from vae.errors import InputError

LOCAL = is_local()  # only then is a path the reader's own


def take_upload() -> None:
    """Open the file that was just dropped; a wrong one leaves the page as it was and says why."""
    file = st.session_state[uploader()]
    if file is not None:
        choose(lambda: add_upload(*contents_of(file)))
        let_go(file)
        st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1


def uploader() -> str:
    """The key of the file uploader: a new one for every file, since the one before still names a file that is gone."""
    return f"upload-{st.session_state.get('uploads', 0)}"


def take_path() -> None:
    """Open what stands at the path that was just entered."""
    if path := st.session_state["path"].strip():
        choose(lambda: add_path(path))


def choose(add: Callable[[], str]) -> None:
    mark_choice()
    try:
        st.session_state["model"] = add()
    except InputError as error:
        st.session_state["refused"] = str(error)


def mark_choice() -> None:
    """Note that this run follows a choice on the page: the browser's address may lag behind it."""
    st.session_state["chosen"] = True


def follow_address() -> None:
    """Open the model that the address names: when the page is opened, and when someone goes back or forward."""
    asked = st.query_params.get("model", "")
    is_open = "model" in st.session_state  # Streamlit forgets a choice when another page is opened
    if st.session_state.pop("chosen", False) or (is_open and asked == st.session_state.get("address", "")):
        return
    st.session_state["address"] = asked
    if asked.startswith("path:") and LOCAL:
        choose(lambda: add_path(asked.removeprefix("path:")))
    elif asked in available(asked):
        st.session_state["model"] = asked
    elif asked:
        st.session_state["refused"] = f"There is no model {short(asked)} here (any more); choose one from the list."
    else:
        st.session_state["model"] = next(iter(available()), None)


def keep_address(model: str, first: str) -> None:
    """Let the address name the model by its id; the first of the list needs no name."""
    if model != (st.query_params.get("model", "") or first):
        st.query_params.from_dict({} if model == first else {"model": model})
    st.session_state["address"] = st.query_params.get("model", "")


follow_address()
names = available()
title, picker, opener, home, _ = st.columns([5.5, 2.1, 1.2, 1.2, 0.35], vertical_alignment="center")
title.html("<h1 class='room-title'>ELBO Room <small>q(z|x) = N(μ, σ²): every point with its room</small></h1>")
if presents():  # the audience of a lecture opens no files
    with opener.popover("Open a model", width="stretch"):
        st.file_uploader(
            "A .safetensors file that `python -m vae train` has made; or latents from elsewhere, an .npz of mu (and "
            "logvar, labels, thumbnails), or a .csv, .tsv or .parquet with columns mu_1, mu_2, …", key=uploader(),
            on_change=take_upload, max_upload_size=1024,  # of any type: of others, the page says what to do with them
        )  # fmt: skip
        if LOCAL:
            st.text_input("Or the path of a run folder or file on this machine", key="path", on_change=take_path)
model = picker.selectbox(
    "Model", list(names), format_func=lambda m: names.get(m, m), key="model", on_change=mark_choice,
    label_visibility="collapsed",
)  # fmt: skip

if refused := st.session_state.pop("refused", None):
    st.error(refused)
if model is None:
    st.info("There is no model yet. Train one: `python -m vae train --data digits`, then reload this page.")
    st.stop()
keep_address(model, next(iter(names)))
try:
    opened = open_model(model)
except InputError as error:
    st.error(str(error))
    st.stop()
with home:
    export_menu(model, opened.has_points)
st.html(f"<p class='room-facts'>{opened.facts}</p>")
explorer(opened.frame, opened.encoder, key="explorer")
