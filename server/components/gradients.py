"""The Gradients page as a Streamlit component."""

from __future__ import annotations

import streamlit as st

from server.components.explore import ENTRY
from server.evidence_requests import open_evidence
from server.loss_code import models
from server.open_models import GALLERY
from server.page_place import place
from server.published import CODE, katex_path, module_path, modules
from server.visitors import visitor
from vae.errors import InputError
from vae.files import runs

_component = st.components.v2.component(
    "elbo_room_gradients",
    html='<div class="er-root"></div>',
    css="".join(
        modules()[name].data.decode() for name in ("core/style.css", "core/page.css", "gradients/gradients.css")
    ),
    js=ENTRY,
    isolate_styles=False,
)


def _posteriors() -> dict[str, str] | None:
    """Of the first model with a plane for its latent space: its name, and where its posteriors are asked for."""
    for model, name in models().items():
        if runs.read(GALLERY / model).settings.latent_dim == 2:
            try:
                opened = open_evidence(model)
            except InputError:
                continue
            return {"name": name, "frame": opened.frame, "evidence": opened.evidence}
    return None


def gradients_view() -> None:
    """Show the page: all but the loss as code is computed in the browser."""
    data = {
        "place": place("gradients"),
        "module": module_path("gradients/streamlit.js"),
        "katex": katex_path(),
        "code": f"{CODE}/{visitor()}",
        "models": list(models().items()),
        "posteriors": _posteriors(),
    }
    _component(key="gradients", data=data)
