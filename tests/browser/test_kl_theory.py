"""The KL page of a linear VAE's path: the closed form stands where the file has it."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from tests.browser.room import ROOT, Room, eventually
from vae.training.beta_path import BetaPath, read

NAME = "digits-linear"


@pytest.fixture(scope="module")
def path() -> BetaPath:
    return read(ROOT / "assets" / "paths" / f"{NAME}.safetensors")


@pytest.fixture(scope="module")
def kl(own_page, address) -> Room:
    own_page.goto(f"{address}/kl?path={NAME}#beta=1")
    own_page.wait_for_selector(f'.er-root[data-complete="{NAME}"]')
    return Room(own_page, address)


def test_thresholds_are_marked_on_the_slider(kl, path) -> None:
    low, high = path.betas[1], path.betas[-1]
    marks = kl.page.locator(".kl-threshold")
    places = [float(mark.evaluate("(mark) => mark.style.getPropertyValue('--at')")) for mark in marks.all()]
    expected = [0.06 + 0.94 * log(limit / low) / log(high / low) for limit in path.linear.thresholds]
    np.testing.assert_allclose(places, expected, atol=1e-6)
    assert marks.first.get_attribute("title").startswith("z₁ dies at β = λ/σₚ² = ")


def test_the_closed_form_lies_beneath_the_measured_curve(kl, path) -> None:
    """Where the curve is: the chart's axes are those that the numbers of all stops but beta 0 give."""
    picture = eventually(lambda: _drawn(kl))
    rows, columns = np.nonzero(_is_orange(picture))
    curve = columns < picture.shape[2] - 60  # the key stands at the right
    rows, columns = rows[curve], columns[curve]
    assert len(rows) > 300
    # it falls from left to right, as distortion does with rate, and is convex
    middle = {c: rows[columns == c].mean() for c in np.unique(columns)}
    heights = np.array([middle[c] for c in sorted(middle)])
    assert heights[-1] - heights[0] > 100
    third = len(heights) // 3
    assert heights[third] - heights[0] > 1.5 * (heights[-1] - heights[2 * third])


def test_the_sigma_of_the_same_optimum_is_said(kl, path) -> None:
    sigma = path.settings.sigma
    for beta in (1.0, 4.2):
        kl.page.evaluate("(beta) => { location.hash = `beta=${beta}`; }", beta)
        eventually(lambda said=f"σₚ = {sigma * beta**0.5:.3g} at β 1": _says(kl.text(".kl-same"), said))
    assert "the same optimum along β·σₚ² = const" in kl.text(".room-facts")


def _says(text: str, expected: str) -> None:
    assert text == expected


def _drawn(kl: Room) -> np.ndarray:
    picture = kl.canvas(".kl-tradeoff")
    assert _is_orange(picture).sum() > 300
    return picture


def _is_orange(picture: np.ndarray) -> np.ndarray:
    """Pixels in the hue of the closed form, however pale."""
    red, green, blue = picture[:3].astype(int)
    return (red - blue > 60) & (abs((green - blue) - (red - blue) * 125 / 220) < 25) & (picture[3] > 100)
