"""The part of the address that belongs to a page's view."""

from __future__ import annotations

from typing import Any

import streamlit as st


def place(page: str, *parameters: str) -> dict[str, Any]:
    """The path of a page below the app's root, and the values of the query `parameters` that select the view's data.

    The fragment (after "#") belongs to the view, which reads and writes it in the browser.
    """
    return {"page": page, "query": {name: st.query_params.get(name, "") for name in parameters}}
