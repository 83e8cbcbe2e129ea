"""Beta paths on the page: which there are, what the browser gets of one, and what is said of a file that is none."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from server import beta_paths, published, runs_root
from server.byte_cache import ByteCache
from tests.serving import Server, serving
from vae.analysis.linear import ClosedForm
from vae.errors import InputError
from vae.files.checkpoint import parameter_shapes
from vae.files.held_out import FILE_NAME, read_held_out
from vae.plan import make_plan
from vae.settings import Settings
from vae.training import beta_path as paths

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(data="digits", hidden=(6,), latent_dim=2, epochs=3)
SHAPE = (1, 8, 8)
BETAS = [0.0, 0.5, 1.0, 4.0]
TYPES = {"f4": np.dtype("<f4"), "f2": np.dtype("<f2"), "i4": np.dtype("<i4"), "u1": np.dtype("u1")}


def numbers(beta: float) -> dict[str, Any]:
    split = {"distortion": 20 + beta, "rate": 5 - beta, "elbo": -25.0}
    return {"beta": beta, "test": split, "train": split, "rate_per_dim": [3.0, 2 - beta], "active_units": 2}


def contents(**changes: Any) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """A path that `vae.training.beta_path.read` takes, with some of its metadata or arrays replaced."""
    random = np.random.default_rng(0)
    shapes = parameter_shapes(make_plan("mlp", SETTINGS.hidden, SETTINGS.latent_dim, SHAPE))
    arrays = {
        name: random.normal(size=(len(BETAS), *shape)).astype(np.float16)
        for name, shape in shapes.items()
        if name.startswith("decoder.")
    }
    index = np.array([7, 3, 11, 0], np.int32)
    for name in ("mu", "logvar"):
        arrays[name] = random.normal(size=(len(BETAS), len(index), 2)).astype(np.float16)
    metadata = {
        "format": paths.FORMAT,
        "settings": SETTINGS.to_json(),
        "image_shape": json.dumps(SHAPE),
        "classes": json.dumps([str(digit) for digit in range(10)]),
        "betas": json.dumps(BETAS),
        "up": json.dumps([numbers(beta) for beta in BETAS]),
        "down": json.dumps([numbers(beta) for beta in BETAS]),
    }
    texts = {name: value for name, value in changes.items() if isinstance(value, str)}
    return {**arrays, "index": index, **{n: v for n, v in changes.items() if n not in texts}}, metadata | texts


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of paths of the test's own."""
    monkeypatch.setattr(beta_paths, "PATHS", tmp_path)
    monkeypatch.setattr(runs_root, "RUNS", tmp_path / "runs")
    return tmp_path


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def put(folder: Path, name: str = "digits-2d", **changes: Any) -> Path:
    arrays, metadata = contents(**changes)
    file = folder / f"{name}.safetensors"
    save_file(arrays, file, metadata)
    return file


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    length = struct.unpack("<I", data[4:8])[0]
    meta = json.loads(data[8 : 8 + length])
    arrays = {
        name: np.frombuffer(data, TYPES[kind], int(np.prod(shape)), 8 + length + offset).reshape(shape)
        for name, (kind, shape, offset) in meta["arrays"].items()
    }
    return meta, arrays


def frame(name: str = "digits-2d") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    key = beta_paths.open_path(name).frame.rpartition("/")[2]
    return unpack(published.frame_data(key))


def test_the_frame_holds_the_images_and_every_posterior(folder) -> None:
    file = put(folder)
    meta, arrays = frame()
    shipped = read_held_out(ROOT / "assets" / "gallery" / "digits-2d" / FILE_NAME)
    rows = [list(shipped.index).index(place) for place in (7, 3, 11, 0)]
    np.testing.assert_array_equal(arrays["images"], shipped.images[rows])
    np.testing.assert_array_equal(arrays["labels"], shipped.labels[rows])
    np.testing.assert_array_equal(arrays["index"], [7, 3, 11, 0])
    with safe_open(file, "numpy") as kept:
        for name in ("mu", "logvar"):
            assert arrays[name].dtype == np.float16
            np.testing.assert_array_equal(arrays[name], kept.get_tensor(name))
    assert meta["betas"] == BETAS
    assert meta["up"][3]["test"] == {"distortion": 24.0, "rate": 1.0}
    assert not [name for name in arrays if name.startswith("decoder.")]


