"""The ELBO page in a real browser: what it computes, shows and says is what `vae.inference.evidence` finds in PyTorch."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.browser.room import DEEP, GALLERY, NAMELESS, Model, Room, eventually
from vae.data.image_sets import load
from vae.gaussian import DiagonalGaussian
from vae.inference.evidence import (
    Parts,
    Plane,
    Sampled,
    best,
    bounds,
    gaps,
    importance_sample,
    log_mean_weight,
    parts,
    true_posterior,
)
from vae.inference.evidence_survey import record
from vae.inference.evidence_table import FILE_NAME, read_table
from vae.inference.full_gaussian import FullGaussian, full
from vae.inference.pareto import distrust
from vae.inference.quadrature import Cells
from vae.settings import Settings
from vae.training.recorder import run

pytestmark = pytest.mark.usefixtures("one_thread")

NAME = "digits-2d"
IMAGE = 7
TABLED, FITTED = 40, 2
INK = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let i = 3; i < data.length; i += 4) sum += data[i];
  return sum;
}"""


class Reference(Model):
    """What PyTorch says of a model's images."""

    @cached_property
    def plane(self) -> Plane:
        return Plane(self.vae)

    def x(self, row: int) -> torch.Tensor:
        return torch.from_numpy(self.held_out.images[row]).float() / 255

    def q(self, row: int) -> DiagonalGaussian:
        return DiagonalGaussian(torch.from_numpy(self.held_out.mu[row]), torch.from_numpy(self.held_out.logvar[row]))

    @cache  # noqa: B019 as many images as there are tests
    def posterior(self, row: int) -> Cells:
        return true_posterior(self.plane, self.x(row))

    def parts(self, row: int, q: Any = None) -> Parts:
        return parts(self.vae, self.x(row), self.q(row) if q is None else q, self.posterior(row))


class Elbo(Room):
    """The page of the bound."""

    def visit(self, model: str = NAME, link: str = f"image={IMAGE}") -> Elbo:
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/elbo?model={model}{link and '#' + link}")
        self.page.wait_for_selector(f'.er-root[data-ready="{model}"][data-image]')
        self.page.wait_for_selector(".eb-derivation[data-set]", state="attached")
        return self

    def settled(self) -> Elbo:
        """Wait until the exact numbers stand there, and the view rests."""
        self.page.wait_for_selector('.eb-bar[data-exact="1"]')
        before: list[str | None] = [None]

        def rests() -> None:
            self.frames()
            before.append(self.page.locator(".eb-map").get_attribute("data-view"))
            assert before[-1] == before[-2]

        eventually(rests)
        return self

    def shown(self, row: int) -> None:
        self.page.wait_for_selector(f'.er-root[data-image="{row}"]')

    def press(self, selector: str) -> None:
        self.page.click(selector)
        self.frames()

    def figure(self, selector: str) -> float:
        """The number in an element, whatever stands before it."""
        return float(re.findall(r"−?\d+\.?\d*", self.text(selector))[0].replace("−", "-"))

    def bar(self) -> tuple[float, float, float]:
        return self.figure(".eb-evidence"), self.figure(".eb-elbo"), self.figure(".eb-gap")

    def mu(self) -> np.ndarray:
        return self._list(".eb-mu")

    def sigma(self) -> np.ndarray:
        return self._list(".eb-sigma")

    def _list(self, selector: str) -> np.ndarray:
        return np.array([float(part.replace("−", "-")) for part in self.text(selector).split(", ")])

    def view_of_plane(self) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
        """Ranges of both axes, and the box of the map between its margins, in pixels of the page."""
        view = self.page.locator(".eb-map").get_attribute("data-view")
        assert view
        x0, x1, y0, y1 = map(float, view.split())
        box = self.page.locator(".eb-map").bounding_box()
        assert box
        inner = {"left": box["x"] + 41, "top": box["y"] + 9, "width": box["width"] - 50, "height": box["height"] - 36}
        return np.array([x0, x1]), np.array([y0, y1]), inner

    def place(self, z: Any) -> tuple[float, float]:
        """The pixel of the page where the plane has z."""
        (x0, x1), (y0, y1), box = self.view_of_plane()
        return (
            box["left"] + (z[0] - x0) / (x1 - x0) * box["width"],
            box["top"] + (y1 - z[1]) / (y1 - y0) * box["height"],
        )

    @property
    def unit(self) -> float:
        """Pixels of a unit of z."""
        (x0, x1), _, box = self.view_of_plane()
        return box["width"] / (x1 - x0)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Take something, move it in a few steps, and hold it there; `drop` lets go."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=5)
        self.frames()

    def drop(self) -> None:
        self.page.mouse.up()
        self.frames()

    def ink(self, layer: str) -> int:
        return self.page.locator(f".eb-{layer}").evaluate(INK)


