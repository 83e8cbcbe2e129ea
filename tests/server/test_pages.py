"""The app without a browser: what its script puts on the page, what its routes answer, and which models it opens."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import re
import shutil
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import plotly
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route
from streamlit.runtime.uploaded_file_manager import DeletedFile
from streamlit.testing.v1 import AppTest

from server import access, open_models, published, runs_root, static_files, upload_limit
from server.byte_cache import ByteCache
from server.published import module_path, modules, plotly_path, publish_frame
from server.routes import PreloadHeader, routes
from vae.errors import InputError
from vae.files import runs
from vae.files.browser_modules import imported_by, needed_by, sources
from vae.files.held_out import FILE_NAME

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "assets" / "gallery"
MODELS = [path.name for path in runs.find(GALLERY) if (path / runs.CHECKPOINT).is_file()]
HERE, ELSEWHERE = "127.0.0.1", "192.0.2.7"


# ---- the page -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of runs of the test's own, empty, nothing opened, and no images but those that the gallery brings."""
    monkeypatch.setattr(runs_root, "RUNS", tmp_path / "runs")
    for opened in ("_paths", "_uploads"):
        monkeypatch.setattr(open_models, opened, ByteCache(1 << 30))
    monkeypatch.setenv("ELBO_ROOM_DATA", str(tmp_path / "no-data"))
    return tmp_path / "runs"


def page(model: str | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "_main.py"), default_timeout=600)
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
    assert set(component(app)) == {"place", "module", "plotly", "frame", "encoder", "tsne"}


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
    assert elbo == pytest.approx(-(distortion + rate), abs=1e-9)  # what is printed adds up
    for shown, name, tenths in ((elbo, "elbo", 0.5), (rate, "rate", 0.5), (distortion, "distortion", 1)):
        assert shown == pytest.approx(run.test[name], abs=0.1 * tenths + 1e-6)
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


def test_a_page_that_is_opened_again_shows_what_its_address_names() -> None:
    app = page("digits-2d")
    shown = component(app)
    assert shown["place"] == {"page": "", "query": {"model": "digits-2d"}}
    for other, picked in (("elbo.py", "mnist-2d"), ("explore.py", "digits-2d"), ("elbo.py", "mnist-2d")):
        app.query_params["model"] = picked
        app.switch_page(other).run()
        assert not app.exception
        assert app.selectbox[0].value == picked
        assert asked(app) == picked
        assert other == "elbo.py" or component(app) == shown


def test_an_address_that_names_the_first_model_stays_as_it_is() -> None:
    app = page("mnist-2d")
    assert asked(app) == "mnist-2d"
    assert component(app)["place"]["query"] == {"model": "mnist-2d"}


def test_without_a_model_the_page_says_how_to_make_one(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(open_models, "GALLERY", tmp_path / "none")
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


def some_uploads(*sides: int) -> list[str]:
    """Ids of small latents that were uploaded."""
    ids = []
    for n in sides:
        file = io.BytesIO()
        np.savez(file, mu=np.full((n, 2), 0.5, np.float32))
        ids.append(open_models.add_upload(f"{n}.npz", file.getvalue()))
    return ids


def test_the_upload_that_was_not_used_for_longest_makes_room(monkeypatch) -> None:
    room_for_three = 3 * (1024 + 12 * 100)  # 8 bytes a mean, 4 a label
    monkeypatch.setattr(open_models, "_uploads", ByteCache(room_for_three))
    first, second, third = some_uploads(100, 99, 98)
    open_models.content_of(first)
    [fourth] = some_uploads(97)
    known = [model for model in (first, second, third, fourth) if model in open_models.available(model)]
    assert known == [first, third, fourth]


def test_an_upload_that_has_made_room_says_so_and_the_rest_works(monkeypatch) -> None:
    data = (GALLERY / "digits-2d" / runs.CHECKPOINT).read_bytes()
    model = open_models.add_upload("mine.safetensors", data)
    assert open_models.available(model)[model] == "mine.safetensors (uploaded)"
    assert open_models.open_model(model).frame
    app = page(model)
    assert app.selectbox[0].value == model
    for kept in ("_uploads", "_opened", "_contents"):
        monkeypatch.setattr(open_models, kept, ByteCache(1))
    app.run()
    assert not app.exception
    assert "upload it again" in app.error[0].value
    app.selectbox[0].set_value("mnist-10d").run()
    assert not app.error
    with pytest.raises(InputError):
        open_models.add_upload("wrong.safetensors", data[:1000])


def test_what_one_person_opens_is_in_nobody_elses_list(tmp_path) -> None:
    shutil.copy(GALLERY / "mnist-2d" / runs.CHECKPOINT, tmp_path / "mine.safetensors")
    mine, others = page(), page()
    mine.text_input(key="path").set_value(str(tmp_path / "mine.safetensors")).run()
    model = mine.selectbox[0].value
    assert model == f"path:{tmp_path / 'mine.safetensors'}"
    others.run()
    for app in (others, page()):
        assert str(tmp_path / "mine.safetensors") not in app.selectbox[0].options
    [upload] = some_uploads(9)
    assert "9.npz (uploaded)" not in page().selectbox[0].options
    linked = page(upload)  # whoever has the link opens it
    assert not linked.error
    assert linked.selectbox[0].value == upload
    assert "9.npz (uploaded)" in linked.run().selectbox[0].options


def test_a_run_that_has_gone_on_is_opened_afresh(no_runs) -> None:
    shutil.copytree(GALLERY / "mnist-2d", no_runs / "mine")
    before = open_models.open_model("runs/mine")
    assert open_models.open_model("runs/mine") is before
    test = runs.read(no_runs / "mine").test
    (no_runs / "mine" / runs.TEST).write_text(json.dumps({**test, "elbo": -1.0}))
    assert "test elbo −1.0" in open_models.open_model("runs/mine").facts


def test_what_a_device_is_called_is_no_markup(no_runs) -> None:
    shutil.copytree(GALLERY / "mnist-2d", no_runs / "mine")
    settings = no_runs / "mine" / runs.SETTINGS
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "device": "<script>alert(1)</script>"}))
    assert "<script>" not in open_models.open_model("runs/mine").facts


