"""The app without a browser: what its script puts on the page, what its routes answer, and which models it opens."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import plotly
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from streamlit.testing.v1 import AppTest

from pages import _models, _routes
from pages._routes import PreloadHeader, module_path, modules, plotly_path, publish_frame, routes
from vae import runs
from vae.errors import InputError
from vae.held_out import FILE_NAME

ROOT = Path(__file__).parents[1]
GALLERY = ROOT / "assets" / "gallery"
MODELS = [path.name for path in runs.find(GALLERY) if (path / runs.CHECKPOINT).is_file()]
HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"


# ---- the page -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of runs of the test's own, empty, nothing opened, and no images but those that the gallery brings."""
    monkeypatch.setattr(_models, "RUNS", tmp_path / "runs")
    for opened in ("_paths", "_uploads"):
        monkeypatch.setattr(_models, opened, OrderedDict())
    monkeypatch.setenv("ELBO_ROOM_DATA", str(tmp_path / "no-data"))
    return tmp_path / "runs"


def page(model: str | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "_main.py"), default_timeout=60)
    if model is not None:
        app.query_params["model"] = model
    return app.run()


def facts(app: AppTest) -> str:
    [text] = [html.proto.body for html in app.get("html") if "<p class='room-facts'" in html.proto.body]
    return re.sub("<[^>]*>", "", text).replace("−", "-")


def component(app: AppTest) -> dict[str, str]:
    """What the page hands to the explorer; empty where there is none."""
    found = app.get("bidi_component")
    return json.loads(found[0].proto.json) if found else {}


def asked(app: AppTest) -> str | None:
    value = dict(app.query_params).get("model")
    return value[0] if isinstance(value, list) else value


def test_the_page_opens_at_the_first_model() -> None:
    app = page()
    assert not app.exception
    assert not app.error
    assert app.selectbox[0].value == "mnist-2d"
    assert asked(app) is None
    assert set(component(app)) == {"module", "plotly", "frame", "encoder", "tsne"}


@pytest.mark.parametrize("name", MODELS)
def test_every_model_of_the_gallery_opens_with_its_facts(name) -> None:
    app = page(name)
    assert not app.exception
    assert not app.error
    assert app.selectbox[0].value == name
    run = runs.read(GALLERY / name)
    text = facts(app)
    pattern = r"test elbo (-[\d.]+) = -\(distortion ([\d.]+) \+ rate ([\d.]+)\) nats per image"
    elbo, distortion, rate = map(float, re.search(pattern, text).groups())
    assert elbo == pytest.approx(-(distortion + rate), abs=0.151)  # each is rounded to a tenth
    for shown, value in ((elbo, run.test["elbo"]), (distortion, run.test["distortion"]), (rate, run.test["rate"])):
        assert shown == pytest.approx(value, abs=0.051)
    assert run.test["elbo"] == pytest.approx(-(run.test["distortion"] + run.test["rate"]), abs=1e-3)
    assert f"{run.settings.latent_dim}-D latent space" in text
    assert f"β = {run.settings.beta:g}" in text
    assert run.device in text
    assert "-".join(map(str, run.settings.hidden)) in text


def test_the_frame_on_the_page_is_the_models() -> None:
    app = page(MODELS[-1])
    status, _, body = get("/" + component(app)["frame"])
    assert status == 200
    header = json.loads(body[8 : 8 + int.from_bytes(body[4:8], "little")])
    assert header["name"] == MODELS[-1]
    assert header["classes"] == list(runs.read(GALLERY / MODELS[-1]).classes)
    assert header["rate_per_dim"] == runs.read(GALLERY / MODELS[-1]).test["rate_per_dim"]


@pytest.mark.parametrize("name", ["nonsense", "runs/none", "../mnist-2d", "upload-12", "path:/none", "x" * 2000])
def test_a_link_to_no_model_is_told_in_a_sentence_and_the_first_opens(name) -> None:
    app = page(name)
    assert not app.exception
    [error] = app.error
    assert error.value.endswith(".")
    assert len(error.value) < 300
    assert app.selectbox[0].value == "mnist-2d"
    assert component(app)
    assert asked(app) is None
    assert not app.run().error  # said once