@pytest.fixture(scope="module")
def digits_model() -> Reference:
    return Reference(GALLERY / NAME)


@pytest.fixture(scope="module")
def window(browser, address) -> Iterator[tuple[Any, list[str]]]:
    with browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light") as context:
        context.set_default_timeout(60_000)
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        yield page, wrong


@pytest.fixture
def other_window(browser, address) -> Iterator[Callable[..., Elbo]]:
    """Another browser, with whatever options."""
    contexts, wrong = [], []

    def make(**options: Any) -> Elbo:
        context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", **options}
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return Elbo(page, address)

    yield make
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def elbo(window, address) -> Iterator[Elbo]:
    page, wrong = window
    wrong.clear()
    yield Elbo(page, address)
    assert not wrong


@pytest.fixture(scope="module")
def tabled(runs_folder) -> Reference:
    """A model with the table of its test set."""
    folder = runs_folder / "with-table"
    shutil.copytree(GALLERY / NAME, folder)
    (folder / FILE_NAME).unlink(missing_ok=True)
    for _ in record(folder, TABLED, FITTED):
        pass
    return Reference(folder)


def test_the_bar_and_the_derivation_say_what_pytorch_does(elbo, digits_model) -> None:
    elbo.visit().settled()
    known = digits_model.parts(IMAGE)
    np.testing.assert_allclose(elbo.bar(), (known.log_evidence, known.elbo, known.gap), atol=3e-3)
    assert "add up to within" in elbo.text(".eb-check")
    lines = {
        line: elbo.text(f'[data-line="{line}"] .eb-numbers')
        for line in ("evidence", "ratio", "jensen", "terms", "rest")
    }
    numbers = {
        line: [float(v.replace("−", "-")) for v in re.findall(r"−?\d+\.\d+", text)] for line, text in lines.items()
    }
    assert numbers["evidence"][0] == pytest.approx(known.log_evidence, abs=2e-3)
    assert "grid halved" in lines["evidence"]
    assert numbers["evidence"][-1] <= 1e-3  # what the last halving changes
    assert numbers["ratio"][0] == pytest.approx(known.log_evidence, abs=max(0.1, 4 * numbers["ratio"][1]))
    assert numbers["jensen"][0] == pytest.approx(known.elbo, abs=5 * numbers["jensen"][1] + 0.01)
    np.testing.assert_allclose(np.abs(numbers["terms"]), [known.distortion, known.rate, -known.elbo], atol=3e-3)
    assert numbers["rest"][0] == pytest.approx(known.gap, abs=3e-3)
    assert numbers["rest"][1] <= 1e-3  # what the gap's own quadrature is off by
    assert elbo.page.locator(".eb-derivation .katex").count() == 5
    assert not elbo.page.locator(".katex-error").count()
    row = digits_model.held_out
    assert elbo.text(".eb-name") == f"test image {row.index[IMAGE]}, class {row.labels[IMAGE]}"
    np.testing.assert_array_equal(elbo.picture("canvas.eb-x"), np.broadcast_to(row.images[IMAGE], (3, 8, 8)))
    np.testing.assert_allclose(elbo.picture("canvas.eb-decoded"), digits_model.bytes(row.mu[IMAGE]), atol=0.51)


def test_q_in_a_hand_moves_the_bar_and_the_evidence_stands_still(elbo, digits_model) -> None:
    elbo.visit().settled()
    evidence, bound, gap = elbo.bar()
    mu = digits_model.held_out.mu[IMAGE].astype(float)
    start = elbo.place(mu)
    elbo.drag(start, (start[0] + 60, start[1] - 45))
    held = mu + np.array([60, 45]) / elbo.unit
    np.testing.assert_allclose(elbo.mu(), held, atol=2 / elbo.unit + 1e-3)
    now = elbo.bar()
    assert now[0] == round(evidence, 2)  # a digit less while q moves
    assert now[0] == pytest.approx(now[1] + now[2], abs=1e-9)
    assert elbo.text(".eb-check").startswith("q as it was moved: ")
    assert now[1] < bound
    assert now[2] > gap
    q = FullGaussian(torch.tensor(elbo.mu()), full(digits_model.q(IMAGE)).tril)
    known = digits_model.parts(IMAGE, q)
    np.testing.assert_allclose(now, (known.log_evidence, known.elbo, known.gap), atol=0.05 + 0.03 * known.gap)
    assert elbo.page.locator(".eb-bar").get_attribute("data-exact") == "0"
    elbo.drop()
    elbo.settled()  # the exact parts follow once the hand rests
    np.testing.assert_allclose(elbo.bar(), (known.log_evidence, known.elbo, known.gap), atol=0.01 + 0.02 * known.gap)
    assert elbo.bar()[0] == evidence
    elbo.press(".eb-reset")
    np.testing.assert_allclose(elbo.mu(), mu, atol=6e-4)
    assert elbo.page.locator(".eb-reset").is_hidden()


