"""The Gradients page as a Streamlit component."""

from __future__ import annotations

from server.components.view import View
from server.evidence_requests import open_evidence
from server.loss_code import models
from server.open_models import GALLERY
from server.page_place import place
from server.published import CODE, katex_path
from server.visitors import visitor
from vae.errors import InputError
from vae.files import runs

_view = View("gradients", "gradients/streamlit.js", "core/style.css", "core/page.css", "gradients/gradients.css")


def _posteriors() -> dict[str, str] | None:
    """Name and addresses (of the frame and of requests) of the first model with two latent dimensions, or None."""
    for model, name in models().items():
        if runs.read(GALLERY / model).settings.latent_dim == 2:
            try:
                opened = open_evidence(model)
            except InputError:
                continue
            return {"name": name, "frame": opened.frame, "evidence": opened.evidence}
    return None


def gradients_view() -> None:
    """Show the Gradients page, which is computed in the browser, except for the loss as code."""
    data = {
        "place": place("gradients"),
        "katex": katex_path(),
        "code": f"{CODE}/{visitor()}",
        "models": list(models().items()),
        "posteriors": _posteriors(),
    }
    _view.show("gradients", data)
