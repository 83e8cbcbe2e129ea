"""Exports of the open model: the explorer as one HTML file, or its latents. Each is made on request."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from threading import Lock

import streamlit as st

from server.open_models import available, content_of
from vae.data.latents import Latents
from vae.exports import latents_export
from vae.exports.html import page_of
from vae.exports.opening import OpenModel

LATENTS = "Its latents, with class, distortion and rate: as a table, or for TensorBoard's Embedding Projector."
PAGES_KEPT = 2  # of about 8 MB each

_lock = Lock()  # one export at a time; later requests may find the page in the cache


def export_menu(model: str, has_points: bool) -> None:
    """A popover with four exports of the model with this id; without points, those of latents are disabled."""
    name = re.sub(r"[^\w.-]+", "-", available()[model]).strip("-.")[:60] or "model"
    with st.popover("Export", width="stretch"):
        _note("This explorer as one file: it opens from your disk or phone, without server or network.")
        _file("HTML page", f"{name}.html", "text/html", partial(_page, model, name))
        _note(LATENTS if has_points else "There are no images at hand for this model, so there are no latents.")
        with st.container(horizontal=True):
            for label, ending, kind, make in (
                ("CSV", "csv", "text/csv", latents_export.csv),
                ("Parquet", "parquet", "application/vnd.apache.parquet", latents_export.parquet),
                ("Projector", "zip", "application/zip", partial(latents_export.projector_zip, name=name)),
            ):
                _file(label, f"{name}.{ending}", kind, partial(_made, model, make), disabled=not has_points)


def _note(text: str) -> None:
    st.html(f"<p class='room-note'>{text}</p>")


def _file(label: str, name: str, kind: str, make: Callable[[], bytes], disabled: bool = False) -> None:
    st.download_button(label, make, name, kind, on_click="ignore", width="stretch", disabled=disabled)


def _page(model: str, name: str) -> bytes:
    with _lock:
        found = content_of(model)
        return page_of(found, name) if isinstance(found, Latents) else _cached_page(found, name)


@lru_cache(maxsize=PAGES_KEPT)
def _cached_page(opened: OpenModel, name: str) -> bytes:
    return page_of(opened, name)


def _made(model: str, make: Callable[[OpenModel | Latents], bytes]) -> bytes:
    with _lock:
        return make(content_of(model))