@pytest.mark.parametrize("axis", [0, 1])
def test_an_axis_in_a_hand_changes_that_sigma_alone(elbo, digits_model, axis) -> None:
    elbo.visit().settled()
    mu, sigma = elbo.place(digits_model.held_out.mu[IMAGE].astype(float)), elbo.sigma()
    reach = max(26.0, sigma[axis] * elbo.unit)
    end = (mu[0] + reach, mu[1]) if axis == 0 else (mu[0], mu[1] - reach)
    elbo.drag(end, (mu[0] + 2 * (end[0] - mu[0]), mu[1] + 2 * (end[1] - mu[1])))
    elbo.drop()
    grown = elbo.sigma()
    assert grown[axis] == pytest.approx(2 * sigma[axis], rel=0.05)
    assert grown[1 - axis] == sigma[1 - axis]
    elbo.settled()
    tril = np.diag(grown)
    known = digits_model.parts(
        IMAGE, FullGaussian(torch.from_numpy(digits_model.held_out.mu[IMAGE]).double(), torch.tensor(tril))
    )
    np.testing.assert_allclose(elbo.bar(), (known.log_evidence, known.elbo, known.gap), atol=0.01 + 0.02 * known.gap)


def test_full_covariance_gives_q_a_knob_that_turns_it(elbo, digits_model) -> None:
    elbo.visit().settled()
    elbo.press('[data-switch="full"]')
    mu, sigma = elbo.place(digits_model.held_out.mu[IMAGE].astype(float)), elbo.sigma()
    away = max(26.0, sigma[0] * elbo.unit) + 24
    stretched = (mu[0] + 3 * max(26.0, sigma[0] * elbo.unit), mu[1])
    elbo.drag((mu[0] + max(26.0, sigma[0] * elbo.unit), mu[1]), stretched)  # a round q would look the same when turned
    elbo.drop()
    sigma = elbo.sigma()
    away = max(26.0, sigma[0] * elbo.unit) + 24
    angle = np.deg2rad(35)
    elbo.drag((mu[0] + away, mu[1]), (mu[0] + away * np.cos(angle), mu[1] - away * np.sin(angle)))
    elbo.drop()
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    covariance = turn @ np.diag(sigma**2) @ turn.T
    np.testing.assert_allclose(elbo.sigma(), np.sqrt(np.diag(covariance)), rtol=0.05)
    rho = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert elbo.figure(".eb-rho") == pytest.approx(rho, abs=0.05)
    marginal = elbo.sigma()
    elbo.press('[data-switch="full"]')
    assert elbo.figure(".eb-rho") == 0
    np.testing.assert_array_equal(elbo.sigma(), marginal)


def test_arrow_keys_move_q(elbo, digits_model) -> None:
    elbo.visit().settled()
    mu, sigma = digits_model.held_out.mu[IMAGE].astype(float), elbo.sigma()
    elbo.page.locator(".eb-map").press("ArrowRight")
    elbo.page.locator(".eb-map").press("ArrowUp")
    elbo.frames()
    np.testing.assert_allclose(elbo.mu(), mu + 0.1 * sigma, atol=1e-3)


def test_heat_and_contours_are_each_on_a_switch(elbo) -> None:
    elbo.visit(link=f"image={IMAGE}&heat=none&contours=none").settled()
    assert elbo.ink("heat") == 0
    assert elbo.ink("lines") == 0
    elbo.press('[data-switch="posterior"]')
    posterior = elbo.ink("lines")
    assert posterior > 0
    elbo.press('[data-switch="likelihood"]')
    assert elbo.ink("lines") > posterior
    elbo.press('[data-view="plane"]')
    elbo.settled()
    ground = elbo.page.locator(".eb-map canvas.page-ground").evaluate(INK)
    elbo.press('[data-switch="prior"]')
    assert elbo.page.locator(".eb-map canvas.page-ground").evaluate(INK) > ground  # the prior's rings
    inks = []
    for heat in ("prior", "likelihood", "posterior"):
        elbo.press(f'[data-heat="{heat}"]')
        inks.append(elbo.ink("heat"))
        elbo.press('[data-switch="log"]')
        assert elbo.ink("heat") > inks[-1]
        assert "nats under its peak" in elbo.text(".eb-key")
        elbo.press('[data-switch="log"]')
    assert all(inks)
    assert inks[0] > 10 * inks[2]  # a posterior is narrow
    elbo.press('[data-switch="points"]')
    assert elbo.page.locator(".eb-map canvas.page-motion").evaluate(INK) == 0


