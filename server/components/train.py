"""The live view of a run as a Streamlit component."""

from __future__ import annotations

import streamlit as st

from server.components.explore import ENTRY
from server.page_place import place
from server.published import module_path, modules

_component = st.components.v2.component(
    "elbo_room_live",
    html='<div class="er-root"></div>',
    css=modules()["core/style.css"].data.decode() + modules()["core/page.css"].data.decode(),
    js=ENTRY,
    isolate_styles=False,
)


def live_view(
    run: str, compare: str | None, key: str | None, renamed: tuple[str, str] | None = None
) -> dict[str, str] | None:
    """Show the run of this name, beside another where one is named; `key` is shown to the server to steer it.

    `renamed`: the old and the new name of a run; the browser keeps its key under the new one.

    What was done for the person just now, such as {"do": "fork", "run": "…", "token": "…"}, or None.
    """
    shown = {"run": run, "compare": compare, "token": key, "renamed": list(renamed) if renamed else None}
    data = {"place": place("train", "run", "with"), "module": module_path("train/streamlit.js"), **shown}
    return _component(key="live", data=data, on_done_change=lambda: None).done
