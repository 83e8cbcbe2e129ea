"""The server's answers about the posterior of an image, against the library; and what it refuses."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from server import evidence_requests, open_models, runs_root
from server.byte_cache import ByteCache
from server.evidence_requests import open_evidence
from tests.serving import PATIENCE, Server, serving, until
from vae.files import checkpoint
from vae.files.held_out import read_held_out
from vae.gaussian import log_prior
from vae.inference.evidence import log_joint, log_likelihoods, true_posterior
from vae.inference.evidence_survey import record
from vae.inference.evidence_table import read_table
from vae.inference.full_gaussian import FullGaussian
from vae.model import VAE
from vae.plan import make_plan
from vae.settings import Settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "assets" / "gallery"
ROW = 1  # of digits-2d: two modes


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


class Answer(NamedTuple):
    status: int
    meta: dict[str, Any]
    arrays: dict[str, np.ndarray]
    data: bytes


def ask(server: Server, address: str, asked: Any, **headers: str) -> Answer:
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    request = urllib.request.Request(f"http://{server.host}/{address}", data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=3 * PATIENCE) as response:
            data = response.read()
    except urllib.error.HTTPError as error:
        return Answer(error.code, json.loads(error.read()), {}, b"")
    length = int.from_bytes(data[4:8], "little")
    meta = json.loads(data[8 : 8 + length])
    kinds = {"f4": np.float32, "i4": np.int32}
    arrays = {
        name: np.frombuffer(data, kinds[kind], int(np.prod(shape)), 8 + length + offset).reshape(shape)
        for name, (kind, shape, offset) in meta["arrays"].items()
    }
    return Answer(200, meta, arrays, data)


@pytest.fixture(scope="module")
def digits(server) -> str:
    return open_evidence("digits-2d").evidence


@pytest.fixture(scope="module")
def truth() -> tuple[VAE, torch.Tensor, Any]:
    """Model, image and encoder's numbers of the question."""
    held_out = read_held_out(GALLERY / "digits-2d" / "held_out.npz")
    model = checkpoint.load_model(checkpoint.read(GALLERY / "digits-2d"))
    return model, torch.tensor(held_out.images[ROW]).float() / 255, held_out


# ---- the posterior ---------------------------------------------------------------------------------------------------


def test_the_posterior_of_an_image_is_its_posterior(server, digits, truth) -> None:
    model, x, held_out = truth
    from vae.inference.evidence import Plane

    found = ask(server, f"{digits}/posterior", {"image": ROW})
    meta, wanted = found.meta, true_posterior(Plane(model), x)
    assert meta["latent_dim"] == 2
    assert meta["log_evidence"] == pytest.approx(wanted.log_total, abs=0.01)
    assert meta["error"] < 0.05
    np.testing.assert_allclose(meta["mean"], wanted.mean, atol=0.01)
    np.testing.assert_allclose(meta["covariance"], wanted.covariance, atol=0.01)
    assert len(meta["modes"]) == len(wanted.modes.weight) == 2
    assert sum(weight for *_, weight in meta["modes"]) == pytest.approx(1)
    np.testing.assert_allclose(meta["q"]["mu"], held_out.mu[ROW])


def test_the_evidence_is_shown_at_every_halving_of_the_grid(server, digits) -> None:
    meta = ask(server, f"{digits}/posterior", {"image": ROW}).meta
    cells, evidence = zip(*meta["levels"], strict=True)
    assert len(cells) >= 3
    assert [2 * n for n in cells[:-1]] == list(cells[1:])
    assert evidence[-1] == meta["log_evidence"]
    assert abs(evidence[-1] - evidence[-2]) == pytest.approx(meta["error"])


