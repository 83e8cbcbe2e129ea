"""The KL page of images whose factors are known: their scores along beta, and a map in the colours of any factor."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.room import ROOT, Room, eventually
from vae.data.image_sets import load
from vae.training.beta_path import BetaPath, read

NAME = "sprites-10d"
READY = f'.er-root[data-complete="{NAME}"]'
DARKEST, LIGHTEST = (70, 50, 126), (160, 218, 57)


@pytest.fixture(scope="module")
def path() -> BetaPath:
    return read(ROOT / "assets" / "paths" / f"{NAME}.safetensors")


@pytest.fixture(scope="module")
def kl(own_page, address) -> Room:
    own_page.goto(f"{address}/kl?path={NAME}#beta=1&colour=x&zones=none")
    own_page.wait_for_selector(READY)
    return Room(own_page, address)


def test_the_factors_are_those_the_images_were_drawn_from(path) -> None:
    factors = load("sprites").factors
    assert factors is not None
    assert path.factor_names == factors.names
    np.testing.assert_array_equal(path.factors, factors.test[path.index])


def test_the_scores_are_those_of_the_file(kl, path) -> None:
    for beta in (1.0, 12.0):
        kl.page.evaluate("(beta) => { location.hash = `beta=${beta}&colour=x&zones=none`; }", beta)
        scores = path.up[path.betas.index(beta)]["disentanglement"]
        mig = f"MIG {scores['mig']:.3f}"
        score = f"FactorVAE score {scores['factor_vae']:.2f} ± {scores['factor_vae_se']:.2f}"
        eventually(lambda said=f"disentanglement {mig} {score}": _says(kl.text(".kl-scores p"), said))
    assert "on 4374 test images" in kl.page.locator(".kl-scores").get_attribute("title")


def test_the_map_is_coloured_by_the_factor_that_the_link_names(kl, path) -> None:
    column = path.factors[:, path.factor_names.index("x")]

    def shown() -> None:
        picture = kl.canvas(".page-maps .page-motion")
        for colour, value in ((DARKEST, 0), (LIGHTEST, column.max())):
            dots = (np.abs(picture[:3] - np.reshape(colour, (3, 1, 1))).max(0) < 3) & (picture[3] > 200)
            assert dots.sum() > 3 * (column == value).sum()

    eventually(shown)
    assert kl.page.locator(".er-legend button").all_inner_texts() == [str(n + 1) for n in range(column.max() + 1)]


def test_the_image_beside_the_lens_is_the_nearest_in_all_dimensions(kl, path) -> None:
    for beta in (1.0, 12.0):
        kl.page.evaluate("(beta) => { location.hash = `beta=${beta}&colour=x&zones=none`; }", beta)
        away = np.linalg.norm(path.mu[path.betas.index(beta)], axis=1)  # the lens stands at z = 0

        def shown(away: np.ndarray = away) -> None:
            which, *_, image = kl.text(".kl-nearest p").split("\n")
            assert which == "nearest in z"
            row = np.flatnonzero(path.index == int(image.removeprefix("test image ")))[0]
            assert away[row] <= away.min() + 2e-3  # as coarse as mu is stored

        eventually(shown)


def test_another_factor_is_chosen_and_stands_in_the_link(kl) -> None:
    choice = kl.page.locator(".kl-colour select")
    assert choice.locator("option").all_inner_texts() == ["shape", "scale", "rotation", "x", "y"]
    choice.select_option("scale")
    eventually(lambda: _has(kl.page.evaluate("location.hash"), "colour=scale"))
    assert kl.page.locator(".er-legend button").count() == 6
    eventually(lambda: _has(kl.text(".kl-nearest p"), "scale "))
    choice.select_option("shape")
    eventually(lambda: _lacks(kl.page.evaluate("location.hash"), "colour"))
    assert kl.page.locator(".er-legend button").all_inner_texts() == ["square", "ellipse", "heart"]


def test_paths_without_factors_offer_none(kl) -> None:
    kl.page.goto(f"{kl.address}/kl?path=digits-linear")
    kl.page.wait_for_selector('.er-root[data-complete="digits-linear"]')
    assert kl.page.locator(".kl-colour").is_hidden()
    assert kl.page.locator(".kl-scores").is_hidden()


def _says(text: str, expected: str) -> None:
    assert " ".join(text.split()) == expected


def _has(text: str, part: str) -> None:
    assert part in text


def _lacks(text: str, part: str) -> None:
    assert part not in text
