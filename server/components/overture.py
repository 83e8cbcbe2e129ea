"""The picture beside the button that starts a first run, as a Streamlit component."""

from __future__ import annotations

import streamlit as st

from server.components.explore import ENTRY
from server.open_models import open_model
from server.published import module_path
from vae.errors import InputError

MODEL = "digits-2d"

_component = st.components.v2.component(
    "elbo_room_overture",
    html='<div class="er-root overture"></div>',
    css=".overture canvas { display: block; width: 100%; height: min(82vh, 100vw, 60rem); cursor: pointer; }",
    js=ENTRY,
    isolate_styles=False,
)


def overture() -> None:
    """Show how the posteriors of a shipped model spread, where it is there; a click shows it once more."""
    try:
        frame = open_model(MODEL).frame
    except InputError:
        return
    _component(key="overture", data={"module": module_path("train/streamlit-overture.js"), "frame": frame})
