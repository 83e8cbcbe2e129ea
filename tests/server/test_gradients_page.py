"""The Gradients page without a browser: what it is given, and the loss as code, executed and watched."""

from __future__ import annotations

import inspect
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Generator, Tensor

from server import loss_code, open_models, visitors
from server.components import gradients
from server.loss_code import LossRequest, execute, parse
from server.published import CODE
from tests.serving import PATIENCE, Server, serving
from vae.elbo import Elbo, elbo
from vae.errors import InputError
from vae.files import checkpoint, runs
from vae.files.held_out import FILE_NAME, read_held_out
from vae.inference.loss_in_ten_lines import loss
from vae.inference.statement_trace import statements_of, traced
from vae.model import VAE

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "assets" / "gallery"
MODELS = ["digits-2d", "mnist-10d", "mnist-2d", "mnist-conv-2d"]
GOOD = {"model": "mnist-2d", "first": 0, "size": 3, "beta": 2.0, "seed": 5}

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


def opened(name: str, count: int = 6) -> tuple[VAE, Tensor]:
    folder = GALLERY / name
    images = read_held_out(folder / FILE_NAME).images[:count]
    return checkpoint.load_model(checkpoint.read(folder)), torch.from_numpy(images.astype(np.float32) / 255)


def by_library(model: VAE, x: Tensor, seed: int) -> Elbo:
    zeta = torch.randn((len(x), model.latent_dim), generator=Generator().manual_seed(seed))
    return elbo(model, x, zeta)


# ---- the function ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("beta", [0.0, 1.0, 4.5])
def test_the_ten_lines_are_the_librarys_loss(name, beta) -> None:
    model, x = opened(name)
    mine = loss(model, x, beta, Generator().manual_seed(3))
    theirs = by_library(model, x, 3).loss(beta)
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=0)
    weights = [model.encoder.mu.weight, *model.decoder.parameters()]
    for one, other in zip(torch.autograd.grad(mine, weights), torch.autograd.grad(theirs, weights), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_they_are_ten_each_on_a_line_of_its_own() -> None:
    statements = statements_of(loss)
    assert len(statements) == 10
    source = inspect.getsource(loss).splitlines()
    assert [statement.text for statement in statements] == [line.strip() for line in source[1:]]
    assert statements[0].names == ("mu", "logvar")


def test_every_line_is_watched_as_it_is_executed() -> None:
    model, x = opened("digits-2d")
    result, made = traced(loss, model, x, 2.0, Generator().manual_seed(3))
    bound = by_library(model, x, 3)
    values = {name: value for each in made for name, value in each.items()}
    q = model.encode(x)
    torch.testing.assert_close(values["mu"], q.mu)
    torch.testing.assert_close(values["sigma"], q.sigma)
    torch.testing.assert_close(values["z"], values["mu"] + values["sigma"] * values["zeta"])
    torch.testing.assert_close(values["distortion"], bound.distortion)
    torch.testing.assert_close(values["rate"], bound.rate)
    torch.testing.assert_close(values["per_image"], bound.distortion + 2 * bound.rate)
    assert values["loss"] is result


def test_watching_ends_also_where_the_function_fails() -> None:
    import sys

    before = sys.gettrace()
    with pytest.raises(AttributeError):
        traced(loss, None, torch.zeros(1), 1.0, Generator())
    assert sys.gettrace() is before


# ---- what is answered ------------------------------------------------------------------------------------------------


def values_of(answer: dict) -> dict:
    return {value["name"]: value for statement in answer["statements"] for value in statement["values"]}


def test_an_answer_holds_values_and_gradients() -> None:
    answer = execute(LossRequest(**GOOD))
    model, x = opened("mnist-2d", 3)
    values = values_of(answer)
    assert answer["head"] == inspect.getsource(loss).splitlines()[0]
    assert answer["loss"] == pytest.approx(by_library(model, x, 5).loss(2.0).item(), rel=1e-5)
    assert values["logits"]["shape"] == [3, 1, 28, 28]
    assert values["logits"]["numbers"] is None
    assert np.array(values["mu"]["numbers"]) == pytest.approx(model.encode(x).mu.detach().numpy(), abs=1e-5)
    assert values["loss"]["slope"]["norm"] == 1
    assert values["zeta"]["slope"] is None
    # d loss/d rate is beta over the batch's size; d loss/d sigma holds zeta · d loss/d z and the rate's own part
    assert np.array(values["rate"]["slope"]["numbers"]) == pytest.approx(np.full((3, 1), 2 / 3))
    sigma, zeta = (np.array(values[name]["numbers"]) for name in ("sigma", "zeta"))
    slope = {name: np.array(values[name]["slope"]["numbers"]) for name in ("z", "sigma")}
    assert slope["sigma"] == pytest.approx(zeta * slope["z"] + 2 / 3 * sigma, rel=1e-3, abs=1e-3)


def test_more_noise_and_other_images_change_it_and_weights_are_left_alone() -> None:
    base = execute(LossRequest(**GOOD))
    assert execute(LossRequest(**GOOD))["loss"] == base["loss"]
    assert execute(LossRequest(**{**GOOD, "seed": 6}))["loss"] != base["loss"]
    assert execute(LossRequest(**{**GOOD, "first": 3}))["rows"] == [3, 4, 5]
    count = len(read_held_out(GALLERY / "mnist-2d" / FILE_NAME).labels)
    assert execute(LossRequest(**{**GOOD, "first": count - 1}))["rows"] == [count - 1, 0, 1]
    model, _ = loss_code._opened("mnist-2d")
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "none"}, {"model": "../mnist-2d"}, {"model": 3}, {"model": None}, {"size": 0}, {"size": 65},
        {"size": 2.5}, {"size": True}, {"first": -1}, {"seed": -1}, {"seed": 1 << 40}, {"beta": -1},
        {"beta": "1"}, {"beta": None}, {"beta": float("nan")}, {"beta": 1e300}, {"more": 1}, {"model": []},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_in_a_sentence(wrong) -> None:
    with pytest.raises(InputError, match=r"^[^\n]{10,200}\.$"):
        parse(json.dumps({**GOOD, **wrong}).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"model": "mnist-2d"}'])