def test_the_posteriors_heat_peaks_where_its_mode_is(elbo, digits_model) -> None:
    elbo.visit(link=f"image={IMAGE}&contours=none&points=0").settled()
    alpha = elbo.canvas(".eb-heat")[3]
    row, column = np.unravel_index(alpha.argmax(), alpha.shape)
    box = elbo.page.locator(".eb-heat").bounding_box()
    cells = digits_model.posterior(IMAGE)
    x, y = elbo.place(cells.z[cells.log_density.argmax()].tolist())
    np.testing.assert_allclose([box["x"] + column, box["y"] + row], [x, y], atol=6)


def test_a_click_on_a_point_chooses_its_image(elbo, digits_model) -> None:
    elbo.visit(link=f"image={IMAGE}&view=plane").settled()
    mu = digits_model.held_out.mu.astype(float)
    apart = np.hypot(*(mu[:, None] - mu[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(mu))
    row = int(apart.min(1).argmax())
    x, y = elbo.place(mu[row])
    elbo.page.mouse.move(x, y)
    elbo.frames()
    assert elbo.text(".eb-peek span") == f"test image {digits_model.held_out.index[row]}"
    elbo.page.mouse.click(x, y)
    elbo.shown(row)
    elbo.settled()
    known = digits_model.parts(row)
    np.testing.assert_allclose(elbo.bar(), (known.log_evidence, known.elbo, known.gap), atol=3e-3)
    assert elbo.page.locator('[data-view="posterior"]').get_attribute("aria-checked") == "true"
    eventually(lambda: _linked(elbo, "image", str(row)))


def _linked(elbo: Elbo, name: str, value: str) -> None:
    assert elbo.link.get(name) == value


def test_two_gaps_are_those_of_the_best_q(elbo, digits_model) -> None:
    elbo.visit(link=f"image={IMAGE}&tab=gaps")
    elbo.page.wait_for_selector('.eb-gaps[data-playing="1"]')
    elbo.page.wait_for_selector('.eb-gaps[data-playing="0"]')
    posterior, x, q = digits_model.posterior(IMAGE), digits_model.x(IMAGE), digits_model.q(IMAGE)
    found = best(digits_model.vae, x, q, posterior)
    known = gaps(digits_model.parts(IMAGE), found)
    said = [
        float(v.replace("−", "-"))
        for v in re.findall(r"(?:approximation|amortisation) (−?\d+\.\d+)", elbo.text(".eb-families"))
    ]
    np.testing.assert_allclose(said, known, atol=2e-3)
    assert elbo.text(".eb-gaps output").startswith(f"step {len(found.path) - 1} of {len(found.path) - 1}")
    np.testing.assert_allclose(elbo.mu(), found.q.mu, atol=1e-3)
    elbo.settled()
    assert elbo.bar()[2] == pytest.approx(known.approximation, abs=3e-3)
    ends = [float(v.replace("−", "-")) for v in re.findall(r"−\d+\.\d{3}", elbo.text(".eb-fit"))]
    evidence, bound, gap = elbo.bar()
    assert (ends[1], said[0]) == (bound, pytest.approx(gap, abs=1e-9))  # one quantity, one value
    assert elbo.text(".eb-check").startswith(f"q at step {len(found.path) - 1} of {len(found.path) - 1}: ")
    assert_says_one_q(elbo)
    # step by step
    for step in (0, 1):
        elbo.page.locator(".eb-turn input").evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", step
        )
        elbo.frames()
        np.testing.assert_allclose(elbo.mu(), found.path[step].mu, atol=6e-4)
        np.testing.assert_allclose(elbo.sigma(), found.path[step].covariance.diagonal().sqrt(), atol=6e-5)
        elbo.settled()
        _, bound, gap = elbo.bar()
        assert elbo.figure(".eb-gaps output >> nth=0") == step
        eventually(lambda bound=bound: _ends_with(elbo, bound))
        if step == 0 and torch.equal(found.path[0].mu, full(q).mu):
            assert bound == ends[0]
            assert gap == pytest.approx(sum(said), abs=1e-9)  # approximation and amortisation gap are all of it
    elbo.press(".eb-reset")
    elbo.settled()
    assert elbo.text(".eb-gaps output").startswith("q has left this path")
    assert elbo.text(".eb-check").startswith("the encoder’s q: ")
    evidence, bound, gap = elbo.bar()
    assert gap == pytest.approx(sum(said), abs=1e-9)
    assert bound == pytest.approx(evidence - gap, abs=1e-9)
    elbo.press('[data-switch="full"]')
    correlated = gaps(digits_model.parts(IMAGE), best(digits_model.vae, x, q, posterior, True))

    def both() -> None:
        texts = re.findall(r"(?:approximation|amortisation) (−?\d+\.\d+)", elbo.text(".eb-families"))
        assert len(texts) == 4
        np.testing.assert_allclose([float(v.replace("−", "-")) for v in texts[2:]], correlated, atol=2e-3)

    eventually(both)


def _ends_with(elbo: Elbo, bound: float) -> None:
    assert elbo.text(".eb-gaps output").endswith(f"ELBO {bound:.3f}".replace("-", "−"))


def assert_says_one_q(elbo: Elbo) -> None:
    """What the tabs say is of the q that the page shows, and adds up in print."""
    evidence, bound, gap = elbo.bar()
    assert evidence == pytest.approx(bound + gap, abs=1e-9)
    whose = elbo.text(".eb-check").partition(":")[0]
    elbo.press('[data-tab="derivation"]')

    def derived() -> None:
        terms = elbo.text('[data-line="terms"] .eb-numbers')
        likelihood, rate, total = [float(v.replace("−", "-")) for v in re.findall(r"−?\d+\.\d{3}", terms)]
        assert total == bound
        assert likelihood - rate == pytest.approx(total, abs=1e-9)
        rest = re.findall(r"\d+\.\d{3}", elbo.text('[data-line="rest"] .eb-numbers'))[0]
        assert float(rest) == gap

    eventually(derived)
    elbo.press('[data-tab="weights"]')
    eventually(lambda: _drawn_from(elbo, whose))
    first = re.search(r"L₁ = (−?\d+\.\d+)", elbo.text(".eb-ess"))
    assert first
    assert float(first[1].replace("−", "-")) == pytest.approx(bound, abs=0.1)  # 20,000 draws of this very q
    elbo.press('[data-tab="gaps"]')


def _drawn_from(elbo: Elbo, whose: str) -> None:
    assert elbo.text(".eb-whose") == whose


def test_importance_weighted_bounds_rise_to_the_evidence(elbo, digits_model) -> None:
    elbo.visit(link=f"image={IMAGE}&tab=weights").settled()
    elbo.page.wait_for_selector('.eb-weights[data-seed="0"]')
    sample = importance_sample(
        digits_model.vae, digits_model.x(IMAGE), digits_model.q(IMAGE), 20_000, torch.Generator().manual_seed(0)
    )
    known = bounds(sample.log_w, [1, 1000])
    text = elbo.text(".eb-ess")
    said = [float(v.replace("−", "-")) for v in re.findall(r"= (−?\d+\.\d+)", text)]
    np.testing.assert_allclose(said, known.mean, atol=0.0051)
    evidence, bound, _ = elbo.bar()
    assert said[0] == pytest.approx(bound, abs=4 * known.standard_error[0].item())
    assert said[1] <= evidence + 4 * known.standard_error[1].item()
    assert said[1] > said[0]
    assert "of 20,000 draws" in text
    posterior = digits_model.posterior(IMAGE)
    why = distrust(sample.log_w, Sampled(posterior.log_total, posterior.error))
    mean, error = log_mean_weight(sample.log_w)
    said = re.findall(r"weights: (−?\d+\.\d+)(?: ± (\d+\.\d+))?", elbo.text(".eb-poor"))[0]
    assert float(said[0].replace("−", "-")) == pytest.approx(mean, abs=0.0051)
    assert said[1] == ("" if why else f"{error:.2f}")
    assert (why or "nats.") in elbo.text(".eb-poor")
    with_draws = elbo.ink("hand")
    elbo.press('[data-tab="derivation"]')
    assert elbo.ink("hand") < with_draws
    elbo.press('[data-tab="weights"]')
    elbo.press(".eb-again")
    elbo.page.wait_for_selector('.eb-weights[data-seed="1"]')
    assert elbo.text(".eb-ess") != text


def test_the_worst_fits_are_one_click_away(elbo, tabled) -> None:
    table = read_table(tabled.folder / FILE_NAME)
    elbo.visit("runs/with-table", link="tab=images")
    order = table.row[np.argsort(-table.gap, kind="stable")]
    worst = elbo.page.locator(".eb-worst [data-row]").evaluate_all(
        "(all) => all.map(({ dataset }) => Number(dataset.row))"
    )
    assert worst == order[: len(worst)].tolist()
    split = elbo.page.locator(".eb-split [data-row]").evaluate_all(
        "(all) => all.map(({ dataset }) => Number(dataset.row))"
    )
    assert set(split) <= set(table.row[table.modes > 1].tolist())
    assert len(split) == min(7, int((table.modes > 1).sum()))
    middling = np.sort(table.gap)[len(table) // 2]
    first = int(elbo.page.locator(".er-root").get_attribute("data-image"))
    assert table.gap[table.row == first][0] == middling  # where the link names none, an ordinary one is shown
    elbo.press(f'.eb-worst [data-row="{worst[0]}"]')
    elbo.shown(worst[0])
    elbo.settled()
    assert elbo.bar()[2] == pytest.approx(float(table.gap.max()), abs=0.02 + 0.01 * float(table.gap.max()))


def test_the_test_sets_gaps_are_charted_and_chosen_from(elbo, tabled) -> None:
    table = read_table(tabled.folder / FILE_NAME)
    elbo.visit("runs/with-table", link=f"image={IMAGE}&tab=images&against=rate").settled()
    text = elbo.text(".eb-how")
    assert f"gap of {TABLED} test images" in text
    for value in (f"mean {table.gap.mean():.2f}", f"largest {table.gap.max():.1f}", f"of {FITTED} of them"):
        assert value in text
    assert f"approximation {np.nanmean(table.approximation):.2f}" in text
    assert elbo.page.locator(".eb-histogram").evaluate(INK) > 0
    pictures = []
    for against in ("class", "distortion", "rate"):
        elbo.press(f'[data-against="{against}"]')
        elbo.frames()
        pictures.append(elbo.canvas(".eb-scatter"))
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])
    # the chart's axes are those of its numbers: the image of the largest rate is furthest to the right
    i = int(table.rate.argmax())
    box = elbo.page.locator(".eb-scatter").bounding_box()
    margin = 0.02 * (table.rate.max() - table.rate.min())
    share = (table.rate[i] - table.rate.min() + margin) / (table.rate.max() - table.rate.min() + 2 * margin)
    low = np.log10(np.sort(table.gap)[int(0.001 * TABLED)]) - 0.1
    high = np.log10(table.gap.max()) + 0.1
    x = box["x"] + 46 + share * (box["width"] - 56)
    y = box["y"] + 18 + (high - np.log10(table.gap[i])) / (high - low) * (box["height"] - 40)
    x, y = float(x), float(y)
    elbo.page.mouse.move(x, y)
    elbo.frames()
    assert f"test image {table.index[i]}," in elbo.text(".eb-named")
    elbo.page.mouse.click(x, y)
    elbo.shown(int(table.row[i]))