def test_both_pictures_hold_the_likelihood_at_their_cells(server, digits, truth) -> None:
    model, x, held_out = truth
    meta, arrays = (found := ask(server, f"{digits}/posterior", {"image": ROW})).meta, found.arrays
    sides = np.subtract(meta["high"], meta["low"])
    assert sides[0] == pytest.approx(sides[1])
    reach = 3 * np.exp(held_out.logvar[ROW] / 2)
    assert (held_out.mu[ROW] - reach > meta["low"]).all()
    assert (held_out.mu[ROW] + reach < meta["high"]).all()
    assert arrays["log_likelihood"].shape == (meta["cells"], meta["cells"]) == (200, 200)
    for place, values, near in (
        (meta, arrays["log_likelihood"], 10.0),
        (meta["coarse"], arrays["coarse_log_likelihood"], np.inf),
    ):
        low, high, n = np.array(place["low"]), np.array(place["high"]), place["cells"]
        up, across = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")  # rows rise with z₂
        z = torch.tensor(low + (np.stack((across, up), -1).reshape(-1, 2) + 0.5) / n * (high - low))
        wanted = log_likelihoods(model, x, z).numpy()
        close = wanted > wanted.max() - near
        np.testing.assert_allclose(values.flatten()[close], wanted[close], atol=0.1)
    z, side = _cells_of(meta), (meta["high"][0] - meta["low"][0]) / 200
    log_posterior = arrays["log_likelihood"].flatten() + log_prior(z).numpy() - meta["log_evidence"]
    assert np.exp(log_posterior).sum() * side**2 == pytest.approx(1, abs=0.01)


def _cells_of(meta: dict[str, Any]) -> torch.Tensor:
    middles = (torch.arange(200, dtype=torch.float64) + 0.5) / 200
    axes = [low + middles * (high - low) for low, high in zip(meta["low"], meta["high"], strict=True)]
    return torch.stack(torch.meshgrid(*axes, indexing="xy"), -1).reshape(-1, 2)


def test_an_image_by_its_pixels_is_the_same_image(server, digits, truth) -> None:
    _, x, _ = truth
    by_row = ask(server, f"{digits}/posterior", {"image": ROW}).meta
    drawn = ask(server, f"{digits}/posterior", {"pixels": x.flatten().tolist()}).meta
    assert drawn["log_evidence"] == pytest.approx(by_row["log_evidence"], abs=1e-4)
    np.testing.assert_allclose(drawn["q"]["mu"], by_row["q"]["mu"], atol=1e-4)
    np.testing.assert_allclose(drawn["q"]["logvar"], by_row["q"]["logvar"], atol=1e-4)


# ---- bar, fit, weights -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tril", [[[0.12, 0.0], [0.0, 0.17]], [[0.3, 0.0], [-0.2, 0.1]], [[1.0, 0.0], [0.0, 1.0]]])
def test_the_bar_adds_up_for_any_q(tril, server, digits, truth) -> None:
    model, x, held_out = truth
    mu = held_out.mu[ROW].tolist()
    bar = ask(server, f"{digits}/parts", {"image": ROW, "mu": mu, "tril": tril}).meta
    assert abs(bar["log_evidence"] - bar["elbo"] - bar["gap"]) <= 3e-4 + 2 * bar["tolerance"]
    assert bar["tolerance"] <= 1e-3 + 1e-4 * bar["gap"]
    q = FullGaussian(torch.tensor(mu).double(), torch.tensor(tril).double())
    assert bar["rate"] == pytest.approx(q.kl().item())
    assert bar["elbo"] == pytest.approx(-(bar["rate"] + bar["distortion"]))
    assert abs(bar["sampled"]["mean"] - bar["elbo"]) < 5 * bar["sampled"]["standard_error"]
    z = q.rsample(2000, torch.Generator().manual_seed(1))
    values = log_likelihoods(model, x, z) - q.kl()
    assert abs(values.mean().item() - bar["elbo"]) < 5 * values.std().item() / 2000**0.5


