"""The ELBO page's view of one model as a Streamlit component."""

from __future__ import annotations

from server.components.view import View
from server.evidence_requests import EvidenceAddresses
from server.page_place import place
from server.published import katex_path

_view = View("elbo", "elbo/streamlit.js", "core/style.css", "core/page.css", "elbo/elbo.css")


def elbo_view(opened: EvidenceAddresses) -> None:
    """Show the ELBO page's view of a model."""
    data = {
        "place": place("elbo", "model"),
        "katex": katex_path(),
        "frame": opened.frame,
        "encoder": opened.encoder,
        "evidence": opened.evidence,
        "table": opened.table,
    }
    _view.show("elbo", data)