def test_a_drawn_image_gets_the_encoders_q_and_a_posterior_of_its_own(elbo, digits_model) -> None:
    elbo.visit().settled()
    before = elbo.bar()
    elbo.press(".eb-draw")
    box = elbo.page.locator(".eb-pad .er-pad").bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    elbo.drag(at(0.5, 0.15), at(0.5, 0.85))
    elbo.drop()
    elbo.shown(-1)
    eventually(lambda: _differs(elbo.bar()[0], before[0]))
    elbo.settled()
    assert elbo.text(".eb-name") == "drawn by hand"
    pixels = torch.tensor(elbo.picture("canvas.eb-x")[:1] / 255).float()
    with torch.no_grad():
        q = digits_model.vae.encode(pixels[None])
    np.testing.assert_allclose(elbo.mu(), q.mu[0], atol=0.02)
    posterior = true_posterior(digits_model.plane, pixels)
    known = parts(digits_model.vae, pixels, DiagonalGaussian(q.mu[0], q.logvar[0]), posterior)
    # what is painted is rounded to bytes
    np.testing.assert_allclose(elbo.bar(), (known.log_evidence, known.elbo, known.gap), atol=0.25)
    elbo.press(".eb-pad .er-clear")
    elbo.shown(IMAGE)


def _differs(a: float, b: float) -> None:
    assert a != b