def test_a_frame_that_has_made_room_is_made_again_when_it_is_asked_for(monkeypatch) -> None:
    monkeypatch.setattr(published, "_frames", ByteCache(24 << 20))  # of a model or two
    addresses = {name: open_models.open_model(name).addresses for name in MODELS}
    assert not published.is_published(addresses[MODELS[0]][0])
    for name, (frame, encoder) in addresses.items():
        for address in (frame, encoder):
            status, _, body = get("/" + address)
            assert status == 200
            header = json.loads(body[8 : 8 + int.from_bytes(body[4:8], "little")])
            assert header["name"] == name


def test_of_many_who_open_a_model_at_once_one_does_the_work(no_runs, monkeypatch) -> None:
    shutil.copytree(GALLERY / "digits-2d", no_runs / "mine")
    read, frame = [], open_models.explorer_frame
    monkeypatch.setattr(open_models, "explorer_frame", lambda *of: read.append(of) or frame(*of))
    with ThreadPoolExecutor(8) as people:
        opened = list(people.map(lambda _: open_models.open_model("runs/mine"), range(16)))
    assert len(set(opened)) == len(read) == 1


# ---- routes ---------------------------------------------------------------------------------------------------------


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: in this one, Playwright may keep a loop running for the tests of the browser."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def get(path: str, *options: Any, **more: Any) -> tuple[int, dict[str, str], bytes]:
    return run(fetch(path, *options, **more))