def test_choosing_a_model_puts_its_id_into_the_address() -> None:
    app = page()
    app.selectbox[0].set_value("mnist-10d").run()
    assert not app.exception
    assert asked(app) == "mnist-10d"
    assert "10-D" in facts(app)
    app.selectbox[0].set_value("mnist-2d").run()
    assert asked(app) is None


def test_without_a_model_the_page_says_how_to_make_one(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(_models, "GALLERY", tmp_path / "none")
    app = page()
    assert not app.exception
    assert "python -m vae train" in app.info[0].value
    assert not component(app)


def test_a_run_appears_in_the_list_and_a_damaged_one_says_so(no_runs) -> None:
    shutil.copytree(GALLERY / "mnist-2d", no_runs / "mine")
    app = page("runs/mine")
    assert not app.error
    assert app.selectbox[0].value == "runs/mine"
    for name, content in ((FILE_NAME, b"nothing"), (runs.CHECKPOINT, b"nothing"), (runs.SETTINGS, b"{}")):
        (no_runs / "mine" / name).write_bytes(content)
        app = page("runs/mine")
        assert not app.exception
        assert app.error[0].value.endswith(".")
        assert not component(app)


def test_a_path_opens_and_a_wrong_one_leaves_the_page_as_it_was(tmp_path) -> None:
    shutil.copy(GALLERY / "mnist-2d" / runs.CHECKPOINT, tmp_path / "mine.safetensors")
    app = page("mnist-10d")
    app.text_input(key="path").set_value(str(tmp_path / "none")).run()
    assert app.error[0].value.startswith("There is no checkpoint")
    assert app.selectbox[0].value == "mnist-10d"
    app.text_input(key="path").set_value(str(tmp_path / "mine.safetensors")).run()
    assert not app.error
    assert app.selectbox[0].value == asked(app) == f"path:{tmp_path / 'mine.safetensors'}"


# ---- models ---------------------------------------------------------------------------------------------------------


def test_an_uploaded_model_is_kept_for_a_while(monkeypatch) -> None:
    monkeypatch.setattr(_models, "_uploads", type(_models._uploads)())
    data = (GALLERY / "mnist-2d" / runs.CHECKPOINT).read_bytes()
    model = _models.add_upload("mine.safetensors", data)
    assert _models.available()[model] == "mine.safetensors (uploaded)"
    assert _models.open_model(model).frame
    for i in range(_models.OPENED_KEPT):
        _models._keep(_models._uploads, f"other{i}", ("other", b""))
    assert model not in _models.available()
    _models._open_upload.cache_clear()
    with pytest.raises(InputError, match="upload it again"):
        _models.open_model(model)
    with pytest.raises(InputError):
        _models.add_upload("wrong.safetensors", data[:1000])


def test_a_run_that_has_gone_on_is_opened_afresh(no_runs) -> None:
    shutil.copytree(GALLERY / "mnist-2d", no_runs / "mine")
    before = _models.open_model("runs/mine")
    assert _models.open_model("runs/mine") is before
    test = runs.read(no_runs / "mine").test
    (no_runs / "mine" / runs.TEST).write_text(json.dumps({**test, "elbo": -1.0}))
    assert "test elbo −1.0" in _models.open_model("runs/mine").facts


def test_what_a_device_is_called_is_no_markup(no_runs) -> None:
    shutil.copytree(GALLERY / "mnist-2d", no_runs / "mine")
    settings = no_runs / "mine" / runs.SETTINGS
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "device": "<script>alert(1)</script>"}))
    assert "<script>" not in _models.open_model("runs/mine").facts


def test_a_model_stays_fetchable_however_many_were_opened_since() -> None:
    for name in MODELS:
        _models.open_model(name)
    for i in range(_routes.FRAMES_KEPT + 1):
        publish_frame(i.to_bytes(8, "little"))
    for name in MODELS:
        status, _, _ = get("/" + _models.open_model(name).frame)
        assert status == 200