@pytest.mark.parametrize("full", [False, True])
def test_the_best_q_is_on_the_way_from_the_encoders(full, server, digits, truth) -> None:
    _, _, held_out = truth
    found = ask(server, f"{digits}/fit", {"image": ROW, "full": full}).meta
    path = found["path"]
    assert found["start_mode"] is None or 0 <= found["start_mode"] < 2
    if found["start_mode"] is None:
        np.testing.assert_allclose(path[0]["mu"], held_out.mu[ROW])
        np.testing.assert_allclose(np.diag(path[0]["tril"]), np.exp(held_out.logvar[ROW] / 2), rtol=1e-6)
        assert path[0]["elbo"] == found["encoder_elbo"]
    # of the same q the bar says the very same
    for end, elbo in ((path[0], path[0]["elbo"]), (path[-1], found["elbo"])):
        q = {name: end[name] for name in ("mu", "tril")}
        assert ask(server, f"{digits}/parts", {"image": ROW, **q}).meta["elbo"] == pytest.approx(elbo, abs=1e-9)
        weights = ask(server, f"{digits}/weights", {"image": ROW, "draws": 2000, **q}).meta
        assert weights["elbo"] == pytest.approx(elbo, abs=1e-9)
        assert abs(weights["mean"][0] - elbo) < 5 * weights["standard_error"][0]
    assert path[-1]["elbo"] == found["elbo"]
    assert found["encoder_elbo"] < found["elbo"] < found["log_evidence"]
    assert (path[-1]["tril"][1][0] != 0) is full
    assert all(step["tril"][0][1] == 0 for step in path)
    again = ask(server, f"{digits}/parts", {"image": ROW, **{k: path[-1][k] for k in ("mu", "tril")}}).meta
    assert again["gap"] == pytest.approx(found["gaps"]["approximation"], abs=2e-3)
    assert found["gaps"]["amortisation"] == pytest.approx(found["elbo"] - found["encoder_elbo"])


def test_weights_are_those_of_their_draws(server, digits, truth) -> None:
    model, x, held_out = truth
    found = ask(server, f"{digits}/weights", {"image": ROW, "seed": 3, "draws": 4000})
    meta, arrays = found.meta, found.arrays
    assert (meta["k"][0], meta["k"][-1], len(meta["k"])) == (1, 1000, 21)
    z = torch.tensor(arrays["z"]).double()
    assert z.shape == (1000, 2)
    q = FullGaussian(
        torch.tensor(held_out.mu[ROW]).double(), torch.diag(torch.tensor(held_out.logvar[ROW] / 2).double().exp())
    )
    wanted = log_joint(model, x, z).detach() - q.log_prob(z)
    np.testing.assert_allclose(arrays["log_w"], wanted, atol=2e-3)
    mean, error = np.array(meta["mean"]), np.array(meta["standard_error"])
    evidence = ask(server, f"{digits}/posterior", {"image": ROW}).meta["log_evidence"]
    assert (mean <= evidence + 4 * error).all()
    assert abs(meta["elbo"] - mean[0]) < 4 * error[0]
    tril = q.tril.tolist()
    assert meta["elbo"] == pytest.approx(
        ask(server, f"{digits}/parts", {"image": ROW, "mu": q.mu.tolist(), "tril": tril}).meta["elbo"], abs=2e-3
    )
    assert mean[0] < mean[-1]
    assert 1 <= meta["effective_sample_size"] <= meta["draws"] == 4000
    other = ask(server, f"{digits}/weights", {"image": ROW, "seed": 4, "draws": 4000})
    assert (other.arrays["z"] != arrays["z"]).all()
    assert ask(server, f"{digits}/weights", {"image": ROW, "seed": 3, "draws": 4000}).data == found.data


# ---- other models ----------------------------------------------------------------------------------------------------


def test_ten_dimensions_are_sampled_with_their_errors(server) -> None:
    address = open_evidence("mnist-10d").evidence
    found = ask(server, f"{address}/posterior", {"image": 0})
    meta = found.meta
    assert found.arrays == {}
    assert "sampling" in meta["method"]
    assert 0 < meta["standard_error"] < 1
    assert 0 < meta["elbo_standard_error"] < 1
    assert meta["effective_sample_size"] > 1
    assert meta["gap"] == pytest.approx(meta["log_evidence"] - meta["elbo"])
    assert meta["gap"] > 0
    tril = np.diag(np.exp(np.array(meta["q"]["logvar"]) / 2)).tolist()
    bar = ask(server, f"{address}/parts", {"image": 0, "mu": meta["q"]["mu"], "tril": tril}).meta
    assert bar["log_evidence"] == meta["log_evidence"]
    assert abs(bar["elbo"] - meta["elbo"]) < 5 * meta["elbo_standard_error"]
    weights = ask(server, f"{address}/weights", {"image": 0, "draws": 2000})
    assert weights.arrays["z"].shape == (1000, 10)
    assert weights.meta["elbo"] == meta["elbo"]
    refused = ask(server, f"{address}/fit", {"image": 0})
    assert refused.status == 400
    assert "1 or 2 latent dimensions" in refused.meta["error"]


