"""Opens the user's own models and latents, as an uploaded file or by their path."""

from __future__ import annotations

from reprlib import repr as short

import streamlit as st

from server.access import is_local
from server.lecture_link import presents
from server.open_models import add_path, add_upload
from server.picker import choose
from server.upload_limit import contents_of, release
from vae.errors import InputError

PATH = "path:"  # prefix of the id of a model that was opened by its path


def open_menu(key: str) -> None:
    """A popover with an uploader and, on the user's own machine, a field for a path; none for an audience."""
    if not presents():
        return
    with st.popover("Open a model", width="stretch"):
        st.file_uploader(
            "A .safetensors file that `python -m vae train` has made; or latents from elsewhere, an .npz of mu (and "
            "logvar, labels, thumbnails), or a .csv, .tsv or .parquet with columns mu_1, mu_2, …", key=_uploader(),
            on_change=_take_upload, args=(key,),
            max_upload_size=1024,  # of any type: of others, the page says what to do with them
        )  # fmt: skip
        if is_local():
            label = "Or the path of a run folder or file on this machine"
            st.text_input(label, key="path", on_change=_take_path, args=(key,))


def resolve(asked: str) -> str:
    """The id of a model that the address names by its path; `InputError` where this is not allowed, or fails."""
    if asked.startswith(PATH) and is_local():
        return add_path(asked.removeprefix(PATH))
    raise InputError(f"There is no model {short(asked)} here (any more); choose one from the list.")


def _take_upload(key: str) -> None:
    """Open the uploaded file; after an error, the page is unchanged and shows the message."""
    file = st.session_state[_uploader()]
    if file is not None:
        choose(key, lambda: add_upload(*contents_of(file)))
        release(file)
        st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1


def _uploader() -> str:
    """The key of the file uploader: a new one after every file, since the old one would show the released file."""
    return f"upload-{st.session_state.get('uploads', 0)}"


def _take_path(key: str) -> None:
    """Open the path that was entered."""
    if path := st.session_state["path"].strip():
        choose(key, lambda: add_path(path))