# ---- routes ---------------------------------------------------------------------------------------------------------


def get(path: str, client: str = HERE, app: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body that the app's own routes answer."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": (client, 1234), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    answering = (app or Starlette(routes=routes()))(scope, receive, send)
    with pytest.raises(StopIteration):  # nothing in it waits for anything, so it needs no event loop
        answering.send(None)
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:])


def addresses() -> list[tuple[str, bytes, str]]:
    """Every kind of address with what it should answer: content and type."""
    frame = np.arange(5000, dtype=np.int32).tobytes()
    own = [("/" + module_path(name), blob.data, blob.kind) for name, blob in modules().items()]
    plotly_file = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    return [
        *own,
        ("/" + plotly_path(), plotly_file.read_bytes(), "text/javascript"),
        ("/" + publish_frame(frame), frame, "application/octet-stream"),
    ]


def test_everything_is_served_as_it_is_and_for_good() -> None:
    for path, content, kind in addresses():
        status, headers, body = get(path, accept_encoding="gzip, br")
        assert status == 200, path
        assert body == content
        assert headers["content-type"].startswith(kind)
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["content-encoding"] == "identity"
        assert int(headers["content-length"]) == len(content)


def test_readers_on_other_machines_get_it_compressed_where_they_can() -> None:
    for path, content, _ in addresses():
        status, headers, body = get(path, client=ELSEWHERE, accept_encoding="gzip, deflate, br")
        assert status == 200
        assert headers["content-encoding"] == "gzip"
        assert headers["vary"] == "accept-encoding"
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert len(body) < len(content)
        assert gzip.decompress(body) == content
        _, headers, body = get(path, client=ELSEWHERE)
        assert headers["content-encoding"] == "identity"
        assert body == content


@pytest.mark.parametrize(
    "path", ["/room/frame/none", "/room/x/none.js", "/room/x/..%2Fapp.py", "/room/", "/room/x/y/z"]
)
def test_what_is_not_there_is_not_found(path) -> None:
    status, headers, _ = get(path)
    assert status == 404
    assert "cache-control" not in headers


def test_addresses_follow_the_content() -> None:
    assert publish_frame(b"one") == publish_frame(b"one") != publish_frame(b"two")
    assert module_path("map.js").split("/")[:2] == module_path("frame.js").split("/")[:2]


def test_every_module_imports_only_what_is_served() -> None:
    for name, blob in modules().items():
        for imported in re.findall(r"""(?:from\s+|import\(\s*)["']([^"']+)["']""", blob.data.decode()):
            assert imported.startswith("./"), name
            assert imported.removeprefix("./") in modules(), name


def test_old_frames_make_room_for_new_ones() -> None:
    first = publish_frame(b"the first")
    for i in range(_routes.FRAMES_KEPT):
        publish_frame(f"frame {i}".encode())
    assert get("/" + first)[0] == 404
    assert len(_routes._frames) == _routes.FRAMES_KEPT


def test_the_page_itself_names_what_the_browser_will_need() -> None:
    async def html(request: Any) -> HTMLResponse:
        return HTMLResponse("<p>", headers={"link": "<a>; rel=next"})

    async def data(request: Any) -> JSONResponse:
        return JSONResponse({})

    app = Starlette(routes=[Route("/", html), Route("/data", data)], middleware=[Middleware(PreloadHeader)])
    _, headers, body = get("/", app=app)
    assert body == b"<p>"
    needed = _routes.needed_by("streamlit.js")
    assert {"explorer.js", "map.js", "network.js"} < set(needed)
    for name in modules():
        assert (f"<./{module_path(name)}>; rel=modulepreload" in headers["link"]) == (name in needed)
    assert f"<./{plotly_path()}>; rel=preload; as=script" in headers["link"]
    assert "link" not in get("/data", app=app)[1]