def test_a_link_brings_image_q_view_and_switches_back(elbo) -> None:
    link = f"image={IMAGE}&view=plane&heat=likelihood&tab=weights&contours=prior,likelihood&log=1&full=1&q=0.1,-0.2,0.05,0.02,0.04"
    elbo.visit(link=link).settled()
    np.testing.assert_allclose(elbo.mu(), [0.1, -0.2], atol=1e-3)
    np.testing.assert_allclose(elbo.sigma(), [0.05, np.hypot(0.02, 0.04)], atol=1e-4)
    for selector in ('[data-view="plane"]', '[data-heat="likelihood"]'):
        assert elbo.page.locator(selector).get_attribute("aria-checked") == "true"
    for name, on in {"prior": 1, "likelihood": 1, "posterior": 0, "log": 1, "full": 1, "points": 1}.items():
        assert elbo.page.locator(f'[data-switch="{name}"]').get_attribute("aria-pressed") == ("true" if on else "false")
    assert elbo.page.locator('[data-tab="weights"]').get_attribute("aria-selected") == "true"
    elbo.press('[data-switch="points"]')
    eventually(lambda: _linked(elbo, "points", "0"))
    kept = elbo.link
    assert kept["q"] == "0.1,-0.2,0.05,0.02,0.04"
    assert kept["contours"] == "prior,likelihood"


