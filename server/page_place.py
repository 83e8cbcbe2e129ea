"""Where in the address a page's view stands."""

from __future__ import annotations

from typing import Any

import streamlit as st


def place(page: str, *parameters: str) -> dict[str, Any]:
    """The path of a page below the app's root, and what the query says of the `parameters` that the view answers.

    What stands behind the "#" of such an address is the view's own: it reads and writes it while the browser is there.
    """
    return {"page": page, "query": {name: st.query_params.get(name, "") for name in parameters}}
