"""The view of a beta path as a Streamlit component."""

from __future__ import annotations

from server.beta_paths import PathAddresses
from server.components.view import View
from server.page_place import place

_view = View("kl", "kl/streamlit.js", "core/style.css", "core/page.css", "kl/kl.css")


def kl_view(path: PathAddresses) -> None:
    """Show a beta path."""
    _view.show("kl", {"place": place("kl", "path"), "frame": path.frame, "decoders": path.decoders})