async def fetch(
    path: str, client: str = HERE, app: Any = None, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body that the app's own routes answer."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": (client, 1234), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await (app or Starlette(routes=routes()))(scope, receive, send)
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
    assert module_path("explore/map.js").split("/")[:2] == module_path("data/frame.js").split("/")[:2]


def test_every_module_imports_only_what_is_served() -> None:
    for name, source in sources().items():
        named = re.findall(r"""(?:from\s+|import\(\s*)["']([^"']+)["']""", source)
        assert all(other.startswith(("./", "../")) for other in named), name
        assert set(imported_by(name, source, late=True)) <= set(modules()), name


def test_old_frames_make_room_for_new_ones_by_their_size(monkeypatch) -> None:
    monkeypatch.setattr(published, "_frames", ByteCache(10_000))
    first, second, third = (publish_frame(letter * 1500) for letter in (b"a", b"b", b"c"))  # 3,000 compressed and not
    assert get("/" + first)[0] == 404
    assert get("/" + second)[0] == get("/" + third)[0] == 200
    assert published.is_published(second)
    publish_frame(b"d" * 1500)
    assert get("/" + third)[0] == 404  # the second was used since
    assert get("/" + publish_frame(b"e" * 20_000))[0] == 200  # the newest stays, however large
    assert len(published._frames) == 1


def test_who_comes_while_it_is_compressed_waits_for_the_same(monkeypatch) -> None:
    compressed, compress = [], gzip.compress
    monkeypatch.setattr(published.gzip, "compress", lambda *of: compressed.append(of) or compress(*of))
    address = "/" + publish_frame(b"of one" * 10_000)

    async def many() -> list[Any]:
        return await asyncio.gather(*(fetch(address, ELSEWHERE, accept_encoding="gzip") for _ in range(16)))

    assert len({body for _, _, body in run(many())}) == len(compressed) == 1
    publish_frame(b"of one" * 10_000)
    get(address, ELSEWHERE, accept_encoding="gzip")
    assert len(compressed) == 1


def test_files_that_never_change_are_answered_first_and_compressed_once(monkeypatch) -> None:
    asked_of_the_app: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked_of_the_app.append(scope["path"])
        await PlainTextResponse("the app")(scope, receive, send)

    first = static_files.FilesFirst(app)
    html = (static_files.STREAMLIT / "index.html").read_text()
    named = re.findall(r'"\./(static/[^"]+)"', html)
    assert len(named) > 10
    for address in named:
        content = (static_files.STREAMLIT / address).read_bytes()
        assert get(f"/{address}", app=first)[2] == content
        _, headers, body = get(f"/{address}", ELSEWHERE, app=first, accept_encoding="gzip")
        assert gzip.decompress(body) == content
        assert "immutable" in headers["cache-control"]
    for address, content, _ in addresses()[:-1]:
        assert get(address, app=first)[2] == content
    assert not asked_of_the_app
    others = ["/", "/static/none.js", "/static/../index.html", "/room/frame/none", f"/{named[0]}/"]
    assert all(get(address, app=first)[2] == b"the app" for address in others)
    assert get(f"/{named[0]}", app=first, method="PUT")[2] == b"the app"


# ---- uploads --------------------------------------------------------------------------------------------------------


def test_files_that_there_is_no_room_for_are_not_kept(monkeypatch) -> None:
    taken: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        taken.append(scope["path"])
        await PlainTextResponse("")(scope, receive, send)

    door = upload_limit.UploadLimit(app, most=1000)
    monkeypatch.setattr(upload_limit, "held", lambda: 600)
    address = f"{upload_limit.ADDRESS}session/file"
    assert get(address, method="PUT", app=door, content_length="400")[0] == 200
    for too_much in ({"content_length": "401"}, {}):  # one that says nothing may have as much as Streamlit takes
        assert get(address, method="PUT", app=door, **too_much)[0] == 204
    with pytest.raises(InputError, match="try again"):  # is what the page finds then
        upload_limit.contents_of(DeletedFile("file"))
    assert get("/elsewhere", method="PUT", app=door)[0] == 200
    assert len(taken) == 2
    assert door.coming == 0
    monkeypatch.setenv(access.LECTURE, "key")  # where the audience opens no files
    assert get(address, method="PUT", app=door, content_length="1")[0] == 403
    presenter = {"content_length": "1", "cookie": f"{access.COOKIE}=key"}
    assert get(address, method="PUT", app=door, **presenter)[0] == 200


def test_while_modules_are_worked_on_they_are_served_as_they_are_and_never_cached(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "explorer"
    (folder / "core").mkdir(parents=True)
    module = folder / "core" / "new.js"
    (tmp_path / "secret.js").write_text("")
    (folder / "notes.txt").write_text("")
    monkeypatch.setattr(published, "EXPLORER", folder)
    monkeypatch.setenv("ELBO_ROOM_DEVELOPMENT", "1")
    caches = (published.module_path, static_files._own_files)
    for cached in caches:
        cached.cache_clear()
    try:
        address = "/" + module_path("core/new.js")
        assert get(address)[0] == 404
        app = Starlette(routes=routes(), middleware=[Middleware(static_files.FilesFirst)])
        for text in ("export const a = 1;", "export const a = 2;"):
            module.write_text(text)
            status, headers, body = get(address, app=app)
            assert (status, body, headers["cache-control"]) == (200, text.encode(), "no-store")
            assert headers["content-type"].startswith("text/javascript")
        for name in ("../secret.js", "notes.txt", "core"):
            assert get("/" + module_path(name))[0] == 404
    finally:
        for cached in caches:
            cached.cache_clear()


def test_the_page_itself_names_what_the_browser_will_need() -> None:
    async def html(request: Any) -> HTMLResponse:
        return HTMLResponse("<p>", headers={"link": "<a>; rel=next"})

    async def data(request: Any) -> JSONResponse:
        return JSONResponse({})

    app = Starlette(routes=[Route("/", html), Route("/data", data)], middleware=[Middleware(PreloadHeader)])
    _, headers, body = get("/", app=app)
    assert body == b"<p>"
    needed = needed_by("explore/streamlit.js", sources())
    assert {"explore/explorer.js", "explore/map.js", "network/network.js"} < set(needed)
    for name in modules():
        assert (f"<./{module_path(name)}>; rel=modulepreload" in headers["link"]) == (name in needed)
    assert f"<./{plotly_path()}>; rel=preload; as=script" in headers["link"]
    assert "link" not in get("/data", app=app)[1]
