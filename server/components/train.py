"""The live view of a run as a Streamlit component."""

from __future__ import annotations

from server.components.view import View
from server.page_place import place

_view = View("live", "train/streamlit.js", "core/style.css", "core/page.css", "train/train.css")


def live_view(
    run: str, compare: str | None, key: str | None, renamed: tuple[str, str] | None = None
) -> dict[str, str] | None:
    """Show the run of this name, beside the run `compare` if given; `key` allows to control it.

    `renamed`: the old and the new name of a run; the browser then stores its key under the new one.

    Returns the last action that the server has done, such as {"action": "fork", "run": "…", "token": "…"}, or None.
    """
    shown = {"run": run, "compare": compare, "token": key, "renamed": list(renamed) if renamed else None}
    return _view.show("live", {"place": place("train", "run", "with"), **shown}, on_done_change=lambda: None).done
