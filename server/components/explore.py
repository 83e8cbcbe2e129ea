"""The explorer as a Streamlit component."""

from __future__ import annotations

from server.components.view import View
from server.page_place import place
from server.published import PREFIX, plotly_path

_view = View("explorer", "explore/streamlit.js", "core/style.css", "explore/explore.css")


def explorer(frame: str, encoder: str | None, key: str) -> None:
    """Show the explorer with the frame at the address `frame`; the encoder's frame is fetched only when needed."""
    data = {
        "place": place("", "model"),
        "plotly": plotly_path(),
        "frame": frame,
        "encoder": encoder,
        "tsne": f"{PREFIX}/tsne/{frame.rpartition('/')[2]}",
    }
    _view.show(key, data)
