"""The picture beside the button that starts a first run, as a Streamlit component."""

from __future__ import annotations

from server.components.view import View
from server.open_models import open_model
from vae.errors import InputError

MODEL = "digits-2d"

_view = View(
    "overture",
    "train/streamlit-overture.js",
    html='<div class="er-root overture"></div>',
    css=".overture canvas { display: block; width: 100%; height: min(82vh, 100vw, 60rem); cursor: pointer; }",
)


def overture() -> None:
    """Show an animation of the posteriors of a shipped model, if it exists; a click repeats it."""
    try:
        frame = open_model(MODEL).frame
    except InputError:
        return
    _view.show("overture", {"frame": frame})