@pytest.mark.parametrize("link", ["image=-3&heat=lava&view=moon&tab=x", "image=1e9&q=a,b,c", "image=7&q=0,0,-1,0,1"])
def test_what_a_link_says_wrongly_is_passed_over(elbo, digits_model, link) -> None:
    elbo.visit(link=link).settled()
    row = int(elbo.page.locator(".er-root").get_attribute("data-image"))
    np.testing.assert_allclose(elbo.mu(), digits_model.held_out.mu[row], atol=6e-4)
    assert elbo.page.locator('[data-heat="posterior"]').get_attribute("aria-checked") == "true"


def test_another_link_in_the_address_bar_is_followed(elbo, digits_model) -> None:
    elbo.visit().settled()
    elbo.page.evaluate("location.hash = 'image=11&heat=none'")
    elbo.shown(11)
    elbo.settled()
    np.testing.assert_allclose(elbo.mu(), digits_model.held_out.mu[11], atol=6e-4)
    assert elbo.ink("heat") == 0


def test_more_than_two_dimensions_are_sampled_and_their_error_is_said(elbo) -> None:
    model = Reference(GALLERY / DEEP)
    elbo.visit(DEEP)
    eventually(lambda: _samples_said(elbo))
    evidence, bound, gap = elbo.bar()
    sample = importance_sample(model.vae, model.x(IMAGE), model.q(IMAGE), 20_000, torch.Generator().manual_seed(5))
    expected = sample.log_w.logsumexp(0).item() - np.log(20_000)
    assert evidence == pytest.approx(expected, abs=0.5)
    assert bound == pytest.approx(sample.log_w.mean().item(), abs=0.5)
    assert gap == pytest.approx(evidence - bound, abs=1e-9)
    errors = re.findall(r"± (\d+\.\d\d)", elbo.text(".eb-check"))
    assert len(errors) == 2  # the gap's holds the ELBO's as well
    assert float(errors[1]) > float(errors[0]) > 0
    assert "grey pixels: ln p(x) is no normalised density" in elbo.text(".eb-check")
    assert "A poor lower bound of ln p(x), without an error" in elbo.text('[data-line="ratio"] .eb-numbers')
    assert "±" not in elbo.text('[data-line="ratio"] .eb-numbers')
    assert re.search(
        r"(annealed )?importance sampling, effective sample size", elbo.text('[data-line="evidence"] .eb-numbers')
    )
    assert elbo.ink("heat") == 0
    assert elbo.ink("hand") > 0  # q, projected
    for selector in ('[data-tab="gaps"]', '[data-heat="posterior"]', '[data-switch="full"]', '[data-view="plane"]'):
        assert elbo.page.locator(selector).is_hidden()
    elbo.press('[data-tab="weights"]')
    elbo.page.wait_for_selector(".eb-weights[data-seed]")
    assert "L₁₀₀₀" in elbo.text(".eb-ess")


def test_a_q_far_off_has_no_error_but_a_sentence(elbo, digits_model) -> None:
    """Few draws of q count, or they miss what there is: the truth lies far above, and no ± says otherwise."""
    elbo.visit(link=f"image={IMAGE}&q=2.5,2.5,0.05,0,0.05").settled()
    text = elbo.text('[data-line="ratio"] .eb-numbers')
    assert "±" not in text
    assert "A poor lower bound of ln p(x), without an error" in text


def _samples_said(elbo: Elbo) -> None:
    assert "draws of q" in elbo.text('[data-line="ratio"] .eb-numbers')