def test_own_pictures_are_made_to_the_size_and_colours_of_the_path(folder) -> None:
    pictures = folder / "pictures"
    for i in range(24):
        place = pictures / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (10 * i, 0, 100)).save(place / f"{i}.png")
    settings = Settings(data=str(pictures), hidden=(6,), latent_dim=2, picture_size=16, picture_colour="rgb")
    shapes = parameter_shapes(make_plan("mlp", settings.hidden, settings.latent_dim, (3, 16, 16)))
    decoder = {
        name: np.zeros((len(BETAS), *shape), np.float16)
        for name, shape in shapes.items()
        if name.startswith("decoder.")
    }
    places = {name: np.zeros((len(BETAS), 1, 2), np.float16) for name in ("mu", "logvar")}
    texts = {"settings": settings.to_json(), "image_shape": "[3, 16, 16]", "classes": '["a", "b"]'}
    put(folder, "own", **texts, **decoder, **places, index=np.array([0], np.int32))
    arrays = frame("own")[1]
    assert arrays["images"].shape == (1, 3, 16, 16)
    assert (arrays["images"][0, 2] == 100).all()


def test_decoders_come_one_by_one_as_the_file_has_them(folder, server) -> None:
    file = put(folder)
    address = beta_paths.open_path("digits-2d").decoders
    for stop in (0, 3):
        status, headers, data = server.get("/" + address.format(stop=stop))
        assert status == 200
        assert "immutable" in headers["cache-control"]
        meta, arrays = unpack(data)
        assert meta["beta"] == BETAS[stop]
        with safe_open(file, "numpy") as kept:
            assert set(arrays) == {name for name in kept.keys() if name.startswith("decoder.")}  # noqa: SIM118
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, kept.get_tensor(name)[stop])
    for stop in ("4", "-1", "x", "1e0"):
        assert server.get("/" + address.format(stop=stop))[0] == 404
    assert server.get("/room/path/0123/0")[0] == 404


def test_a_decoder_of_a_path_that_has_changed_since_is_no_longer_there(folder, server, monkeypatch) -> None:
    put(folder)
    before = beta_paths.open_path("digits-2d").decoders
    put(folder, up=json.dumps([numbers(beta + 1) for beta in BETAS]))
    assert beta_paths.open_path("digits-2d").decoders != before
    assert server.get("/" + before.format(stop=0))[0] == 200  # it is in memory as yet
    monkeypatch.setattr(beta_paths, "_paths", ByteCache(1))
    assert server.get("/" + before.format(stop=0))[0] == 404


def test_forces_and_surgery_reach_the_browser_where_the_file_has_them(folder) -> None:
    random = np.random.default_rng(1)
    forces = {name: random.normal(size=(len(BETAS), 2, 2)).astype(np.float32) for name in paths.FORCES}
    surgery = {"index_code_mi": 3.0, "total_correlation": 0.5, "dimension_wise_kl": 1.5}
    up = [numbers(beta) | {"surgery": surgery, "hole_share": 0.25, "overlap": 0.5} for beta in BETAS]
    put(folder, up=json.dumps(up), **forces, **{paths.POINTS: np.array([0, 2], np.int32)})
    meta, arrays = frame()
    for name, array in forces.items():
        np.testing.assert_array_equal(arrays[name], array)
    np.testing.assert_array_equal(arrays[paths.POINTS], [0, 2])
    assert meta["up"][0]["surgery"] == surgery
    assert meta["up"][0]["hole_share"] == 0.25


@pytest.mark.parametrize(
    "changes",
    [
        {"up": json.dumps([{}] * len(BETAS))},
        {"up": json.dumps([numbers(beta) | {"rate_per_dim": [1.0]} for beta in BETAS])},
        {"up": json.dumps([numbers(beta) | {"active_units": "two"} for beta in BETAS])},
        {"up": json.dumps([numbers(beta) | {"surgery": {}} for beta in BETAS])},
        {"down": json.dumps([numbers(beta) | {"test": None} for beta in BETAS])},
        {"up": "[1, 2, 3, 4]"},
        {"betas": "[0, 1]"},
        {"format": "another"},
        {"settings": "{}"},
        {"classes": '["one"]'},
        {"index": np.array([7, 3, 11, 5000], np.int32)},
        {"mu": np.full((len(BETAS), 4, 2), np.nan, np.float16)},
        {"image_shape": "[1, 4, 16]"},
        {"linear": "{}"},
        {"linear": ClosedForm.along(np.ones(2), BETAS, 0.5, [0]).to_json()},
        {"factor_names": '["shape"]'},
        {"factors": np.zeros((4, 1), np.int32)},
        {"factors": np.full((4, 1), -1, np.int32), "factor_names": '["shape"]'},
        {"factors": np.zeros((4, 2), np.int32), "factor_names": '["shape"]'},
        {"up": json.dumps([numbers(beta) | {"disentanglement": {"mig": "high"}} for beta in BETAS])},
    ],
    ids=lambda changes: ",".join(f"{name}={str(value)[:20]}" for name, value in changes.items()),
)
def test_a_damaged_path_is_told_in_one_sentence(folder, changes) -> None:
    put(folder, **changes)
    app = page()
    assert not app.exception
    [error] = app.error
    assert error.value.endswith(".")
    assert "\n" not in error.value
    assert not app.get("bidi_component")


