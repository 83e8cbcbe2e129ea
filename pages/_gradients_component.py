"""The Gradients page as a Streamlit component."""

from __future__ import annotations

import streamlit as st

from pages._code import models
from pages._explorer import ENTRY
from pages._routes import CODE, katex_path, module_path, modules

_component = st.components.v2.component(
    "elbo_room_gradients",
    html='<div class="er-root"></div>',
    css="".join(modules()[name].data.decode() for name in ("explorer.css", "live.css", "gradients.css")),
    js=ENTRY,
    isolate_styles=False,
)


def gradients_view() -> None:
    """Show the page: all but the loss as code is computed in the browser."""
    data = {
        "module": module_path("streamlit-gradients.js"),
        "katex": katex_path(),
        "code": CODE,
        "models": list(models().items()),
    }
    _component(key="gradients", data=data)
