"""The view of a beta path as a Streamlit component."""

from __future__ import annotations

import streamlit as st

from server.beta_paths import Opened
from server.components.explore import ENTRY
from server.page_place import place
from server.published import module_path, modules

_component = st.components.v2.component(
    "elbo_room_kl",
    html='<div class="er-root"></div>',
    css="".join(modules()[name].data.decode() for name in ("core/style.css", "core/page.css", "kl/kl.css")),
    js=ENTRY,
    isolate_styles=False,
)


def kl_view(path: Opened) -> None:
    """Show a beta path."""
    addresses = {"module": module_path("kl/streamlit.js"), "frame": path.frame, "decoders": path.decoders}
    _component(key="kl", data={"place": place("kl", "path"), **addresses})
