"""A map as one HTML file that contains the explorer's modules, Plotly and the frames of the map. No torch here.

The file needs no server and no network. Large parts are stored as gzip in base64, and decompressed in the browser.
"""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path

from vae.data import latents
from vae.data.latents import Latents
from vae.errors import InputError
from vae.exports.facts import data_title, facts
from vae.exports.opening import OpenModel
from vae.files import browser_modules
from vae.files.browser_modules import EXPLORER
from vae.files.compact import Rounded
from vae.files.frame import encoder_frame, explorer_frame, pack, unpack

TEMPLATE = EXPLORER / "standalone/page.html"
ENTRY = "standalone/standalone.js"
STYLES = ("core/style.css", "explore/explore.css")
LEVEL = 7  # of gzip; level 9 takes three times as long and saves 0.3% of the size


def page_of(content: OpenModel | Latents, name: str) -> bytes:
    """The page of a model, or of latents of another program, as HTML; `name` is its title and is used in its links."""
    if isinstance(content, Latents):
        return _page(name, escape(latents.facts(content)), latents.frame(name, content))
    checkpoint = content.checkpoint
    line = facts(data_title(checkpoint.settings), checkpoint, content.run, content.pixels)
    frame = explorer_frame(name, checkpoint, content.held_out, content.classes, content.rate_per_dim)
    return _page(name, line, _rounded_weights(frame), _rounded_weights(encoder_frame(name, checkpoint)))


def _page(name: str, facts: str, frame: bytes, encoder: bytes | None = None) -> bytes:
    """The page of these frames; `facts` is a line of HTML. The parts that the map needs first come first."""
    first = {"modules": _packed(_modules()), "frame": _packed(frame)}
    rest = {**({"encoder": _packed(encoder)} if encoder else {}), "plotly": _plotly()}
    parts = {
        "name": escape(name),
        "facts": facts,
        "style": "".join((EXPLORER / name).read_text("utf-8") for name in STYLES),
        "names": " ".join([*first, *rest]),
        "first": _data(first),
        "rest": _data(rest),
    }
    template = TEMPLATE.read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template).encode()


def _modules() -> bytes:
    """The source of every module that the page needs, by its path, as JSON."""
    sources = browser_modules.sources()
    return json.dumps({name: sources[name] for name in browser_modules.needed_by(ENTRY, sources, late=True)}).encode()


def _data(parts: dict[str, str]) -> str:
    return "\n".join(f'<script type="text/plain" data-packed="{name}">{part}</script>' for name, part in parts.items())


def _packed(data: bytes) -> str:
    return b64encode(gzip.compress(data, LEVEL, mtime=0)).decode()


def _rounded_weights(frame: bytes) -> bytes:
    """The same frame with weights rounded to 18 bits of their fraction."""
    meta, arrays = unpack(frame)
    weights = {name: Rounded.of(array) for name, array in arrays.items() if name.startswith(("decoder.", "encoder."))}
    return pack(meta, {**arrays, **weights})


@cache
def _plotly() -> str:
    """Plotly's JavaScript from the installed package, which is not imported, as that takes a second; `InputError`
    without the package.
    """
    found = find_spec("plotly")
    if found is None or not found.submodule_search_locations:
        raise InputError("The page needs Plotly, which is not installed: pip install -r requirements.txt.")
    return _packed((Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js").read_bytes())