def test_a_line_has_a_posterior_as_well(server, tmp_path) -> None:
    torch.manual_seed(0)  # initial weights only
    settings = Settings(data="digits", hidden=(16,), latent_dim=1, likelihood="gaussian", sigma=0.3)
    model = VAE(make_plan("mlp", (16,), 1, (1, 8, 8)), (1, 8, 8), "gaussian", 0.3)
    path = tmp_path / "line.safetensors"
    checkpoint.write(path, settings, (1, 8, 8), 1, model.state_dict())
    opened = open_evidence(open_models.add_path(str(path)))
    assert opened.table is None
    _, _, frame = server.get("/" + opened.frame)
    assert json.loads(frame[8 : 8 + int.from_bytes(frame[4:8], "little")])["sigma"] == 0.3
    found = ask(server, f"{opened.evidence}/posterior", {"image": 0})
    meta, values = found.meta, found.arrays["log_likelihood"]
    assert values.shape == (meta["cells"],)
    assert found.arrays["coarse_log_likelihood"].shape == (meta["coarse"]["cells"],)
    step = (meta["high"][0] - meta["low"][0]) / len(values)
    z = meta["low"][0] + (np.arange(len(values)) + 0.5) * step
    log_posterior = values - 0.5 * (z**2 + np.log(2 * np.pi)) - meta["log_evidence"]
    assert np.exp(log_posterior).sum() * step == pytest.approx(1, abs=0.01)
    assert len(meta["levels"]) >= 3
    q = {"mu": meta["q"]["mu"], "tril": [[float(np.exp(meta["q"]["logvar"][0] / 2))]]}
    bar = ask(server, f"{opened.evidence}/parts", {"image": 0, **q}).meta
    assert abs(bar["log_evidence"] - bar["elbo"] - bar["gap"]) <= 3e-4 + 2 * bar["tolerance"]
    assert ask(server, f"{opened.evidence}/fit", {"image": 0}).meta["gaps"]["approximation"] > -1e-3


# ---- what is refused -------------------------------------------------------------------------------------------------

Q = {"image": 0, "mu": [0, 0], "tril": [[1, 0], [0, 1]]}
WRONG = [
    ("posterior", b"nonsense"),
    ("posterior", b"[" * 50_000),
    ("posterior", [1]),
    ("posterior", {}),
    ("posterior", {"image": 100_000}),
    ("posterior", {"image": -1}),
    ("posterior", {"image": True}),
    ("posterior", {"image": 1.5}),
    ("posterior", {"pixels": [0.5] * 63}),
    ("posterior", {"pixels": [2.0] * 64}),
    ("posterior", {"pixels": [float("nan")] * 64}),
    ("posterior", {"pixels": ["1"] * 64}),
    ("posterior", b'{"pixels": [' + b" " * 100_000 + b"1]}"),
    ("parts", {"image": 0}),
    ("parts", {**Q, "mu": [0]}),
    ("parts", {**Q, "mu": [0, 1e9]}),
    ("parts", {**Q, "mu": [0, 10**400]}),
    ("parts", {**Q, "tril": [[1, 0]]}),
    ("parts", {**Q, "tril": [[1, 0], 1]}),
    ("parts", {**Q, "tril": [[1, 0.5], [0, 1]]}),
    ("parts", {**Q, "tril": [[1, 0], [0, 0]]}),
    ("parts", {**Q, "tril": [[1, 0], [0, -1]]}),
    ("parts", {**Q, "tril": [[1e9, 0], [0, 1]]}),
    ("weights", {"image": 0, "draws": 10}),
    ("weights", {"image": 0, "draws": 10**9}),
    ("weights", {"image": 0, "seed": -1}),
    ("weights", {"image": 0, "seed": "one"}),
]


