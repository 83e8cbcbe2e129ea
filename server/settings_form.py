"""The form of a run's settings, read off `Settings`: every field with its help, the important ones first."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import streamlit as st

from server import uploaded_images
from server.upload_limit import contents_of
from vae.errors import InputError
from vae.settings import Settings, choices_of, field_types, value_of

# A run that is worth watching from its first second and goes on for minutes.
FIRST = Settings(
    data="digits",
    hidden=(256, 128),
    latent_dim=2,
    beta=1.0,
    batch_size=64,
    lr=1e-3,
    lr_schedule="constant",
    epochs=10_000,
)
GROUPS = {
    "Model": ("data", "arch", "hidden", "latent_dim", "likelihood", "sigma", "sigma_learned"),
    "Loss": (
        "beta",
        "beta_schedule",
        "beta_period",
        "reduction",
        "free_bits",
        "capacity",
        "tc_weight",
        "importance_samples",
        "sampling",
    ),
    "Training": ("epochs", "batch_size", "optimiser", "lr", "lr_schedule", "seed", "device"),
    "Stop early": ("stop_steps", "stop_minutes", "stop_elbo"),
}
COLUMNS = 3
FIXED = ("picture_size", "picture_colour")  # of an upload, these are chosen with it


def show(own_images: bool) -> None:
    """Draw the form. What is entered is read with `read`, whenever something else makes the page run again."""
    known = {f.name: f for f in fields(Settings)}
    grouped = {name for names in GROUPS.values() for name in names} | set(FIXED)
    rest = tuple(name for name in known if name not in grouped)
    for title, names in {**GROUPS, "More": rest}.items():
        if not names:
            continue
        st.markdown(f"**{title}**")
        for i, name in enumerate(names):
            if i % COLUMNS == 0:
                row = st.columns(COLUMNS)
            with row[i % COLUMNS]:
                _field(name, known[name].metadata["help"])
        if "data" in names:
            _about_data(own_images)


def read() -> Settings:
    """The settings as they were entered. `InputError` in a sentence where they make no sense."""
    return Settings.of({f.name: _entered(f.name) for f in fields(Settings) if f.name not in FIXED})


def choose_data(data: str) -> None:
    st.session_state[_key("data")] = data


def chosen_data() -> str:
    return str(st.session_state.get(_key("data"), FIRST.data))


def _key(name: str) -> str:
    return f"set-{name}"


def _field(name: str, help: str) -> None:
    label, first = name.replace("_", " "), getattr(FIRST, name)
    # Not bind="query-params": going back to an address without the parameters would clear what was typed.
    shared: dict[str, Any] = {"key": _key(name), "help": help, "persist_state": "session"}
    if name == "data":
        labels = uploaded_images.choices()
        options = list(labels)
        st.selectbox(label, options, options.index(first), format_func=lambda data: labels.get(data, data), **shared)
    elif options := list(choices_of(name) or ()):
        st.selectbox(label, options, options.index(first), on_change="ignore", **shared)
    elif field_types()[name] is bool:
        st.checkbox(label, first, on_change="ignore", **shared)
    else:
        _number(name, label, first, shared)


@st.fragment
def _number(name: str, label: str, first: Any, shared: dict[str, Any]) -> None:
    """A field for a number, or for the widths of `hidden`, and why what is in it cannot be.

    It is a text field, for `st.number_input` keeps the last valid number where another one is typed, and reads "1e9" in
    a field for whole numbers as 1. So what is typed is what `read` gets, and `Settings` alone says what is right.
    """
    st.text_input(label, ",".join(map(str, first)) if isinstance(first, tuple) else f"{first:g}", **shared)
    try:
        _entered(name)
    except InputError as error:
        st.caption(f":red[{error}]")


def _entered(name: str) -> Any:
    """What is in the field of a setting, checked by itself. `InputError` in a sentence where it makes no sense."""
    value = st.session_state.get(_key(name))
    if value is None or (not str(value).strip() and name != "hidden"):
        raise InputError(f"{name} is empty; enter a value.")
    return value_of(name, value)


def _about_data(own_images: bool) -> None:
    data = chosen_data()
    slot = st.empty()  # there or not, so that what follows stays itself
    if not uploaded_images.at_hand(data):
        slot.caption(
            f"{data} is not below the data root (ELBO_ROOM_DATA) yet: it is downloaded when training starts, where the "
            "network can be reached. Digits are there at once."
        )
    elif remark := uploaded_images.remark_of(data):
        slot.caption(remark)
    if not own_images:
        return
    with st.expander("Your own images"):
        st.caption(
            "A .zip of pictures with a folder for each class, an .npz file with an array images (and labels, if there "
            "are any), or an .npy of images. Pictures are cropped to a square. What was read is said above."
        )
        size, colour = st.columns(2)
        size.selectbox(
            "size of the pictures",
            uploaded_images.SIDES,
            1,
            format_func=lambda n: f"{n} × {n}",
            key="own-side",
            on_change=_take_images,
        )
        colour.selectbox("colour of the pictures", ("grey", "RGB"), key="own-colour", on_change=_take_images)
        st.file_uploader(
            ".npz, .npy or .zip", key="own-images", on_change=_take_images, label_visibility="collapsed",
            max_upload_size=uploaded_images.MAX_UPLOAD,  # of any type: of others, the page says what to do with them
        )  # fmt: skip
        if refused := st.session_state.pop("own-refused", None):
            st.error(refused)


def _take_images() -> None:
    """Keep the images that were dropped, of the size and colour that is asked for, and choose them."""
    file = st.session_state["own-images"]
    if file is None:
        return
    try:
        side, grey = st.session_state["own-side"], st.session_state["own-colour"] == "grey"
        choose_data(str(uploaded_images.add(*contents_of(file), side, grey)))
    except InputError as error:
        st.session_state["own-refused"] = str(error)
