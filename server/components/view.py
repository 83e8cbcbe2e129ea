"""A view of the browser as a Streamlit component (v2): an element, its style, and the module that mounts it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from server.published import is_development, module_path, modules

# The component's script is a blob, from which relative imports fail; so the address of the page is the base.
_ENTRY = """
export default async function (component) {
  const { mount } = await import(new URL(component.data.module, document.baseURI).href);
  return mount(component);
}
"""


class View:
    """A component that mounts the module `entry`, with the style sheets of these paths and the text `css`."""

    def __init__(self, name: str, entry: str, *styles: str, html: str = '<div class="er-root"></div>', css: str = ""):
        self.entry = entry
        self._component = st.components.v2.component(
            f"elbo_room_{name}",
            html=html,
            css="".join(map(_sheet, styles)) + css,
            js=_ENTRY,
            isolate_styles=False,  # Plotly adds its styles to the document
        )

    def show(self, key: str, data: dict[str, Any], **options: Any) -> Any:
        """Show the component on the page; `data` is passed to the module's `mount`."""
        return self._component(key=key, data={"module": module_path(self.entry), **data}, **options)


def _sheet(name: str) -> str:
    """A style sheet as text; while it is worked on, where the browser fetches it at every load."""
    return f'@import url("/{module_path(name)}");\n' if is_development() else modules()[name].data.decode()