@pytest.mark.parametrize(("kind", "asked"), WRONG)
def test_what_cannot_be_answered_is_one_sentence(kind, asked, server, digits) -> None:
    found = ask(server, f"{digits}/{kind}", asked)
    assert found.status == 400
    assert found.meta["error"].endswith(".")
    assert len(found.meta["error"]) < 200


def test_unknown_models_and_questions_are_not_found(server, digits) -> None:
    *room, visitor, key = digits.split("/")
    refused = ask(server, "/".join([*room, visitor, "none", "posterior"]), {"image": 0})
    assert refused.status == 404
    assert "reload" in refused.meta["error"]
    strangers = ["/".join([*room, name, key]) for name in ("one", "another", visitor[:-1] + "x")]
    with held_up():  # names that this server has not given stand for one and the same, the machine
        waiting = [Waiting(server, f"{strangers[0]}/posterior", {"image": 0})]
        for address in strangers[1:]:
            waiting.append(Waiting(server, f"{address}/posterior", {"image": 0}))
            assert waiting[-2].answer()[0] == 409
    assert waiting[-1].answer()[0] == 200
    assert ask(server, f"{digits}/secrets", {"image": 0}).status == 404


def test_pages_of_other_servers_are_not_answered(server, digits) -> None:
    assert ask(server, f"{digits}/posterior", {"image": 0}, Origin="http://elsewhere.example").status == 403
    assert ask(server, f"{digits}/posterior", {"image": 0}, Origin=f"http://{server.host}").status == 200


@contextmanager
def held_up() -> Iterator[None]:
    """The thread that computes is busy meanwhile."""
    busy = threading.Event()
    held = evidence_requests._queue.submit("busy", lambda: busy.wait(PATIENCE))
    until(held.running)
    try:
        yield
    finally:
        busy.set()


class Waiting:
    """Somebody who has asked and waits for the answer."""

    def __init__(self, server: Server, address: str, asked: Any) -> None:
        self.connection = http.client.HTTPConnection(server.host, timeout=PATIENCE)
        self.connection.request("POST", f"/{address}", json.dumps(asked))

    def leave(self) -> None:
        self.connection.close()

    def answer(self) -> tuple[int, bytes]:
        response = self.connection.getresponse()
        answered = response.status, response.read()
        self.leave()
        return answered


def computed(address: str) -> list[Any]:
    return [json.loads(key) for key in evidence_requests._subject(address.rpartition("/")[2])._answers]


def test_who_leaves_before_his_turn_costs_nothing(server, digits) -> None:
    with held_up():
        leaving = Waiting(server, f"{digits}/posterior", {"image": 42})
        until(lambda: len(evidence_requests._queue) == 1)
        leaving.leave()
        until(lambda: len(evidence_requests._queue) == 0)
    assert ask(server, f"{digits}/posterior", {"image": 43}).status == 200
    assert ["posterior", {"image": 43}] in computed(digits)
    assert ["posterior", {"image": 42}] not in computed(digits)


def test_of_a_person_the_newest_question_of_a_kind_waits(server, digits) -> None:
    other = open_evidence("digits-2d").evidence
    with held_up():
        first = Waiting(server, f"{digits}/posterior", {"image": 44})
        until(lambda: len(evidence_requests._queue) == 1)
        newest = Waiting(server, f"{digits}/posterior", {"image": 45})
        status, given_up = first.answer()
        assert status == 409
        assert json.loads(given_up)["error"].endswith(".")
        another = Waiting(server, f"{other}/posterior", {"image": 46})
        until(lambda: len(evidence_requests._queue) == 2)
    assert newest.answer()[0] == another.answer()[0] == 200
    assert ["posterior", {"image": 44}] not in computed(digits)


