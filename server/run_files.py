"""HTTP handlers of a run: its live files, its model as a download, and a page to follow it."""

from __future__ import annotations

import json
import re
import secrets
from html import escape
from pathlib import Path
from urllib.parse import quote

from safetensors.numpy import save
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from server import launcher
from server.hub import in_thread
from server.lecture_link import REFUSED, WRONG_KEY
from server.published import module_path
from vae.errors import InputError
from vae.files import checkpoint
from vae.training import live

FILES = {"probe": live.PROBE, "decoder": live.DECODER, "manifold": live.MANIFOLD}
FRESH = {"cache-control": "no-store"}
TEMPLATE = Path(__file__).with_name("follow.html")


async def live_file(request: Request) -> Response:
    """One of a run's live files."""
    name = FILES.get(request.path_params["file"])
    folder = await in_thread(launcher.find, request.path_params["run"])
    data = await in_thread(_read, folder / name) if folder and name else None
    if data is None:
        return PlainTextResponse("There is no such file (yet).", 404, FRESH)
    # an explicit encoding, so that Streamlit's middleware does not compress it: slower than sending it uncompressed
    return Response(data, 200, {**FRESH, "content-encoding": "identity"}, "application/octet-stream")


async def model(request: Request) -> Response:
    """The model of the latest checkpoint, without the training state."""
    folder = await in_thread(launcher.find, request.path_params["run"])
    if folder is None:
        return PlainTextResponse("There is no such run.", 404, FRESH)
    try:
        data = await in_thread(_weights, folder)
    except InputError as error:
        return PlainTextResponse(str(error), 404, FRESH)
    name = quote(f"{folder.name}.safetensors")
    disposition = {"content-disposition": f"attachment; filename*=UTF-8''{name}", "content-encoding": "identity"}
    return Response(data, 200, {**FRESH, **disposition}, "application/octet-stream")


async def follow_page(request: Request) -> Response:
    """A page without Streamlit to follow a run, for the phones of an audience."""
    folder = await in_thread(launcher.find, request.path_params["run"])
    if folder is None:
        return PlainTextResponse("There is no such run (any more); ask for another link.", 404, FRESH)
    nonce = secrets.token_urlsafe(16)
    values = {
        "run": folder.name,
        "module": module_path("train/live.js"),
        "style": module_path("core/style.css"),
        "page_style": module_path("core/page.css"),
        "train_style": module_path("train/train.css"),
        "nonce": nonce,
        "refused": WRONG_KEY if request.query_params.get(REFUSED) else "",
    }
    page = re.sub(r"\{\{(\w+)\}\}", lambda m: escape(values[m[1]]), TEMPLATE.read_text(encoding="utf-8"))
    return HTMLResponse(page, headers={**FRESH, "content-security-policy": _policy(nonce, request)})


def _policy(nonce: str, request: Request) -> str:
    host = request.headers.get("host", "")
    sockets = f" ws://{host} wss://{host}" if re.fullmatch(r"[\w.\-\[\]:]+", host) else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'",  # networks compute in WebAssembly
            "style-src 'self' 'unsafe-inline'",  # the modules set inline styles
            f"connect-src 'self'{sockets}",
            "img-src 'self' data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        )
    )


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _weights(folder: Path) -> bytes:
    saved = checkpoint.read(folder)
    metadata = {
        "format": checkpoint.FORMAT,
        "settings": saved.settings.to_json(),
        "image_shape": json.dumps(list(saved.image_shape)),
        "step": str(saved.step),
    }
    return save({checkpoint.MODEL + name: weights for name, weights in saved.arrays.items()}, metadata)
