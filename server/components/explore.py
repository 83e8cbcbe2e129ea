"""The explorer as a Streamlit component: an element, its style, and a few lines that fetch the modules."""

from __future__ import annotations

import streamlit as st

from server.page_place import place
from server.published import PREFIX, module_path, modules, plotly_path

# The component's own script is a blob without an address to import from; the page's address serves instead.
ENTRY = """
export default async function (component) {
  const { mount } = await import(new URL(component.data.module, document.baseURI).href);
  return mount(component);
}
"""

_component = st.components.v2.component(
    "elbo_room_explorer",
    html='<div class="er-root"></div>',
    css=modules()["core/style.css"].data.decode(),
    js=ENTRY,
    isolate_styles=False,  # Plotly styles the document it finds itself in
)


def explorer(frame: str, encoder: str | None, key: str) -> None:
    """Show the explorer with the frame at the address `frame`; an encoder's frame is fetched once it is needed."""
    data = {
        "place": place("", "model"),
        "module": module_path("explore/streamlit.js"),
        "plotly": plotly_path(),
        "frame": frame,
        "encoder": encoder,
    }
    data["tsne"] = f"{PREFIX}/tsne/{frame.rpartition('/')[2]}"
    _component(key=key, data=data)