def test_what_is_no_request_is_told_in_a_sentence(data) -> None:
    with pytest.raises(InputError, match="JSON object"):
        parse(data)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def post(server: Server, data: bytes, visitor: str = "", **headers: str) -> tuple[int, dict]:
    address = f"http://{server.host}/{CODE}/{visitor or visitors.visitor()}"
    request = urllib.request.Request(address, data=data, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_the_route_executes(server) -> None:
    status, answer = post(server, json.dumps(GOOD).encode())
    assert status == 200
    assert answer == execute(LossRequest(**GOOD))


def test_the_route_refuses_in_a_sentence(server) -> None:
    for data in (b"{", json.dumps({**GOOD, "size": 0}).encode(), json.dumps({**GOOD, "model": "x" * 10_000}).encode()):
        status, answer = post(server, data)
        assert status == 400
        assert answer["error"].endswith(".")
    assert server.get(f"/{CODE}/{visitors.visitor()}")[0] == 404
    assert post(server, json.dumps(GOOD).encode(), "a-page-of-an-earlier-server")[0] == 200


def test_the_route_answers_pages_of_its_own_server_alone(server) -> None:
    data = json.dumps(GOOD).encode()
    assert post(server, data, Origin=f"http://{server.host}")[0] == 200
    status, answer = post(server, data, Origin="http://elsewhere.example")
    assert status == 403
    assert answer["error"].endswith(".")


def test_many_at_once_are_answered_each_with_his_own(server) -> None:
    def ask(seed: int) -> float:
        return post(server, json.dumps({**GOOD, "seed": seed}).encode())[1]["loss"]

    with ThreadPoolExecutor(8) as askers:
        found = list(askers.map(ask, range(16)))
    assert found == [execute(LossRequest(**{**GOOD, "seed": seed}))["loss"] for seed in range(16)]


# ---- the page --------------------------------------------------------------------------------------------------------


def page() -> AppTest:
    return AppTest.from_file(str(ROOT / "pages" / "gradients.py"), default_timeout=600).run()


def component(app: AppTest) -> dict:
    [found] = app.get("bidi_component")
    return json.loads(found.proto.json)


def test_the_page_names_what_the_browser_needs() -> None:
    app = page()
    assert not app.exception
    data = component(app)
    assert {model for model, _ in data["models"]} == set(MODELS)
    assert data["code"].startswith(f"{CODE}/")
    name = dict(data["models"])["mnist-2d"]
    assert data["posteriors"]["name"] == name
    assert data["posteriors"]["evidence"].startswith("room/evidence/")


def test_only_what_ships_can_be_executed(monkeypatch, tmp_path) -> None:
    assert set(loss_code.models()) == set(MODELS)
    monkeypatch.setattr(open_models, "GALLERY", tmp_path)
    monkeypatch.setattr(loss_code, "GALLERY", tmp_path)
    assert loss_code.models() == {}


def test_without_a_gallery_the_page_is_there_all_the_same(monkeypatch, tmp_path) -> None:
    for module in (open_models, loss_code, gradients):
        monkeypatch.setattr(module, "GALLERY", tmp_path)
    app = page()
    assert not app.exception
    assert component(app)["models"] == []
    assert component(app)["posteriors"] is None


def test_a_damaged_model_is_left_out(monkeypatch, tmp_path) -> None:
    for name in ("digits-2d", "mnist-2d"):
        shutil.copytree(GALLERY / name, tmp_path / name)
    (tmp_path / "mnist-2d" / runs.SETTINGS).write_text("{}")
    for module in (open_models, loss_code, gradients):
        monkeypatch.setattr(module, "GALLERY", tmp_path)
    app = page()
    assert not app.exception
    assert [model for model, _ in component(app)["models"]] == ["digits-2d"]
    (tmp_path / "digits-2d" / runs.CHECKPOINT).write_bytes(b"nothing")
    app = page()
    assert not app.exception
    assert component(app)["posteriors"] is None