def test_what_is_no_safetensors_file_is_told_in_one_sentence(folder) -> None:
    (folder / "digits-2d.safetensors").write_bytes(b"\xff" * 1000)
    app = page()
    assert not app.exception
    assert "damaged" in app.error[0].value


def page(path: str | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "kl.py"), default_timeout=600)
    if path is not None:
        app.query_params["path"] = path
    return app.run()


def test_the_page_shows_the_path_that_the_address_names(folder) -> None:
    put(folder, "digits-2d")
    put(folder, "another")
    app = page("digits-2d")
    assert not app.exception
    assert not app.error
    assert app.selectbox[0].value == "digits-2d"
    data = json.loads(app.get("bidi_component")[0].proto.json)
    assert set(data) == {"place", "module", "frame", "decoders"}
    app.selectbox[0].set_value("another").run()
    assert app.selectbox[0].value == "another"
    assert dict(app.query_params).get("path") is None  # the first of the list


def test_paths_among_the_runs_are_in_the_list(folder) -> None:
    put(folder)
    (folder / "runs").mkdir()
    put(folder / "runs", "mine")
    assert list(beta_paths.available().values()) == ["Digits 8×8 · 2-D", "runs/mine"]
    app = page("runs/mine")
    assert not app.error
    assert app.selectbox[0].value == "runs/mine"


@pytest.mark.parametrize("name", ["nothing", "../secret", "digits-2d.safetensors", "x" * 5000, "<script>"])
def test_an_unknown_path_is_told_in_one_sentence_and_another_shown(folder, name) -> None:
    put(folder)
    app = page(name)
    assert not app.exception
    [error] = app.error
    assert error.value.startswith("There is no beta path")
    assert len(error.value) < 150
    assert app.get("bidi_component")
    with pytest.raises(InputError):
        beta_paths.open_path(name)


def test_without_a_path_the_page_says_how_to_make_one(folder) -> None:
    app = page()
    assert not app.exception
    assert "python -m vae sweep --path" in app.info[0].value


def test_half_precision_loses_nothing_of_the_file(folder) -> None:
    """The reader makes float32 of the file's float16, and the page float16 of it again."""
    file = put(folder)
    read = paths.read(file)
    with safe_open(file, "pt") as kept:
        for name, array in read.decoder.items():
            again = torch.from_numpy(array.astype(np.float16))
            assert torch.equal(again, kept.get_tensor(name))


def test_the_closed_form_and_the_factors_reach_the_browser_where_the_file_has_them(folder) -> None:
    closed = ClosedForm.along(np.array([3.0, 1.0, 0.1]), BETAS, 0.5, [1, 0])
    scores = dict.fromkeys(beta_paths.SCORES, 0.5)
    up = [numbers(beta) | {"disentanglement": scores} for beta in BETAS]
    factors = np.array([[0, 2], [1, 0], [1, 1], [0, 1]], np.int32)
    put(folder, up=json.dumps(up), linear=closed.to_json(), factors=factors, factor_names='["shape", "x"]')
    meta, arrays = frame()
    assert meta["linear"] == json.loads(closed.to_json())
    assert meta["linear"]["thresholds"] == [4, 12]
    assert meta["factors"] == ["shape", "x"]
    assert meta["up"][1]["disentanglement"] == scores
    np.testing.assert_array_equal(arrays["factors"], factors)


def test_a_path_without_them_says_so(folder) -> None:
    put(folder)
    meta, arrays = frame()
    assert meta["linear"] is None
    assert meta["factors"] == []
    assert "factors" not in arrays