def test_a_server_that_is_gone_is_said_in_a_sentence(elbo) -> None:
    elbo.visit(link=f"image={IMAGE}&view=plane").settled()
    elbo.page.route("**/room/evidence/**", lambda route: route.abort())
    elbo.page.evaluate("location.hash = 'image=3'")
    message = elbo.page.locator(".eb-message")
    message.wait_for()
    assert message.inner_text() == "The server did not answer. See whether it still runs, then choose the image again."
    elbo.page.unroute("**/room/evidence/**")
    elbo.page.evaluate("location.hash = 'image=4'")
    elbo.shown(4)
    assert message.is_hidden()


def test_the_theme_may_change_while_it_is_open(elbo) -> None:
    elbo.visit(link=f"image={IMAGE}&contours=posterior&heat=posterior").settled()
    light = elbo.canvas(".eb-heat")
    elbo.page.emulate_media(color_scheme="dark")
    try:
        eventually(lambda: _other_colours(elbo, light))
    finally:
        elbo.page.emulate_media(color_scheme="light")


def _other_colours(elbo: Elbo, light: np.ndarray) -> None:
    dark = elbo.canvas(".eb-heat")
    seen = (light[3] > 100) & (dark[3] > 100) if light.shape == dark.shape else np.zeros(1, bool)
    assert seen.any()
    assert (np.abs(light[:3] - dark[:3])[:, seen].max(0) > 20).all()


@pytest.mark.parametrize("width", [390, 1024, 1920])
def test_nothing_is_cut_off_at_any_width(other_window, width) -> None:
    elbo = other_window(viewport={"width": width, "height": 900 if width > 400 else 844}).visit().settled()
    assert elbo.page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in (".eb-map", ".eb-sum", ".eb-bar canvas", ".eb-image", ".eb-tabs"):
        box = elbo.page.locator(selector).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1
        assert box["height"] > 20


def test_a_finger_drags_q_as_a_hand_does(other_window, digits_model) -> None:
    elbo = other_window(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).visit().settled()
    mu = digits_model.held_out.mu[IMAGE].astype(float)
    x, y = elbo.place(mu)
    session = elbo.page.context.new_cdp_session(elbo.page)
    touch = lambda kind, points: session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})  # noqa: E731
    touch("touchStart", [{"x": x, "y": y}])
    for i in range(1, 6):
        touch("touchMove", [{"x": x + 8 * i, "y": y}])
    touch("touchEnd", [])
    eventually(
        lambda: np.testing.assert_allclose(elbo.mu(), mu + np.array([40 / elbo.unit, 0]), atol=3 / elbo.unit + 1e-3)
    )
    elbo.settled()
    assert elbo.bar()[2] > digits_model.parts(IMAGE).gap


def one_dimensional(folder: Path) -> Model:
    """A model of a line, trained for a moment."""
    settings = Settings(data="digits", hidden=(32,), latent_dim=1, epochs=2, batch_size=64, device="cpu")
    for _ in run(settings, folder, load("digits")):
        pass
    return Reference(folder)


def test_a_line_has_its_densities_as_curves(elbo, runs_folder) -> None:
    model = one_dimensional(runs_folder / "one-dimension")
    elbo.visit("runs/one-dimension").settled()
    known = model.parts(IMAGE)
    np.testing.assert_allclose(elbo.bar(), (known.log_evidence, known.elbo, known.gap), atol=3e-3)
    assert elbo.ink("lines") > 0
    (x0, x1), _, box = elbo.view_of_plane()
    mu = float(model.held_out.mu[IMAGE, 0])
    x = box["left"] + (mu - x0) / (x1 - x0) * box["width"]
    y = box["top"] + box["height"] / 2
    elbo.drag((x, y), (x + 50, y))
    elbo.drop()
    np.testing.assert_allclose(elbo.mu(), [mu + 50 / elbo.unit], atol=2 / elbo.unit + 1e-3)
    elbo.settled()
    moved = FullGaussian(torch.tensor(elbo.mu()), full(model.q(IMAGE)).tril)
    known = model.parts(IMAGE, moved)
    np.testing.assert_allclose(elbo.bar(), (known.log_evidence, known.elbo, known.gap), atol=5e-3)


def test_everything_on_the_page_has_a_name(elbo) -> None:
    elbo.visit().settled()
    elbo.press(".eb-draw")
    for tab in ("derivation", "gaps", "weights", "images"):
        elbo.press(f'[data-tab="{tab}"]')
        elbo.page.wait_for_selector(f"#eb-{tab}")
        assert elbo.page.evaluate(NAMELESS, ".er-root") == [], tab