def test_a_full_line_is_told_in_a_sentence_and_whoever_waits_keeps_his_place(server, digits, monkeypatch) -> None:
    monkeypatch.setattr(evidence_requests._queue, "most", 1)
    with held_up():
        waiting = Waiting(server, f"{digits}/posterior", {"image": 47})
        until(lambda: len(evidence_requests._queue) == 1)
        other = open_evidence("digits-2d").evidence
        refused = ask(server, f"{other}/posterior", {"image": 0})
        assert refused.status == 503
        assert "busy" in refused.meta["error"]
    assert waiting.answer()[0] == 200
    assert ask(server, f"{other}/posterior", {"image": 0}).status == 200


def test_questions_that_wait_are_bounded_in_bytes(server, digits, monkeypatch) -> None:
    monkeypatch.setattr(evidence_requests._queue._budget, "most", 1000)
    refused = ask(server, f"{digits}/posterior", {"pixels": [0.25] * 64, "more": "x" * 1000})
    assert refused.status == 503
    assert ask(server, f"{digits}/posterior", {"image": 48}).status == 200
    assert evidence_requests._queue._budget.used == 0


def test_a_model_that_has_made_room_is_opened_once_more(server, digits, monkeypatch) -> None:
    monkeypatch.setattr(evidence_requests, "_subjects", ByteCache(1))
    monkeypatch.setattr(open_models, "_contents", ByteCache(1))
    before = ask(server, f"{digits}/posterior", {"image": ROW}).data
    open_evidence("mnist-2d")  # is made ready before the next question has its turn
    assert ask(server, f"{digits}/posterior", {"image": ROW}).data == before


# ---- the page --------------------------------------------------------------------------------------------------------


@pytest.fixture
def runs_folder(monkeypatch, tmp_path) -> Path:
    monkeypatch.setattr(runs_root, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


def page(model: str | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages" / "elbo.py"), default_timeout=600)
    if model is not None:
        app.query_params["model"] = model
    return app.run()


def shown(app: AppTest) -> dict[str, Any]:
    found = app.get("bidi_component")
    return json.loads(found[0].proto.json) if found else {}


def test_the_page_shows_the_model_that_the_address_names(runs_folder) -> None:
    app = page("digits-2d")
    assert not app.exception
    assert not app.error
    assert app.selectbox[0].value == "digits-2d"
    assert set(shown(app)) == {"place", "module", "katex", "frame", "encoder", "evidence", "table"}
    assert "test elbo" in app.get("html")[1].proto.body
    app.selectbox[0].set_value("mnist-2d").run()
    assert not app.exception
    assert "model" not in app.query_params
    app.selectbox[0].set_value("digits-2d").run()
    assert app.query_params["model"] in ("digits-2d", ["digits-2d"])


def test_a_model_that_is_not_there_is_said_and_the_first_opens(runs_folder) -> None:
    app = page("../nonsense")
    assert not app.exception
    assert app.error[0].value.endswith(".")
    assert app.selectbox[0].value == "mnist-2d"
    assert shown(app)
    assert not app.run().error  # said once


def test_without_a_model_the_page_says_how_to_make_one(runs_folder, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(open_models, "GALLERY", tmp_path / "none")
    app = page()
    assert not app.exception
    assert "python -m vae train" in app.info[0].value


def test_a_table_is_shown_where_it_is_of_this_model(runs_folder, server) -> None:
    folder = runs_folder / "mine"
    shutil.copytree(GALLERY / "digits-2d", folder, ignore=shutil.ignore_patterns("evidence.npz"))
    assert shown(page("runs/mine"))["table"] is None
    list(record(folder, 2, 0))
    address = shown(page("runs/mine"))["table"]
    _, _, frame = server.get("/" + address)
    assert json.loads(frame[8 : 8 + int.from_bytes(frame[4:8], "little")])["images"] == 2
    table = folder / "evidence.npz"
    assert len(read_table(table)) == 2
    other = shutil.copytree(GALLERY / "mnist-2d", runs_folder / "other", ignore=shutil.ignore_patterns("evidence.npz"))
    for content, word in ((table.read_bytes(), "of another model"), (b"nonsense", "is damaged")):
        (other / "evidence.npz").write_bytes(content)
        app = page("runs/other")
        assert not app.exception
        assert word in app.warning[0].value
        assert shown(app)["table"] is None
