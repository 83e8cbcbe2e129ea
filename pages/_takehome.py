"""The button that hands out the open model as one HTML file, made when it is asked for."""

from __future__ import annotations

import re
from functools import lru_cache, partial

import streamlit as st

from pages._models import available, contents
from vae.opening import Opened
from vae.takehome import page_of

PAGES_KEPT = 2  # of some 8 MB each


def take_home(model: str) -> None:
    name = re.sub(r"[^\w.-]+", "-", available()[model]).strip("-.")[:60] or "model"
    st.download_button(
        "Take home", partial(_page, model, name), f"{name}.html", "text/html", on_click="ignore", width="stretch",
        help="This explorer with this model as one HTML file: it opens from your disk, without server or network.",
    )  # fmt: skip


def _page(model: str, name: str) -> bytes:
    return _kept(contents(model), name)


@lru_cache(maxsize=PAGES_KEPT)
def _kept(opened: Opened, name: str) -> bytes:
    return page_of(opened, name)
