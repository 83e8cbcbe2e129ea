"""The ELBO page's view of one model as a Streamlit component."""

from __future__ import annotations

import streamlit as st

from server.components.explore import ENTRY
from server.evidence_requests import Opened
from server.page_place import place
from server.published import katex_path, module_path, modules

_component = st.components.v2.component(
    "elbo_room_elbo",
    html='<div class="er-root"></div>',
    css="".join(modules()[name].data.decode() for name in ("core/style.css", "core/page.css", "elbo/elbo.css")),
    js=ENTRY,
    isolate_styles=False,
)


def elbo_view(opened: Opened) -> None:
    """Show what is known, and can be asked, of a model's posteriors."""
    data = {
        "place": place("elbo", "model"),
        "module": module_path("elbo/streamlit.js"),
        "katex": katex_path(),
        "frame": opened.frame,
        "encoder": opened.encoder,
        "evidence": opened.evidence,
        "table": opened.table,
    }
    _component(key="elbo", data=data)
